/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Privileges of a process, from /proc/PID/status, attr/current and oom_score_adj. Parsing is pure.
 * Names in these texts are the container's choice, so every field is taken from the start of a line.
 */

#include <errno.h>
#include <string.h>

#include "audit/audit.h"
#include "base/num.h"
#include "base/str.h"
#include "path/path.h"
#include "sys/fs.h"

#define STATUS_SIZE 8192
#define LABEL_SIZE 512

/* Hexadecimal without prefix, as the kernel prints masks. */
static int parse_mask(const char *text, uint64_t *ret)
{
    uint64_t value = 0;
    size_t n = 0;

    for (; text[n]; n++) {
        char c = text[n];
        unsigned digit = c >= '0' && c <= '9'   ? (unsigned) (c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned) (c - 'a' + 10)
                                                : 16;

        if (digit == 16 || n == 16)
            return -EINVAL;
        value = value << 4 | digit;
    }
    *ret = value;
    return n > 0 ? 0 : -EINVAL;
}

/* The second of four numbers with tabs between: real, effective, saved, file system. */
static int parse_effective_id(char *text, uint32_t *ret)
{
    char *second = strchr(text, '\t'), *end;

    if (!second)
        return -EINVAL;
    second++;
    end = strchr(second, '\t');
    if (end)
        *end = '\0';
    return cf_num_parse_u32(second, 0, UINT32_MAX, ret);
}

enum { GOT_UID = 1, GOT_GID = 2, GOT_EFF = 4, GOT_PRM = 8, GOT_BND = 16, GOT_AMB = 32, GOT_ALL = 63 };

static int take_line(const char *key, char *value, struct cf_audit_proc *ret, unsigned *got)
{
    uint32_t flag;

    if (strcmp(key, "Uid") == 0) {
        *got |= GOT_UID;
        return parse_effective_id(value, &ret->uid);
    }
    if (strcmp(key, "Gid") == 0) {
        *got |= GOT_GID;
        return parse_effective_id(value, &ret->gid);
    }
    if (strcmp(key, "CapEff") == 0) {
        *got |= GOT_EFF;
        return parse_mask(value, &ret->effective);
    }
    if (strcmp(key, "CapPrm") == 0) {
        *got |= GOT_PRM;
        return parse_mask(value, &ret->permitted);
    }
    if (strcmp(key, "CapBnd") == 0) {
        *got |= GOT_BND;
        return parse_mask(value, &ret->bounding);
    }
    if (strcmp(key, "CapAmb") == 0) {
        *got |= GOT_AMB;
        return parse_mask(value, &ret->ambient);
    }
    if (strcmp(key, "Seccomp") == 0)
        return cf_num_parse_u32(value, 0, UINT32_MAX, &ret->seccomp);
    if (strcmp(key, "Seccomp_filters") == 0)
        return cf_num_parse_u32(value, 0, UINT32_MAX, &ret->seccomp_filters);
    if (strcmp(key, "NoNewPrivs") == 0) {
        int r = cf_num_parse_u32(value, 0, 1, &flag);

        ret->no_new_privs = r >= 0 && flag == 1;
        return r;
    }
    return 0;
}

int cf_audit_parse_status(char *text, struct cf_audit_proc *ret)
{
    unsigned got = 0;
    char *next;

    for (char *line = text; line && *line; line = next) {
        char *colon;
        int r;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        colon++;
        colon += strspn(colon, "\t ");
        r = take_line(line, colon, ret, &got);
        if (r < 0)
            return -EBADMSG;
    }
    return (got & GOT_ALL) == GOT_ALL ? 0 : -EBADMSG;
}

static int read_label(int proc_fd, struct cf_arena *arena, struct cf_audit_proc *ret)
{
    char text[LABEL_SIZE];
    long n = cf_procfs_read(proc_fd, "attr/current", text, sizeof(text));

    /* Without a security module that has labels: EINVAL, or no such file. */
    if (n < 0)
        n = 0;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    ret->label = cf_arena_strdup(arena, text);
    return ret->label ? 0 : -ENOMEM;
}

int cf_audit_read_proc(int proc_fd, struct cf_arena *arena, struct cf_audit_proc *ret)
{
    char text[STATUS_SIZE];
    struct stat st = {0};
    long n = cf_procfs_read(proc_fd, "status", text, sizeof(text));
    int32_t adj = 0;
    int r;

    if (n < 0)
        return (int) n;
    r = cf_audit_parse_status(text, ret);
    if (r >= 0)
        r = cf_sys_fstat(proc_fd, &st);
    if (r < 0)
        return r;
    ret->dumpable = st.st_uid == ret->uid; /* proc(5): else it belongs to root */
    n = cf_procfs_read(proc_fd, "oom_score_adj", text, sizeof(text));
    if (n < 0)
        return (int) n;
    text[strcspn(text, "\n")] = '\0';
    r = cf_num_parse_i32(text, -1000, 1000, &adj);
    if (r < 0)
        return -EBADMSG;
    ret->oom_score_adj = adj;
    return read_label(proc_fd, arena, ret);
}
