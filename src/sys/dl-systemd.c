/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * dlopen(3) of libsystemd: the same as dl.c for another library, so that a build without one of them has no
 * trace of it. The table is filled once per process and never changes. Host side.
 */

#include "sys/dl-systemd.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#include "sys/dl-note.h"

#define LIBSYSTEMD_SONAME "libsystemd.so.0"

CF_DL_NOTE("[{\"feature\":\"systemd\",\"description\":\"systemd cgroup manager\","
           "\"priority\":\"suggested\",\"soname\":[\"" LIBSYSTEMD_SONAME "\"]}]");

static pthread_once_t libsystemd_once = PTHREAD_ONCE_INIT;
static struct cf_libsystemd libsystemd;
static int libsystemd_result;

static void libsystemd_load(void)
{
    struct symbol {
        void *target; /* a function pointer of the table */
        const char *name;
    } symbols[] = {
        {&libsystemd.bus_new, "sd_bus_new"},
        {&libsystemd.bus_set_address, "sd_bus_set_address"},
        {&libsystemd.bus_set_bus_client, "sd_bus_set_bus_client"},
        {&libsystemd.bus_start, "sd_bus_start"},
        {&libsystemd.bus_close, "sd_bus_close"},
        {&libsystemd.bus_unref, "sd_bus_unref"},
        {&libsystemd.bus_process, "sd_bus_process"},
        {&libsystemd.bus_wait, "sd_bus_wait"},
        {&libsystemd.bus_call_async, "sd_bus_call_async"},
        {&libsystemd.bus_add_match_async, "sd_bus_add_match_async"},
        {&libsystemd.slot_unref, "sd_bus_slot_unref"},
        {&libsystemd.path_encode, "sd_bus_path_encode"},
        {&libsystemd.message_new_method_call, "sd_bus_message_new_method_call"},
        {&libsystemd.message_ref, "sd_bus_message_ref"},
        {&libsystemd.message_unref, "sd_bus_message_unref"},
        {&libsystemd.message_append_basic, "sd_bus_message_append_basic"},
        {&libsystemd.message_append_array, "sd_bus_message_append_array"},
        {&libsystemd.message_open_container, "sd_bus_message_open_container"},
        {&libsystemd.message_close_container, "sd_bus_message_close_container"},
        {&libsystemd.message_enter_container, "sd_bus_message_enter_container"},
        {&libsystemd.message_read_basic, "sd_bus_message_read_basic"},
        {&libsystemd.message_get_error, "sd_bus_message_get_error"},
        {&libsystemd.message_get_errno, "sd_bus_message_get_errno"},
    };
    void *library = dlopen(LIBSYSTEMD_SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

    if (!library) {
        libsystemd_result = -ENOENT;
        return;
    }
    for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
        void *address = dlsym(library, symbols[i].name);

        if (!address)
            libsystemd_result = -ELIBBAD;
        /* POSIX guarantees that the two kinds of pointer have one representation. */
        *(void **) symbols[i].target = address;
    }
}

int cf_dl_libsystemd(const struct cf_libsystemd **ret)
{
    (void) pthread_once(&libsystemd_once, libsystemd_load);
    if (libsystemd_result < 0)
        return libsystemd_result;
    *ret = &libsystemd;
    return 0;
}
