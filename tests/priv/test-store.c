/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* state/: what only root can set up: directories and links of other users, killed creators, locks
 * that a child inherited. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/state-internal.h"

#define OTHER_UID 64999

static char *make_top(void)
{
    char *top = strdup("/tmp/coffer-priv-store-XXXXXX");

    cr_assert(mkdtemp(top) != NULL);
    return top;
}

static void remove_top(char *top)
{
    int tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

    cr_expect(eq(int, cf_store_remove_tree(tmp, strrchr(top, '/') + 1), 0));
    close(tmp);
    free(top);
}

static const char *path_in(char buf[256], const char *top, const char *name)
{
    snprintf(buf, 256, "%s/%s", top, name);
    return buf;
}

static int try_open(const char *root, uint32_t *ret_kind)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_store *store = NULL;
    int r = cf_store_open(root, true, false, &store, &err);

    cf_store_free(store);
    *ret_kind = err.kind;
    return r;
}

Test(store_root, of_another_user_is_refused)
{
    char *top = make_top(), a[256], b[256];
    uint32_t kind;

    cr_assert(eq(int, mkdir(path_in(a, top, "theirs"), 0700), 0));
    cr_assert(eq(int, chown(a, OTHER_UID, OTHER_UID), 0));
    cr_expect(eq(int, try_open(a, &kind), -EPERM));
    cr_expect(eq(u32, kind, COFFER_ERROR_UNSAFE));

    /* A link they made on the way, wherever it leads. */
    cr_assert(eq(int, mkdir(path_in(a, top, "ours"), 0700), 0));
    cr_assert(eq(int, symlink("ours", path_in(b, top, "link")), 0));
    cr_expect(eq(int, try_open(path_in(a, top, "link/root"), &kind), 0), "our own link");
    cr_assert(eq(int, lchown(b, OTHER_UID, OTHER_UID), 0));
    cr_expect(eq(int, try_open(path_in(a, top, "link/root"), &kind), -EPERM));
    cr_expect(eq(u32, kind, COFFER_ERROR_UNSAFE));
    remove_top(top);
}

Test(store_root, of_root_is_fine_for_a_user)
{
    char *top = make_top(), a[256];
    int status;
    pid_t pid;

    cr_assert(eq(int, chmod(top, 0755), 0));
    cr_assert(eq(int, mkdir(path_in(a, top, "r"), 0755), 0));
    pid = fork();
    if (pid == 0) {
        struct cf_err err = CF_ERR_INIT;
        struct cf_store *store = NULL;
        struct cf_entry *entry = NULL;

        if (setresgid(OTHER_UID, OTHER_UID, OTHER_UID) < 0 || setresuid(OTHER_UID, OTHER_UID, OTHER_UID) < 0)
            _exit(1);
        if (cf_store_open(a, false, false, &store, &err) < 0)
            _exit(2);
        _exit(cf_store_get(store, "x", CF_LOCK_NONE, &entry, &err) != -ENOENT ? 3 : 0);
    }
    cr_assert(eq(int, waitpid(pid, &status, 0), pid));
    cr_expect(eq(int, status, 0));
    remove_top(top);
}

static struct cf_record record_of(const char *id)
{
    return (struct cf_record){
        .format = 1,
        .id = id,
        .phase = CF_PHASE_CREATING,
        .bundle = "/b",
        .rootfs = "/b/rootfs",
        .created = "2026-01-02T03:04:05.000000006Z",
        .boot_id = "b",
    };
}

Test(store_crash, killed_creators_leave_what_delete_can_take, .timeout = 60)
{
    char *top = make_top(), root[256];
    struct cf_err err = CF_ERR_INIT;
    struct cf_store *store = NULL;
    struct cf_arena *arena = cf_arena_new();
    char **ids;
    size_t n;

    cr_assert(eq(int, cf_store_open(path_in(root, top, "root"), true, false, &store, &err), 0));
    /* Killed at any time: the id exists with a valid record, or not at all. */
    for (int i = 0; i < 60; i++) {
        int ready[2], status;
        pid_t pid;

        cr_assert(eq(int, pipe2(ready, O_CLOEXEC), 0));
        pid = fork();
        if (pid == 0) {
            struct cf_record record = record_of("c");
            struct cf_entry *entry;

            if (write(ready[1], "x", 1) != 1)
                _exit(1);
            for (;;) {
                if (cf_store_publish(store, &record, "{}", 2, &entry, &err) < 0 ||
                    cf_entry_retire(entry, &err) < 0)
                    _exit(2);
            }
        }
        cr_assert(eq(int, (int) read(ready[0], &status, 1), 1));
        usleep((useconds_t) (i * 37 % 1000));
        kill(pid, SIGKILL);
        cr_assert(eq(int, waitpid(pid, &status, 0), pid));
        cr_expect(eq(int, status, SIGKILL));
        close(ready[0]);
        close(ready[1]);

        cr_assert(eq(int, cf_store_list(store, arena, &ids, &n, &err), 0));
        cr_assert(le(sz, n, 1));
        if (n == 1) {
            struct cf_record got;
            struct cf_entry *entry;

            cr_assert(eq(int, cf_store_get(store, "c", CF_LOCK_EXCLUSIVE, &entry, &err), 0));
            cr_assert(eq(int, cf_entry_read(entry, arena, &got, &err), 0), "%s", err.text);
            cr_expect(eq(int, (int) cf_entry_status(entry, &got), CF_STATUS_STOPPED));
            cr_assert(eq(int, cf_entry_retire(entry, &err), 0));
        }
    }
    cr_assert(eq(int, cf_store_list(store, arena, &ids, &n, &err), 0));
    cr_expect(eq(sz, n, 0));
    cr_expect(eq(int, rmdir(root), 0), "nothing hidden is left");
    cf_arena_free(arena);
    cf_store_free(store);
    remove_top(top);
}

Test(store_lock, inherited_by_a_child_keeps_it_taken)
{
    char *top = make_top(), root[256];
    struct cf_err err = CF_ERR_INIT;
    struct cf_store *store = NULL;
    struct cf_entry *entry, *other;
    struct cf_record record = record_of("c");
    int hold[2], status;
    pid_t pid;
    char c;

    cr_assert(eq(int, cf_store_open(path_in(root, top, "root"), true, false, &store, &err), 0));
    cr_assert(eq(int, cf_store_publish(store, &record, "{}", 2, &entry, &err), 0));
    cr_assert(eq(int, pipe2(hold, O_CLOEXEC), 0));
    pid = fork();
    if (pid == 0) {
        close(hold[1]);
        (void) !read(hold[0], &c, 1);
        _exit(0);
    }
    close(hold[0]);
    cf_entry_close(entry);
    cr_assert(eq(int, cf_store_get(store, "c", CF_LOCK_NONE, &other, &err), 0));
    cr_expect(cf_entry_busy(other), "the child still has the descriptor");
    close(hold[1]);
    cr_assert(eq(int, waitpid(pid, &status, 0), pid));
    cr_expect(not(cf_entry_busy(other)));
    cr_assert(eq(int, cf_entry_retire(other, &err), 0));
    cf_store_free(store);
    remove_top(top);
}
