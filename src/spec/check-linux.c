/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The Linux part of the checks: namespaces and what needs one, id mappings, paths. What later
 * releases bring is refused here by name, so that nothing is ignored in silence. Pure.
 */

#include "spec/check.h"

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/str.h"

static const char *const namespace_names[] = {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"};
#define N_NAMESPACES (sizeof(namespace_names) / sizeof(namespace_names[0]))

bool cf_spec_has_namespace(const struct ocispec_config *config, const char *type, bool *ret_joined)
{
    const struct ocispec_linux *linux_part = config->linux;

    for (size_t i = 0; linux_part && i < linux_part->n_namespaces; i++) {
        if (strcmp(linux_part->namespaces[i].type, type) != 0)
            continue;
        if (ret_joined)
            *ret_joined = linux_part->namespaces[i].path && linux_part->namespaces[i].path[0];
        return true;
    }
    if (ret_joined)
        *ret_joined = false;
    return false;
}

/* "0-3,7": numbers and ascending ranges. Empty is the same as absent (config.md: "omitted or empty"). */
static bool is_cpu_list(const char *text)
{
    const char *p = text;

    if (*p == '\0')
        return true;
    for (;;) {
        unsigned long first = 0, last = 0;
        int digits = 0;

        while (*p >= '0' && *p <= '9' && digits++ < 6)
            first = first * 10 + (unsigned long) (*p++ - '0');
        if (!digits)
            return false;
        if (*p == '-') {
            p++;
            digits = 0;
            while (*p >= '0' && *p <= '9' && digits++ < 6)
                last = last * 10 + (unsigned long) (*p++ - '0');
            if (!digits || last < first)
                return false;
        }
        if (*p == '\0')
            return true;
        if (*p++ != ',')
            return false;
    }
}

int cf_spec_check_affinity(const struct ocispec_cpu_affinity *affinity, struct cf_err *err)
{
    if (!affinity)
        return 0;
    if (affinity->initial && !is_cpu_list(affinity->initial))
        return cf_err_config(err, "cpu-list", "process.execCPUAffinity.initial", "bad CPUAffinity.Initial: `%s`",
                             affinity->initial);
    if (affinity->final && !is_cpu_list(affinity->final))
        return cf_err_config(err, "cpu-list", "process.execCPUAffinity.final", "bad CPUAffinity.Final: `%s`",
                             affinity->final);
    return 0;
}

static int check_namespaces(const struct ocispec_linux *l, struct cf_err *err)
{
    char field[64];

    for (size_t i = 0; i < l->n_namespaces; i++) {
        const struct ocispec_namespace *ns = &l->namespaces[i];

        if (cf_str_index(namespace_names, N_NAMESPACES, ns->type) < 0) {
            (void) cf_format(field, sizeof(field), "linux.namespaces[%zu].type", i);
            return cf_err_config(err, "namespace-unknown", field, "namespace `%s` does not exist", ns->type);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(l->namespaces[j].type, ns->type) != 0)
                continue;
            (void) cf_format(field, sizeof(field), "linux.namespaces[%zu].type", i);
            return cf_err_config(err, "namespace-twice", field, "malformed spec file: duplicated ns `%s`", ns->type);
        }
        if (ns->path && ns->path[0] && ns->path[0] != '/') {
            (void) cf_format(field, sizeof(field), "linux.namespaces[%zu].path", i);
            return cf_err_config(err, "namespace-path", field, "must be an absolute path, got `%s`", ns->path);
        }
    }
    return 0;
}

static int check_names(const struct ocispec_config *config, struct cf_err *err)
{
    /* sethostname(2) and setdomainname(2): __NEW_UTS_LEN */
    const size_t max = 64;

    if (config->hostname && config->hostname[0]) {
        if (!cf_spec_has_namespace(config, "uts", NULL))
            return cf_err_config(err, "needs-uts", "hostname", "unable to set hostname without a private UTS namespace");
        if (strlen(config->hostname) > max)
            return cf_err_config(err, "name-length", "hostname", "is longer than %zu bytes", max);
    }
    if (config->domainname && config->domainname[0]) {
        if (!cf_spec_has_namespace(config, "uts", NULL))
            return cf_err_config(err, "needs-uts", "domainname",
                                 "unable to set domainname without a private UTS namespace");
        if (strlen(config->domainname) > max)
            return cf_err_config(err, "name-length", "domainname", "is longer than %zu bytes", max);
    }
    return 0;
}

static int check_mappings(const struct ocispec_config *config, struct cf_err *err)
{
    const struct ocispec_linux *l = config->linux;
    bool joined = false;
    bool user = cf_spec_has_namespace(config, "user", &joined);

    if (!user && l->n_uid_mappings)
        return cf_err_config(err, "idmap-no-userns", "linux.uidMappings",
                             "user namespace mappings specified, but user namespace isn't enabled in the config");
    if (!user && l->n_gid_mappings)
        return cf_err_config(err, "idmap-no-userns", "linux.gidMappings",
                             "user namespace mappings specified, but user namespace isn't enabled in the config");
    return 0;
}

static int check_path_list(char *const *paths, size_t n, const char *name, bool mount_ns, struct cf_err *err)
{
    char field[64];

    if (n && !mount_ns) {
        (void) cf_format(field, sizeof(field), "linux.%s", name);
        return cf_err_config(err, "needs-mount", field, "unable to restrict sys entries without a private MNT namespace");
    }
    for (size_t i = 0; i < n; i++) {
        if (paths[i][0] == '/')
            continue;
        (void) cf_format(field, sizeof(field), "linux.%s[%zu]", name, i);
        return cf_err_config(err, "path-relative", field, "must be an absolute path, got `%s`", paths[i]);
    }
    return 0;
}

static int check_without_mount_namespace(const struct ocispec_config *config, struct cf_err *err)
{
    if (config->n_mounts)
        return cf_err_config(err, "needs-mount", "mounts", "unable to mount without a private mount namespace");
    if (config->root->readonly)
        return cf_err_config(err, "needs-mount", "root.readonly",
                             "unable to make the root read-only without a private mount namespace");
    if (config->linux && config->linux->n_devices)
        return cf_err_config(err, "needs-mount", "linux.devices",
                             "unable to make devices without a private mount namespace");
    return 0;
}

int cf_spec_check_linux(const struct ocispec_config *config, struct cf_err *err)
{
    const struct ocispec_linux *l = config->linux;
    bool mount_ns = cf_spec_has_namespace(config, "mount", NULL);
    int r;

    r = check_names(config, err);
    if (r >= 0 && l) {
        r = check_namespaces(l, err);
        if (r >= 0)
            r = check_mappings(config, err);
        if (r >= 0)
            r = check_path_list(l->masked_paths, l->n_masked_paths, "maskedPaths", mount_ns, err);
        if (r >= 0)
            r = check_path_list(l->readonly_paths, l->n_readonly_paths, "readonlyPaths", mount_ns, err);
    }
    if (r >= 0 && !mount_ns)
        r = check_without_mount_namespace(config, err);
    return r;
}
