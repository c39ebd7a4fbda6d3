/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resources.json: the limits of a container after its first update. As long as there is none, config.json
 * tells them. Host side.
 */

#include "state/state-internal.h"

#include <errno.h>

#include "base/io.h"

#define RESOURCES_NAME "resources.json"
#define RESOURCES_LIMIT (16u << 20)

int cf_entry_read_resources(struct cf_entry *entry, char **ret, size_t *ret_len, struct cf_err *err)
{
    int r = cf_io_read_file_at(entry->dir_fd, RESOURCES_NAME, RESOURCES_LIMIT, ret, ret_len);

    if (r == -ENOENT)
        return r;
    if (r < 0)
        return cf_err_sys(err, r, "read `" RESOURCES_NAME "` of container `%s`", entry->id);
    return 0;
}

int cf_entry_write_resources(struct cf_entry *entry, const char *text, size_t len, struct cf_err *err)
{
    int r = cf_io_replace_file_at(entry->dir_fd, RESOURCES_NAME, text, len, 0600);

    if (r < 0)
        return cf_err_sys(err, r, "write `" RESOURCES_NAME "` of container `%s`", entry->id);
    return 0;
}
