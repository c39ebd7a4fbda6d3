/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libsystemd, opened when a container is first made with the systemd cgroup manager (see dl.h). Host side.
 * Include only where meson found the library's headers.
 */

#include <systemd/sd-bus.h>

/* libsystemd, as far as it is used. The types come from its header. */
struct cf_libsystemd {
    __typeof__(sd_bus_new) *bus_new;
    __typeof__(sd_bus_set_address) *bus_set_address;
    __typeof__(sd_bus_set_bus_client) *bus_set_bus_client;
    __typeof__(sd_bus_start) *bus_start;
    __typeof__(sd_bus_close) *bus_close;
    __typeof__(sd_bus_unref) *bus_unref;
    __typeof__(sd_bus_process) *bus_process;
    __typeof__(sd_bus_wait) *bus_wait;
    __typeof__(sd_bus_call_async) *bus_call_async;
    __typeof__(sd_bus_add_match_async) *bus_add_match_async;
    __typeof__(sd_bus_slot_unref) *slot_unref;
    __typeof__(sd_bus_path_encode) *path_encode;
    __typeof__(sd_bus_message_new_method_call) *message_new_method_call;
    __typeof__(sd_bus_message_ref) *message_ref;
    __typeof__(sd_bus_message_unref) *message_unref;
    __typeof__(sd_bus_message_append_basic) *message_append_basic;
    __typeof__(sd_bus_message_append_array) *message_append_array;
    __typeof__(sd_bus_message_open_container) *message_open_container;
    __typeof__(sd_bus_message_close_container) *message_close_container;
    __typeof__(sd_bus_message_enter_container) *message_enter_container;
    __typeof__(sd_bus_message_read_basic) *message_read_basic;
    __typeof__(sd_bus_message_get_error) *message_get_error;
    __typeof__(sd_bus_message_get_errno) *message_get_errno;
};

/**
 * cf_dl_libsystemd() - the table of libsystemd, loaded by the first call of the process
 * @ret: valid as long as the process
 * Return: 0, -ENOENT: not installed, -ELIBBAD: a symbol is missing.
 */
int cf_dl_libsystemd(const struct cf_libsystemd **ret);
