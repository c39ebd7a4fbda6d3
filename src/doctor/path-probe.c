/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One path of the operator's: what its mount allows, and whether a clone of it can carry an id map.
 * Everything that touches the path happens in a child, because a dead server would hold it for ever. Host
 * side.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "doctor/checks.h"
#include "sys/fs.h"
#include "sys/mountfd.h"
#include "sys/task.h"

#define PATH_TIMEOUT_MS 200
#define MOUNTINFO_LIMIT (16u << 20)

struct path_arg {
    const char *path;
    bool enter; /* unprivileged */
    int userns_fd;
};

struct path_results {
    int open;
    uint64_t flags, magic, mount_id;
    int idmap;
    int step; /* index into steps */
};

enum { STEP_ENTER, STEP_CLONE, STEP_IDMAP };
static const char *const steps[] = {"namespace", "clone", "idmap"};

static void path_child(void *shared, const void *data)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
    const struct path_arg *arg = data;
    struct path_results *ret = shared;
    int fd, tree, map_fd = arg->userns_fd, r = 0;
    unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    const char *ignored;
    struct statx stx;
    struct statfs fs;

    fd = cf_sys_openat(AT_FDCWD, arg->path, O_PATH | O_CLOEXEC, 0);
    if (fd >= 0)
        r = cf_sys_fstatfs(fd, &fs);
    if (fd >= 0 && r >= 0)
        r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx);
    ret->open = fd < 0 ? fd : r;
    if (ret->open < 0)
        return;
    ret->flags = (uint64_t) fs.f_flags;
    ret->magic = (uint64_t) fs.f_type;
    ret->mount_id = stx.stx_mnt_id;
    ret->step = STEP_ENTER;
    if (arg->enter) {
        r = arg->userns_fd < 0 ? -EPERM : cf_sys_setns(arg->userns_fd, CLONE_NEWUSER);
        if (r >= 0)
            r = cf_sys_unshare(CLONE_NEWNS);
        map_fd = r < 0 ? r : cf_try_userns(0, 0, &ignored);
        flags |= AT_RECURSIVE; /* what covers a part must come along */
    }
    if (map_fd < 0) {
        ret->idmap = r < 0 ? r : map_fd;
        return;
    }
    ret->step = STEP_CLONE;
    /* By path again: the descriptor belongs to the mount namespace before. */
    tree = cf_sys_open_tree(AT_FDCWD, arg->path, flags);
    if (tree < 0) {
        ret->idmap = tree;
        return;
    }
    ret->step = STEP_IDMAP;
    attr.userns_fd = (uint64_t) map_fd;
    ret->idmap = cf_sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr));
}

/* 36 35 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw */
bool cf_path_fstype(const char *mountinfo, uint64_t mount_id, char *buf, size_t size)
{
    char id[CF_NUM_SIZE];
    size_t id_len = cf_num_format(id, mount_id);

    for (const char *line = mountinfo; *line;) {
        const char *end = line + strcspn(line, "\n"), *type;
        size_t n;

        if (strncmp(line, id, id_len) == 0 && line[id_len] == ' ') {
            type = strstr(line, " - ");
            if (!type || type > end)
                return false;
            type += 3;
            n = strcspn(type, " \n");
            if (n == 0 || n >= size)
                return false;
            memcpy(buf, type, n);
            buf[n] = '\0';
            return true;
        }
        line = end + (*end == '\n');
    }
    return false;
}

void cf_path_probe(struct cf_path_facts *ret, const char *path, const struct cf_facts *caller, int userns_fd)
{
    const struct path_arg arg = {.path = path, .enter = !caller->privileged, .userns_fd = userns_fd};
    struct path_results results = {.open = CF_NOT_TRIED, .idmap = CF_NOT_TRIED};
    cf_auto_free char *text = NULL;
    int r = cf_try_run(path_child, &arg, &results, sizeof(results), PATH_TIMEOUT_MS);

    *ret = (struct cf_path_facts){.idmap = results.idmap, .idmap_step = steps[results.step]};
    ret->open = results.open == CF_NOT_TRIED ? (r < 0 ? r : -EIO) : results.open;
    if (ret->open < 0)
        return;
    ret->magic = results.magic;
    ret->mount_id = results.mount_id;
    ret->read_only = results.flags & ST_RDONLY;
    ret->nosuid = results.flags & ST_NOSUID;
    ret->nodev = results.flags & ST_NODEV;
    ret->noexec = results.flags & ST_NOEXEC;
    if (cf_io_read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_LIMIT, &text, NULL) >= 0)
        (void) cf_path_fstype(text, ret->mount_id, ret->fstype, sizeof(ret->fstype));
}
