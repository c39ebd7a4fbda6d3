/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every container takes for granted about the node. Read-only, host side. */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "doctor/checks.h"
#include "sys/fs.h"

#define MOUNTINFO_LIMIT (16u << 20)

/* ... /proc rw,relatime - proc proc rw,hidepid=2 (or invisible, ptraceable, noaccess) */
int cf_node_hidepid(const char *mountinfo)
{
    static const struct {
        const char *word;
        int value;
    } words[] = {{"hidepid=1", 1},         {"hidepid=noaccess", 1}, {"hidepid=2", 2},
                 {"hidepid=invisible", 2}, {"hidepid=4", 4},        {"hidepid=ptraceable", 4}};
    int found = 0;

    for (const char *line = mountinfo; *line;) {
        const char *end = line + strcspn(line, "\n"), *proc = strstr(line, " /proc ");
        const char *type = strstr(line, " - proc "), *options = NULL;

        if (proc && proc < end && type && type < end) {
            /* The last of several mounts is on top. */
            found = 0;
            options = strstr(type, "hidepid=");
        }
        for (size_t i = 0; options && options < end && i < sizeof(words) / sizeof(words[0]); i++) {
            size_t n = strlen(words[i].word);

            if (strncmp(options, words[i].word, n) == 0 && strcspn(options, ", \n") == n)
                found = words[i].value;
        }
        line = end + (*end == '\n');
    }
    return found;
}

static bool has_magic(const char *path, uint64_t magic)
{
    struct statfs fs;

    return cf_sys_statfs(path, &fs) >= 0 && (uint64_t) fs.f_type == magic;
}

void cf_node_probe(struct cf_node_facts *ret, const struct cf_facts *caller, const char *runtime_dir)
{
    cf_auto_free char *text = NULL;
    struct stat st;

    *ret = (struct cf_node_facts){
        .proc = has_magic("/proc", PROC_SUPER_MAGIC),
        .sys = has_magic("/sys", SYSFS_MAGIC),
        .rootless = caller->euid != 0,
        .runtime_dir = runtime_dir,
    };
    ret->null_stat = cf_sys_fstatat(AT_FDCWD, "/dev/null", &st, AT_SYMLINK_NOFOLLOW);
    if (ret->null_stat >= 0) {
        ret->null_mode = st.st_mode;
        ret->null_uid = st.st_uid;
        ret->null_gid = st.st_gid;
        ret->null_major = major(st.st_rdev);
        ret->null_minor = minor(st.st_rdev);
    }
    if (cf_io_read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_LIMIT, &text, NULL) >= 0)
        ret->hidepid = cf_node_hidepid(text);
    if (!runtime_dir)
        return;
    ret->runtime_stat = cf_sys_fstatat(AT_FDCWD, runtime_dir, &st, 0);
    if (ret->runtime_stat >= 0) {
        ret->runtime_stat = S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
        ret->runtime_uid = st.st_uid;
        ret->runtime_mode = st.st_mode & 07777;
    }
}
