/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* state/store, entry, sweep, lock, gate: the state directory. Needs a writable /tmp only. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/state-internal.h"

static char *make_top(void)
{
    char *top = strdup("/tmp/coffer-test-store-XXXXXX");

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

static struct cf_store *open_store(const char *top)
{
    struct cf_store *store;
    struct cf_err err = CF_ERR_INIT;
    char root[256];

    snprintf(root, sizeof(root), "%s/a/root", top);
    cr_assert(eq(int, cf_store_open(root, true, false, &store, &err), 0), "%s", err.text);
    return store;
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

static struct cf_entry *publish(struct cf_store *store, const char *id)
{
    struct cf_record record = record_of(id);
    struct cf_err err = CF_ERR_INIT;
    struct cf_entry *entry = NULL;

    cr_assert(eq(int, cf_store_publish(store, &record, "{}", 2, &entry, &err), 0), "%s", err.text);
    return entry;
}

static mode_t mode_of(int dir_fd, const char *name)
{
    struct stat st;

    cr_assert(eq(int, fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0), "%s", name);
    return st.st_mode & 07777;
}

Test(store, missing_root_is_made_only_on_request)
{
    char *top = make_top(), root[256];
    struct cf_store *store = NULL;
    struct cf_err err = CF_ERR_INIT;
    struct stat st;

    snprintf(root, sizeof(root), "%s/x/y", top);
    cr_expect(eq(int, cf_store_open(root, false, false, &store, &err), -ENOENT));
    cr_expect(eq(u32, err.kind, COFFER_ERROR_NOT_FOUND));
    cf_err_clear(&err);
    cr_assert(eq(int, cf_store_open(root, true, true, &store, &err), 0));
    cr_assert(eq(int, stat(root, &st), 0));
    cr_expect(eq(u32, st.st_mode & 07777, 01700));
    cf_store_free(store);
    remove_top(top);
}

Test(store, unsafe_roots)
{
    char *top = make_top(), root[256], link[256];
    struct cf_store *store = NULL;
    struct cf_err err = CF_ERR_INIT;

    cr_expect(eq(int, cf_store_open("rel", true, false, &store, &err), -EINVAL));
    snprintf(root, sizeof(root), "%s/r", top);
    cr_assert(eq(int, mkdir(root, 0700), 0));
    cr_assert(eq(int, chmod(root, 0770), 0));
    cf_err_clear(&err);
    cr_expect(eq(int, cf_store_open(root, true, false, &store, &err), -EPERM));
    cr_expect(eq(u32, err.kind, COFFER_ERROR_UNSAFE));
    cr_assert(eq(int, chmod(root, 0755), 0));
    cf_err_clear(&err);
    cr_assert(eq(int, cf_store_open(root, true, false, &store, &err), 0));
    cf_store_free(store);

    /* The root itself must not be a link; on the way there a link of our own is followed. */
    snprintf(link, sizeof(link), "%s/l", top);
    cr_assert(eq(int, symlink("r", link), 0));
    cf_err_clear(&err);
    cr_expect(eq(int, cf_store_open(link, true, false, &store, &err), -EPERM));
    snprintf(link, sizeof(link), "%s/l/sub", top);
    cf_err_clear(&err);
    cr_assert(eq(int, cf_store_open(link, true, false, &store, &err), 0), "%s", err.text);
    cf_store_free(store);
    remove_top(top);
}

Test(store, life_of_an_entry)
{
    char *top = make_top();
    struct cf_store *store = open_store(top);
    struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    struct cf_entry *entry, *other = NULL;
    struct cf_record record = record_of("c1"), got;
    char *config = NULL;
    size_t len;

    umask(0);
    entry = publish(store, "c1");
    cr_expect(eq(u32, mode_of(cf_store_dir_fd(store), "c1"), 0700));
    cr_expect(eq(u32, mode_of(cf_entry_dir_fd(entry), "state.json"), 0600));
    cr_expect(eq(u32, mode_of(cf_entry_dir_fd(entry), "config.json"), 0600));
    cr_expect(not(cf_entry_busy(entry)), "our own lock is nobody else's");

    cr_expect(eq(int, cf_store_publish(store, &record, "", 0, &other, &err), -EEXIST));
    cr_expect(eq(str, err.text, "container with given ID already exists"));
    cf_err_clear(&err);

    cr_assert(eq(int, cf_store_get(store, "c1", CF_LOCK_NONE, &other, &err), 0));
    cr_expect(cf_entry_busy(other));
    cr_assert(eq(int, cf_entry_read(other, arena, &got, &err), 0));
    cr_expect(eq(int, (int) cf_entry_status(other, &got), CF_STATUS_CREATING));
    cr_assert(eq(int, cf_entry_read_config(other, &config, &len, &err), 0));
    cr_expect(eq(str, config, "{}"));
    free(config);

    record.phase = CF_PHASE_CREATED;
    cr_assert(eq(int, cf_entry_write(entry, &record, &err), 0));
    cr_expect(eq(u32, mode_of(cf_entry_dir_fd(entry), "state.json"), 0600));
    cr_assert(eq(int, cf_entry_read(other, arena, &got, &err), 0));
    cr_expect(eq(int, (int) cf_entry_status(other, &got), CF_STATUS_STOPPED));
    cf_entry_close(other);

    cr_assert(eq(int, cf_entry_retire(entry, &err), 0));
    cr_expect(eq(int, cf_store_get(store, "c1", CF_LOCK_NONE, &other, &err), -ENOENT));
    cr_expect(eq(str, err.text, "container does not exist"));
    cr_expect(eq(int, faccessat(cf_store_dir_fd(store), "c1", F_OK, 0), -1));
    cf_arena_free(arena);
    cf_store_free(store);
    remove_top(top);
}

Test(store, creator_died)
{
    char *top = make_top();
    struct cf_store *store = open_store(top);
    struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    struct cf_entry *entry;
    struct cf_record got;

    cf_entry_close(publish(store, "c1"));
    cr_assert(eq(int, cf_store_get(store, "c1", CF_LOCK_EXCLUSIVE, &entry, &err), 0));
    cr_assert(eq(int, cf_entry_read(entry, arena, &got, &err), 0));
    cr_expect(eq(int, (int) cf_entry_status(entry, &got), CF_STATUS_STOPPED));
    cr_assert(eq(int, cf_entry_retire(entry, &err), 0));
    cf_arena_free(arena);
    cf_store_free(store);
    remove_top(top);
}

Test(store, broken_entries_can_be_opened_and_retired)
{
    char *top = make_top();
    struct cf_store *store = open_store(top);
    struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    struct cf_entry *entry;
    struct cf_record got;

    cr_assert(eq(int, mkdirat(cf_store_dir_fd(store), "empty", 0700), 0));
    cr_assert(eq(int, mkdirat(cf_store_dir_fd(store), "empty/sub", 0700), 0));
    cr_assert(eq(int, cf_store_get(store, "empty", CF_LOCK_EXCLUSIVE, &entry, &err), 0), "%s", err.text);
    cr_expect(eq(int, cf_entry_read(entry, arena, &got, &err), -EBADMSG));
    cr_expect(eq(u32, err.kind, COFFER_ERROR_STATE));
    cf_err_clear(&err);
    cr_assert(eq(int, cf_entry_retire(entry, &err), 0));
    cr_expect(eq(int, cf_store_get(store, "empty", CF_LOCK_EXCLUSIVE, &entry, &err), -ENOENT));
    cf_err_clear(&err);

    /* Something else under the name of a container is not followed. */
    cr_assert(eq(int, symlinkat("/", cf_store_dir_fd(store), "link"), 0));
    cr_expect(eq(int, cf_store_get(store, "link", CF_LOCK_EXCLUSIVE, &entry, &err), -ENOTDIR));
    cr_expect(eq(u32, err.kind, COFFER_ERROR_UNSAFE));
    cf_arena_free(arena);
    cf_store_free(store);
    remove_top(top);
}

Test(store, list_sorts_and_sweeps)
{
    char *top = make_top();
    struct cf_store *store = open_store(top);
    struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    int root = cf_store_dir_fd(store), fd, held;
    char **ids;
    size_t n;

    cf_entry_close(publish(store, "b"));
    cf_entry_close(publish(store, "a"));
    cf_entry_close(publish(store, "B"));
    cr_assert(eq(int, mkdirat(root, ".cache", 0700), 0));
    cr_assert(eq(int, mkdirat(root, ".tmp-empty", 0700), 0));
    cr_assert(eq(int, mkdirat(root, ".tmp-held", 0700), 0));
    cr_assert(eq(int, mkdirat(root, ".dead-full", 0700), 0));
    cr_assert(eq(int, mkdirat(root, ".dead-full/deep", 0700), 0));
    cr_assert(eq(int, symlinkat("/etc", root, ".dead-full/deep/link"), 0));
    fd = openat(root, ".dead-full/state.json", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    fd = openat(root, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    held = openat(root, ".tmp-held", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(eq(int, flock(held, LOCK_EX), 0));

    cr_assert(eq(int, cf_store_list(store, arena, &ids, &n, &err), 0));
    cr_assert(eq(sz, n, 3));
    cr_expect(eq(str, ids[0], "B"));
    cr_expect(eq(str, ids[1], "a"));
    cr_expect(eq(str, ids[2], "b"));
    cr_expect(eq(int, faccessat(root, ".tmp-empty", F_OK, 0), -1));
    cr_expect(eq(int, faccessat(root, ".dead-full", F_OK, 0), -1));
    cr_expect(eq(int, faccessat(root, ".tmp-held", F_OK, 0), 0), "somebody holds its lock");
    cr_expect(eq(int, faccessat(root, ".cache", F_OK, 0), 0));
    close(held);
    cr_assert(eq(int, cf_store_list(store, arena, &ids, &n, &err), 0));
    cr_expect(eq(int, faccessat(root, ".tmp-held", F_OK, 0), -1));
    cf_arena_free(arena);
    cf_store_free(store);
    remove_top(top);
}

Test(store, lock_waits_for_its_holder, .timeout = 20)
{
    char *top = make_top();
    struct cf_store *store = open_store(top);
    struct cf_err err = CF_ERR_INIT;
    struct cf_entry *entry;
    int status, go[2];
    pid_t pid;

    cf_entry_close(publish(store, "c1"));
    cr_assert(eq(int, pipe2(go, O_CLOEXEC), 0));
    pid = fork();
    if (pid == 0) {
        if (cf_store_get(store, "c1", CF_LOCK_EXCLUSIVE, &entry, &err) < 0 || write(go[1], "x", 1) != 1)
            _exit(1);
        usleep(100000);
        /* Deleted while the other one waits: it must not get a dead directory. */
        _exit(cf_entry_retire(entry, &err) < 0);
    }
    cr_assert(eq(int, (int) read(go[0], &status, 1), 1));
    cr_expect(eq(int, cf_store_get(store, "c1", CF_LOCK_SHARED, &entry, &err), -ENOENT));
    cr_assert(eq(int, waitpid(pid, &status, 0), pid));
    cr_expect(eq(int, status, 0));
    cf_store_free(store);
    remove_top(top);
}

Test(store, lock_modes)
{
    char *top = make_top();
    struct cf_store *store = open_store(top);
    struct cf_err err = CF_ERR_INIT;
    struct cf_entry *a, *b;

    cf_entry_close(publish(store, "c1"));
    cr_assert(eq(int, cf_store_get(store, "c1", CF_LOCK_SHARED, &a, &err), 0));
    cr_assert(eq(int, cf_store_get(store, "c1", CF_LOCK_SHARED, &b, &err), 0));
    cr_expect(not(cf_entry_busy(a)), "shared locks are no creation");
    cf_entry_close(a);
    cr_assert(eq(int, cf_entry_lock_convert(b, CF_LOCK_EXCLUSIVE, &err), 0));
    cr_assert(eq(int, cf_store_get(store, "c1", CF_LOCK_NONE, &a, &err), 0));
    cr_expect(cf_entry_busy(a));
    cr_assert(eq(int, cf_entry_lock_convert(b, CF_LOCK_NONE, &err), 0));
    cr_expect(not(cf_entry_busy(a)));
    cf_entry_close(a);
    cf_entry_close(b);
    cf_store_free(store);
    remove_top(top);
}

Test(store, publish_races)
{
    enum { N = 8 };
    char *top = make_top();
    struct cf_store *store = open_store(top);
    struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    int winners = 0, status;
    pid_t pids[N];
    char **ids;
    size_t n;

    for (int i = 0; i < N; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct cf_record record = record_of("same");
            struct cf_entry *entry;
            int r = 0;

            /* A sweeper among the publishers. */
            for (int k = 0; k < 20 && i == 0; k++)
                r = cf_store_list(store, arena, &ids, &n, &err);
            if (i > 0)
                r = cf_store_publish(store, &record, "{}", 2, &entry, &err);
            _exit(i == 0 ? 100 : r == 0 ? 1 : r == -EEXIST ? 0 : 2);
        }
    }
    for (int i = 0; i < N; i++) {
        cr_assert(eq(int, waitpid(pids[i], &status, 0), pids[i]));
        cr_expect(ne(int, status, 2 << 8));
        winners += status == 1 << 8;
    }
    cr_expect(eq(int, winners, 1));
    cr_assert(eq(int, cf_store_list(store, arena, &ids, &n, &err), 0));
    cr_expect(eq(sz, n, 1));
    cf_arena_free(arena);
    cf_store_free(store);
    remove_top(top);
}

Test(gate, listens_and_answers)
{
    char *top = make_top();
    struct cf_store *store = open_store(top);
    struct cf_err err = CF_ERR_INIT;
    struct cf_entry *entry = publish(store, "c1");
    int gate, client;

    umask(0);
    cr_expect(eq(int, cf_gate_probe(entry), 0), "no socket yet");
    cr_assert(eq(int, cf_gate_listen(entry, &gate, &err), 0), "%s", err.text);
    cr_expect(eq(u32, mode_of(cf_entry_dir_fd(entry), "start.sock"), 0600));
    cr_expect(eq(int, cf_gate_probe(entry), 1));
    cr_assert(eq(int, cf_gate_connect(entry, &client), 0));
    close(client);
    for (int i = 0; i < 64; i++) /* nobody accepts: a full queue is still an open gate */
        cr_expect(eq(int, cf_gate_probe(entry), 1), "probe %d", i);
    close(gate);
    cr_expect(eq(int, cf_gate_probe(entry), 0));
    cr_expect(eq(int, cf_gate_connect(entry, &client), -ECONNREFUSED));
    cr_assert(eq(int, cf_entry_retire(entry, &err), 0));
    cf_store_free(store);
    remove_top(top);
}

Test(store, cache_directories)
{
    char *top = make_top();
    struct cf_store *store = open_store(top);
    struct cf_err err = CF_ERR_INIT;
    int fd;

    for (int i = 0; i < 2; i++) {
        cr_assert(eq(int, cf_store_cache_fd(store, "seccomp", &fd, &err), 0));
        close(fd);
    }
    cr_expect(eq(u32, mode_of(cf_store_dir_fd(store), ".cache/seccomp"), 0700));
    cf_store_free(store);
    remove_top(top);
}
