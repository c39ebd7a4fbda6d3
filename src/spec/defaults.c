/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The template of `coffer spec`. It starts ordinary images as other runtimes' templates do and is
 * tighter where that costs nobody anything (docs/defaults.md). Pure.
 */

#include "spec/defaults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "ocispec/config.h"
#include "ocispec/ocispec.h"

static const char template_process[] =
    "\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],"
    "\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"TERM=xterm\"],"
    "\"cwd\":\"/\",\"capabilities\":{"
    "\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
    "\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
    "\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
    "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1024,\"soft\":1024}],\"noNewPrivileges\":true},"
    "\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"coffer\"";

static const char template_mounts[] =
    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
    "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
    "\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
    "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
    "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"%s]},"
    "{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"nosymfollow\",\"mode=1777\",\"size=65536k\"]},"
    "{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"nosymfollow\"]},";

static const char mount_sysfs[] =
    "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},";
/* Without a network namespace of its own a user namespace may not mount sysfs. */
static const char mount_sys_bind[] =
    "{\"destination\":\"/sys\",\"type\":\"none\",\"source\":\"/sys\","
    "\"options\":[\"rbind\",\"nosuid\",\"noexec\",\"nodev\",\"rro\"]}";
static const char mount_cgroup[] =
    "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}";

static const char template_paths[] =
    "\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/kcore\",\"/proc/keys\",\"/proc/latency_stats\","
    "\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\",\"/proc/scsi\",\"/proc/interrupts\","
    "\"/sys/firmware\",\"/sys/devices/virtual/powercap\"],"
    "\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]";

/* Everything that depends on the host or on what was asked for. */
struct parts {
    char mounts[2560];
    char namespaces[512];
    char mappings[256];
    char resources[256];
};

static void parts_fill(const struct cf_spec_defaults *in, struct parts *parts)
{
    bool user = in->rootless || in->userns_size;
    uint32_t uid = in->rootless && !in->userns_size ? in->uid : in->userns_first;
    uint32_t gid = in->rootless && !in->userns_size ? in->gid : in->userns_first;
    uint32_t size = in->userns_size ? in->userns_size : 1;
    size_t used;

    /* gid 5, the group of terminals, must exist in the container. */
    used = cf_format(parts->mounts, sizeof(parts->mounts), template_mounts, user && size <= 5 ? "" : ",\"gid=5\"");
    (void) cf_format(parts->mounts + used, sizeof(parts->mounts) - used, "%s%s",
                     in->rootless ? mount_sys_bind : mount_sysfs, in->rootless ? "" : mount_cgroup);
    (void) cf_format(parts->namespaces, sizeof(parts->namespaces),
                     "{\"type\":\"pid\"},%s{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}%s%s",
                     in->rootless ? "" : "{\"type\":\"network\"},", user ? ",{\"type\":\"user\"}" : "",
                     in->cgroup_namespace ? ",{\"type\":\"cgroup\"}" : "");
    parts->mappings[0] = '\0';
    if (user)
        (void) cf_format(parts->mappings, sizeof(parts->mappings),
                         "\"uidMappings\":[{\"containerID\":0,\"hostID\":%u,\"size\":%u}],"
                         "\"gidMappings\":[{\"containerID\":0,\"hostID\":%u,\"size\":%u}],",
                         uid, size, gid, size);
    parts->resources[0] = '\0';
    if (!in->rootless)
        (void) cf_format(parts->resources, sizeof(parts->resources),
                         "\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]%s},",
                         in->pids_limit ? ",\"pids\":{\"limit\":1024}" : "");
}

int cf_spec_defaults_json(const struct cf_spec_defaults *in, char **ret, struct cf_err *err)
{
    struct ocispec_config *config = NULL;
    struct ocispec_doc *doc = NULL;
    struct ocispec_error why = {0};
    struct parts parts;
    char text[8192];
    size_t len;
    int r;

    parts_fill(in, &parts);
    len = cf_format(text, sizeof(text),
                    "{\"ociVersion\":\"1.3.0\",%s,\"mounts\":[%s],\"linux\":{%s%s\"namespaces\":[%s],%s}}",
                    template_process, parts.mounts, parts.mappings, parts.resources, parts.namespaces,
                    template_paths);
    r = len < sizeof(text) ? ocispec_config_parse(text, len, NULL, &config, &doc, &why) : -E2BIG;
    if (r >= 0)
        r = ocispec_config_write(config, OCISPEC_INDENT_TAB | OCISPEC_NEWLINE, ret, NULL);
    ocispec_doc_free(doc);
    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "spec-template", r, "the built-in template is broken: %s %s",
                          why.path, why.message);
    return 0;
}
