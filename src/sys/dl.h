/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Libraries that are opened when they are first needed, so that the ordinary path of a command loads
 * the C library and the JSON parser only. Host side; never in coffer-init. Include only where meson
 * found the library's headers.
 */

#include <seccomp.h>
#include <stddef.h>

/* libseccomp, as far as it is used. The types come from its header. */
struct cf_libseccomp {
    __typeof__(seccomp_version) *version;
    __typeof__(seccomp_init) *init;
    __typeof__(seccomp_release) *release;
    __typeof__(seccomp_arch_native) *arch_native;
    __typeof__(seccomp_arch_add) *arch_add;
    __typeof__(seccomp_arch_resolve_name) *arch_resolve_name;
    __typeof__(seccomp_attr_set) *attr_set;
    __typeof__(seccomp_syscall_resolve_name) *resolve_name;
    __typeof__(seccomp_syscall_resolve_name_arch) *resolve_name_arch;
    __typeof__(seccomp_rule_add_array) *rule_add_array;
    __typeof__(seccomp_export_bpf) *export_bpf;
    int (*export_bpf_mem)(const scmp_filter_ctx ctx, void *buf, size_t *len); /* 2.6, or NULL */
    const char *path; /* file it was loaded from, "" if the loader does not tell */
};

/**
 * cf_dl_libseccomp() - the table of libseccomp, loaded by the first call of the process
 * @ret: valid as long as the process
 * Return: 0, -ENOENT: not installed, -ELIBBAD: a symbol is missing.
 */
int cf_dl_libseccomp(const struct cf_libseccomp **ret);
