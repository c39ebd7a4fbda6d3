/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The OCI state as JSON: for hooks (runtime-spec runtime.md "State") and for the `state` command.
 * Pure. */

#include "container/container.h"

#include <stdlib.h>
#include <string.h>

#include "base/json-out.h"

char *cf_state_json(const struct cf_record *record, enum cf_status status, int pid, const char *root,
                    unsigned indent, bool full)
{
    struct cf_json *json = cf_json_new(indent);
    const char *text;
    char *ret = NULL;

    if (!json)
        return NULL;
    cf_json_object_begin(json);
    cf_json_kv_str(json, "ociVersion", CF_OCI_VERSION);
    cf_json_kv_str(json, "id", record->id);
    if (full) {
        cf_json_kv_int(json, "pid", pid);
        cf_json_kv_str(json, "status", cf_status_name(status));
    } else {
        cf_json_kv_str(json, "status", cf_status_name(status));
        if (pid > 0)
            cf_json_kv_int(json, "pid", pid);
    }
    cf_json_kv_str(json, "bundle", record->bundle);
    if (full) {
        cf_json_kv_str(json, "rootfs", record->rootfs);
        cf_json_kv_str(json, "created", record->created);
    } else if (root) {
        cf_json_kv_str(json, "root", root);
    }
    if (record->n_annotations) {
        cf_json_key(json, "annotations");
        cf_json_object_begin(json);
        for (size_t i = 0; i < record->n_annotations; i++)
            cf_json_kv_str(json, record->annotations[i].key, record->annotations[i].value);
        cf_json_object_end(json);
    }
    if (full)
        cf_json_kv_str(json, "owner", "");
    if (full && record->cgroup.unit)
        cf_json_kv_str(json, "systemd-scope", record->cgroup.unit);
    cf_json_object_end(json);
    if (cf_json_finish(json, &text) >= 0)
        ret = strdup(text);
    cf_json_free(json);
    return ret;
}
