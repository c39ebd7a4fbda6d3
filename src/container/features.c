/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The document of `coffer features` (runtime-spec: features.md). It tells what this build honours, not
 * what works on this host, and says "false" where the answer is no: a missing key would mean that
 * nobody knows. Words come from the tables that the planners parse with. Host side.
 */

#include "container/features.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/json-out.h"
#include "base/own.h"
#include "config.h"
#include "mount/mount.h"
#include "ns/ns.h"
#include "process/sched-plan.h"
#include "seccomp/seccomp-internal.h"
#include "seccomp/seccomp-names.h"
#include "security/security.h"
#include "sys/task.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const hooks[] = {"prestart",       "createRuntime", "createContainer",
                                    "startContainer", "poststart",     "poststop"};

/* Of those that this release honours: what an engine should not let an image's author set. */
static const char *const unsafe_annotations[] = {"org.systemd.property.",
                                                 "run.oci.delegate-cgroup",
                                                 "run.oci.hooks.stderr",
                                                 "run.oci.hooks.stdout",
                                                 "run.oci.keep_original_groups",
                                                 "run.oci.seccomp.receiver",
                                                 "run.oci.systemd.subgroup"};

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int write_mount_options(struct cf_json *j)
{
    const struct cf_mount_option *table;
    cf_auto_free const char **names = NULL;
    size_t n_table, n = 0;

    table = cf_mount_options(&n_table);
    names = calloc(n_table + 1, sizeof(*names));
    if (!names)
        return -ENOMEM;
    for (size_t i = 0; i < n_table; i++)
        if (table[i].listed)
            names[n++] = table[i].name;
    qsort(names, n, sizeof(*names), compare_text);
    cf_json_kv_strv(j, "mountOptions", names, n);
    return 0;
}

/* Up to the last one that the kernel knows; read from the bounding set, so that /proc is not needed. */
static void write_capabilities(struct cf_json *j)
{
    const char *name;

    cf_json_key(j, "capabilities");
    cf_json_array_begin(j);
    for (unsigned int cap = 0; (name = cf_cap_name(cap)); cap++) {
        if (cf_sys_prctl(PR_CAPBSET_READ, cap, 0, 0, 0) < 0)
            break;
        cf_json_str(j, name);
    }
    cf_json_array_end(j);
}

static void write_words(struct cf_json *j, const char *key, const struct cf_seccomp_name *table, size_t n,
                        bool (*wanted)(const struct cf_seccomp_name *word))
{
    cf_json_key(j, key);
    cf_json_array_begin(j);
    for (size_t i = 0; i < n; i++)
        if (!wanted || wanted(&table[i]))
            cf_json_str(j, table[i].name);
    cf_json_array_end(j);
}

static bool arch_is_wanted(const struct cf_seccomp_name *arch)
{
    return cf_seccomp_library_has_arch(arch->library);
}

static bool flag_is_wanted(const struct cf_seccomp_name *flag)
{
    return cf_seccomp_flag_available(flag->value);
}

static void write_seccomp(struct cf_json *j)
{
    const struct cf_seccomp_name *table;
    size_t n;

    cf_json_key(j, "seccomp");
    cf_json_object_begin(j);
    cf_json_kv_bool(j, "enabled", cf_seccomp_enabled());
    if (cf_seccomp_enabled()) {
        table = cf_seccomp_actions(&n);
        write_words(j, "actions", table, n, NULL);
        table = cf_seccomp_ops(&n);
        write_words(j, "operators", table, n, NULL);
        table = cf_seccomp_archs(&n);
        write_words(j, "archs", table, n, arch_is_wanted);
        table = cf_seccomp_flags(&n);
        write_words(j, "knownFlags", table, n, NULL);
        write_words(j, "supportedFlags", table, n, flag_is_wanted);
    }
    cf_json_object_end(j);
}

static void write_namespaces(struct cf_json *j)
{
    const char *names[CF_NS_MAX];
    size_t n = 0;

    while (n < COUNT(names) && (names[n] = cf_ns_name_at(n)))
        n++;
    qsort(names, n, sizeof(*names), compare_text);
    cf_json_kv_strv(j, "namespaces", names, n);
}

static void write_sched_words(struct cf_json *j, const char *key, const struct cf_sched_word *table, size_t n)
{
    cf_json_key(j, key);
    cf_json_array_begin(j);
    for (size_t i = 0; i < n; i++)
        cf_json_str(j, table[i].name);
    cf_json_array_end(j);
}

static void write_memory_policy(struct cf_json *j)
{
    const struct cf_sched_word *table;
    size_t n;

    cf_json_key(j, "memoryPolicy");
    cf_json_object_begin(j);
    table = cf_sched_memory_modes(&n);
    write_sched_words(j, "modes", table, n);
    table = cf_sched_memory_flags(&n);
    write_sched_words(j, "flags", table, n);
    cf_json_object_end(j);
}

static void write_switch(struct cf_json *j, const char *key, bool enabled)
{
    cf_json_key(j, key);
    cf_json_object_begin(j);
    cf_json_kv_bool(j, "enabled", enabled);
    cf_json_object_end(j);
}

static void write_cgroup(struct cf_json *j)
{
    cf_json_key(j, "cgroup");
    cf_json_object_begin(j);
    cf_json_kv_bool(j, "v1", true);
    cf_json_kv_bool(j, "v2", true);
    cf_json_kv_bool(j, "systemd", HAVE_LIBSYSTEMD);
    cf_json_kv_bool(j, "systemdUser", HAVE_LIBSYSTEMD);
    cf_json_kv_bool(j, "rdma", true);
    cf_json_object_end(j);
}

static void write_linux(struct cf_json *j)
{
    cf_json_key(j, "linux");
    cf_json_object_begin(j);
    write_namespaces(j);
    write_capabilities(j);
    write_cgroup(j);
    write_seccomp(j);
    write_switch(j, "apparmor", HAVE_APPARMOR);
    write_switch(j, "selinux", HAVE_SELINUX);
    cf_json_key(j, "intelRdt");
    cf_json_object_begin(j);
    cf_json_kv_bool(j, "enabled", true);
    cf_json_kv_bool(j, "schemata", true);
    cf_json_kv_bool(j, "monitoring", true);
    cf_json_object_end(j);
    write_memory_policy(j);
    cf_json_key(j, "mountExtensions");
    cf_json_object_begin(j);
    write_switch(j, "idmap", true);
    cf_json_object_end(j);
    write_switch(j, "netDevices", true);
    cf_json_object_end(j);
}

static void write_annotations(struct cf_json *j)
{
    char version[16];

    cf_json_key(j, "annotations");
    cf_json_object_begin(j);
    if (cf_seccomp_library_version(version, sizeof(version)))
        cf_json_kv_str(j, "io.github.seccomp.libseccomp.version", version);
    /* The key that callers look for, whatever the runtime. */
    cf_json_kv_str(j, "org.opencontainers.runc.checkpoint.enabled", "false");
    cf_json_kv_str(j, "run.oci.coffer.version", COFFER_VERSION);
    cf_json_kv_str(j, "run.oci.coffer.commit", COFFER_COMMIT);
    cf_json_object_end(j);
    cf_json_kv_strv(j, "potentiallyUnsafeConfigAnnotations", unsafe_annotations, COUNT(unsafe_annotations));
}

int cf_features_json(char **ret, struct cf_err *err)
{
    cf_auto(cf_json_freep) struct cf_json *j = cf_json_new(4);
    const char *text;
    long len;
    int r;

    if (!j)
        return cf_err_oom(err);
    cf_json_object_begin(j);
    cf_json_kv_str(j, "ociVersionMin", "1.0.0");
    cf_json_kv_str(j, "ociVersionMax", "1.3.0");
    cf_json_kv_strv(j, "hooks", hooks, COUNT(hooks));
    r = write_mount_options(j);
    write_linux(j);
    write_annotations(j);
    cf_json_object_end(j);
    len = cf_json_finish(j, &text);
    if (r < 0 || len == -ENOMEM)
        return cf_err_oom(err);
    if (len < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "features-json", (int) len, "the features document is not complete");
    *ret = strdup(text);
    return *ret ? 0 : cf_err_oom(err);
}
