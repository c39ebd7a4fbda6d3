/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The facts of a caller: ids, capabilities, signals. Read-only, host side. One read of procfs on
 * the hot path; what only some configurations ask for is in the other probes.
 */

#include "facts/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "facts/probes.h"
#include "sys/fs.h"
#include "sys/task.h"

#define STATUS_PATH "/proc/thread-self/status"
#define STATUS_LIMIT (2u << 20) /* 65536 supplementary groups */
/* PROC_USER_INIT_INO: inode of the initial user namespace on every kernel. */
#define INIT_USERNS_INODE 0xEFFFFFFDu

/* Four numbers: real, effective, saved, file system. */
static int parse_ids(const char *s, uint32_t *ret_real, uint32_t *ret_effective)
{
    uint32_t *const out[2] = {ret_real, ret_effective};
    char number[CF_NUM_SIZE];
    size_t n;

    for (unsigned int i = 0; i < 2; i++) {
        s += strspn(s, " \t");
        n = strspn(s, "0123456789");
        if (n == 0 || n >= sizeof(number))
            return -EBADMSG;
        memcpy(number, s, n);
        number[n] = '\0';
        if (cf_num_parse_u32(number, 0, UINT32_MAX, out[i]) < 0)
            return -EBADMSG;
        s += n;
    }
    return 0;
}

static int parse_hex(const char *s, uint64_t *ret)
{
    uint64_t v = 0;
    unsigned int n = 0;

    s += strspn(s, " \t");
    for (; n < 17; n++, s++) {
        if (*s >= '0' && *s <= '9')
            v = v << 4 | (uint64_t) (*s - '0');
        else if (*s >= 'a' && *s <= 'f')
            v = v << 4 | (uint64_t) (*s - 'a' + 10);
        else
            break;
    }
    if (n == 0 || n > 16)
        return -EBADMSG;
    *ret = v;
    return 0;
}

static uint32_t count_words(const char *s)
{
    uint32_t n = 0;

    for (;;) {
        s += strspn(s, " \t");
        if (*s == '\0' || *s == '\n')
            return n;
        n++;
        s += strcspn(s, " \t\n");
    }
}

/* One line; returns a bit for every line that must be there. */
static int parse_status_line(const char *line, struct cf_facts *facts)
{
    const char *rest;

    if ((rest = cf_str_after(line, "Uid:")))
        return parse_ids(rest, &facts->uid, &facts->euid) < 0 ? -EBADMSG : 1 << 0;
    if ((rest = cf_str_after(line, "Gid:")))
        return parse_ids(rest, &facts->gid, &facts->egid) < 0 ? -EBADMSG : 1 << 1;
    if ((rest = cf_str_after(line, "Groups:"))) {
        facts->n_groups = count_words(rest);
        return 0;
    }
    if ((rest = cf_str_after(line, "SigIgn:")))
        return parse_hex(rest, &facts->signals_ignored) < 0 ? -EBADMSG : 1 << 2;
    if ((rest = cf_str_after(line, "CapInh:")))
        return parse_hex(rest, &facts->cap_inheritable) < 0 ? -EBADMSG : 1 << 3;
    if ((rest = cf_str_after(line, "CapPrm:")))
        return parse_hex(rest, &facts->cap_permitted) < 0 ? -EBADMSG : 1 << 4;
    if ((rest = cf_str_after(line, "CapEff:")))
        return parse_hex(rest, &facts->cap_effective) < 0 ? -EBADMSG : 1 << 5;
    if ((rest = cf_str_after(line, "CapBnd:")))
        return parse_hex(rest, &facts->cap_bounding) < 0 ? -EBADMSG : 1 << 6;
    if ((rest = cf_str_after(line, "CapAmb:")))
        return parse_hex(rest, &facts->cap_ambient) < 0 ? -EBADMSG : 1 << 7;
    if ((rest = cf_str_after(line, "NoNewPrivs:"))) {
        rest += strspn(rest, " \t");
        facts->no_new_privs = *rest == '1';
        return 0;
    }
    return 0;
}

int cf_facts_parse_status(const char *text, struct cf_facts *facts)
{
    const uint64_t wanted = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
    unsigned int seen = 0;
    int r;

    while (*text) {
        r = parse_status_line(text, facts);
        if (r < 0)
            return r;
        seen |= (unsigned int) r;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    if (seen != (1u << 8) - 1)
        return -EBADMSG;
    facts->privileged = (facts->cap_effective & wanted) == wanted;
    return 0;
}

static int probe_status(struct cf_facts *facts)
{
    cf_auto_free char *big = NULL;
    cf_auto_fd int fd = -EBADF;
    char text[4096];
    long n;
    int r;

    fd = cf_sys_openat(AT_FDCWD, STATUS_PATH, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    n = cf_sys_read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return (int) n;
    if ((size_t) n < sizeof(text) - 1) {
        text[n] = '\0';
        return cf_facts_parse_status(text, facts);
    }
    /* A long list of groups. */
    r = cf_io_read_file_at(AT_FDCWD, STATUS_PATH, STATUS_LIMIT, &big, NULL);
    return r < 0 ? r : cf_facts_parse_status(big, facts);
}

/* What the kernel does not know is no question for it (EINVAL). It need not be asked when the caller has the highest
 * one of Linux 5.9 or more: what may be above that can neither be had nor need it be dropped. */
static uint32_t probe_last_cap(uint64_t bounding)
{
    uint32_t last = bounding ? 63 - (uint32_t) __builtin_clzll(bounding) : 0;

    if (last >= CAP_CHECKPOINT_RESTORE)
        return last;
    while (last < 63 && cf_sys_prctl(PR_CAPBSET_READ, last + 1, 0, 0, 0) >= 0)
        last++;
    return last;
}

int cf_facts_probe(struct cf_facts *ret, struct cf_err *err)
{
    return cf_facts_probe_keep(ret, NULL, err);
}

int cf_facts_probe_caller(struct cf_facts *ret, struct cf_err *err)
{
    struct stat st;
    int r;

    *ret = (struct cf_facts) {0};
    r = probe_status(ret);
    if (r < 0)
        return cf_err_sys(err, r, "read `" STATUS_PATH "`");
    ret->last_cap = probe_last_cap(ret->cap_bounding | ret->cap_permitted);
    r = cf_sys_fstatat(AT_FDCWD, "/proc/self/ns/user", &st, 0);
    ret->userns_inode = r >= 0 ? st.st_ino : 0;
    ret->in_userns = r >= 0 && st.st_ino != INIT_USERNS_INODE;
    return 0;
}

int cf_facts_probe_keep(struct cf_facts *ret, int *ret_cgroup_fd, struct cf_err *err)
{
    int r = cf_facts_probe_caller(ret, err);

    return r < 0 ? r : cf_facts_probe_cgroup(ret, ret_cgroup_fd, err);
}
