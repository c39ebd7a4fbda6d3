/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Ids that belong to somebody on this host: accounts and groups, and ranges that /etc/subuid and
 * /etc/subgid promise to users. Read from the files; accounts that only a name service knows are
 * not seen. Host side.
 */

#include "userns/idset.h"

struct cf_hostids_files {
    const char *passwd, *group, *subuid, *subgid;
};
/** Those in /etc. */
extern const struct cf_hostids_files cf_hostids_etc;

struct cf_hostids_query {
    struct cf_idset uids, gids;  /* only owners of one of these */
    const char *const *trusted;  /* users whose subordinate ids are meant for containers; NULL at the end */
};

struct cf_hostid {
    const char *name;    /* of the account, group, or owner of the subordinate range */
    const char *file;
    bool gid, subid;
    uint32_t index;      /* of the range in the query */
    struct cf_subid ids;   /* what overlaps */
    struct cf_subid whole; /* all that the line gives */
};

/* A file or line that could not be used. */
struct cf_hostids_bad {
    const char *file;
    uint32_t line; /* 0: the whole file */
    int error;     /* of the whole file: -errno */
};
#define CF_HOSTIDS_MAX_BAD 4

struct cf_hostids {
    struct cf_hostid *items;
    size_t n;
    struct cf_hostids_bad bad[CF_HOSTIDS_MAX_BAD]; /* the first of each file */
    size_t n_bad;
};

/** Whose are these ids? Return: 0 or -ENOMEM (err filled). A missing file is an empty one. */
int cf_hostids_find(const struct cf_hostids_files *files, const struct cf_hostids_query *query,
                    struct cf_arena *arena, struct cf_hostids *ret, struct cf_err *err);
