/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * dlopen(3) of optional libraries. The table is the one piece of global state of this library: the
 * loader's own state is global too, it is filled once per process and never changes afterwards.
 * Nothing is ever unloaded. Host side.
 */

#include "sys/dl.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "sys/dl-note.h"

#define LIBSECCOMP_SONAME "libseccomp.so.2"

CF_DL_NOTE("[{\"feature\":\"seccomp\",\"description\":\"Compile seccomp profiles\","
           "\"priority\":\"recommended\",\"soname\":[\"" LIBSECCOMP_SONAME "\"]}]");

static pthread_once_t libseccomp_once = PTHREAD_ONCE_INIT;
static struct cf_libseccomp libseccomp;
static int libseccomp_result;

static void libseccomp_load(void)
{
    struct symbol {
        void *target; /* a function pointer of the table */
        const char *name;
        int optional;
    } symbols[] = {
        {&libseccomp.version, "seccomp_version", 0},
        {&libseccomp.init, "seccomp_init", 0},
        {&libseccomp.release, "seccomp_release", 0},
        {&libseccomp.arch_native, "seccomp_arch_native", 0},
        {&libseccomp.arch_add, "seccomp_arch_add", 0},
        {&libseccomp.arch_resolve_name, "seccomp_arch_resolve_name", 0},
        {&libseccomp.attr_set, "seccomp_attr_set", 0},
        {&libseccomp.resolve_name, "seccomp_syscall_resolve_name", 0},
        {&libseccomp.resolve_name_arch, "seccomp_syscall_resolve_name_arch", 0},
        {&libseccomp.rule_add_array, "seccomp_rule_add_array", 0},
        {&libseccomp.export_bpf, "seccomp_export_bpf", 0},
        {&libseccomp.export_bpf_mem, "seccomp_export_bpf_mem", 1},
    };
    void *library = dlopen(LIBSECCOMP_SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    Dl_info info;

    if (!library) {
        libseccomp_result = -ENOENT;
        return;
    }
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *address = dlsym(library, symbols[i].name);

        if (!address && !symbols[i].optional)
            libseccomp_result = -ELIBBAD;
        /* POSIX guarantees that the two kinds of pointer have one representation. */
        *(void **) symbols[i].target = address;
    }
    libseccomp.path = "";
    if (libseccomp_result == 0 && dladdr(*(void **) symbols[0].target, &info) && info.dli_fname &&
        info.dli_fname[0] == '/')
        libseccomp.path = info.dli_fname;
}

int cf_dl_libseccomp(const struct cf_libseccomp **ret)
{
    (void) pthread_once(&libseccomp_once, libseccomp_load);
    if (libseccomp_result < 0)
        return libseccomp_result;
    *ret = &libseccomp;
    return 0;
}
