/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * User namespaces that are alive on this node, whoever made them, found through their processes.
 * One that no process is in (held by a mount or a descriptor) is not seen, nor are processes that
 * /proc hides. Host side.
 */

#include "userns/idset.h"

struct cf_hostns_query {
    struct cf_idset uids, gids; /* only namespaces that map one of these */
    int skip_pid;               /* the namespace of this process does not count; 0: none */
};

struct cf_hostns {
    uint64_t inode; /* 0: another user's, not told */
    int pid;        /* a process in it */
    char comm[16];
    bool gid;       /* what overlaps: a gid, else a uid */
    uint32_t index; /* of the range in the query */
    struct cf_subid ids;
    struct cf_idset uids, gids; /* all that it maps */
};

/**
 * cf_hostns_find() - namespaces that overlap with the ids of the query
 * Not the caller's own nor one that maps all ids. Each once. Costs about 4 us for each process.
 * Return: 0, -ENOMEM, or the errno of opening /proc.
 */
int cf_hostns_find(const struct cf_hostns_query *query, struct cf_arena *arena, struct cf_hostns **ret, size_t *ret_n,
                   struct cf_err *err);
