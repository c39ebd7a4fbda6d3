/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Properties of a unit, written into a D-Bus message as a(sv). Host side. */

#include "cgroup/systemd-message.h"

#include <errno.h>
#include <string.h>

static int append_variant(const struct cf_sdbus_message *m, const struct cf_variant *variant)
{
    int r = 0;

    for (size_t i = 0; i < variant->n && r >= 0; i++) {
        const struct cf_variant_op *op = &variant->ops[i];
        const int boolean = op->number != 0;

        if (op->op == 'a')
            r = m->lib->message_open_container(m->m, 'a', op->contents);
        else if (op->op == '(')
            r = m->lib->message_open_container(m->m, 'r', op->contents);
        else if (op->op == ')')
            r = m->lib->message_close_container(m->m);
        else if (op->op == 'b')
            r = m->lib->message_append_basic(m->m, 'b', &boolean);
        else if (op->op == 'd')
            r = m->lib->message_append_basic(m->m, 'd', &op->real);
        else if (op->text)
            r = m->lib->message_append_basic(m->m, op->op, op->text);
        else {
            /* Two's complement of the number's own width. */
            const uint8_t u8 = (uint8_t) op->number;
            const uint16_t u16 = (uint16_t) op->number;
            const uint32_t u32 = (uint32_t) op->number;
            const void *at = strchr("xt", op->op)   ? (const void *) &op->number
                             : strchr("iu", op->op) ? (const void *) &u32
                             : op->op == 'y'        ? (const void *) &u8
                                                    : (const void *) &u16;

            r = m->lib->message_append_basic(m->m, op->op, at);
        }
    }
    return r;
}

static const char *signature_of(const struct cf_systemd_property *property)
{
    static const char *const signatures[] = {
        [CF_SD_BOOL] = "b",   [CF_SD_U64] = "t",         [CF_SD_STRING] = "s",         [CF_SD_STRINGS] = "as",
        [CF_SD_BYTES] = "ay", [CF_SD_DEVICES] = "a(ss)", [CF_SD_DEVICE_U64] = "a(st)",
    };

    return property->type == CF_SD_TEXT ? property->variant->signature : signatures[property->type];
}

static int append_list(const struct cf_sdbus_message *m, const struct cf_systemd_property *property)
{
    const char *contents = signature_of(property) + 1;
    const char *member = property->type == CF_SD_DEVICES ? "ss" : "st";
    bool pairs = property->type == CF_SD_DEVICES;
    int r = m->lib->message_open_container(m->m, 'a', contents);

    for (size_t i = 0; i < property->n && r >= 0; i++) {
        if (property->type == CF_SD_STRINGS) {
            r = m->lib->message_append_basic(m->m, 's', property->strings[i]);
            continue;
        }
        r = m->lib->message_open_container(m->m, 'r', member);
        if (r >= 0)
            r = m->lib->message_append_basic(m->m, 's', property->strings[pairs ? 2 * i : i]);
        if (r >= 0)
            r = pairs ? m->lib->message_append_basic(m->m, 's', property->strings[2 * i + 1])
                      : m->lib->message_append_basic(m->m, 't', &property->numbers[i]);
        if (r >= 0)
            r = m->lib->message_close_container(m->m);
    }
    return r < 0 ? r : m->lib->message_close_container(m->m);
}

static int append_value(const struct cf_sdbus_message *m, const struct cf_systemd_property *property)
{
    const int boolean = property->number != 0;

    switch (property->type) {
    case CF_SD_BOOL:
        return m->lib->message_append_basic(m->m, 'b', &boolean);
    case CF_SD_U64:
        return m->lib->message_append_basic(m->m, 't', &property->number);
    case CF_SD_STRING:
        return m->lib->message_append_basic(m->m, 's', property->text);
    case CF_SD_BYTES:
        return m->lib->message_append_array(m->m, 'y', property->bytes, property->n);
    case CF_SD_TEXT:
        return append_variant(m, property->variant);
    case CF_SD_STRINGS:
    case CF_SD_DEVICES:
    case CF_SD_DEVICE_U64:
        return append_list(m, property);
    }
    return -EINVAL;
}

static int open_property(const struct cf_sdbus_message *m, const char *name, const char *signature)
{
    int r = m->lib->message_open_container(m->m, 'r', "sv");

    if (r >= 0)
        r = m->lib->message_append_basic(m->m, 's', name);
    return r < 0 ? r : m->lib->message_open_container(m->m, 'v', signature);
}

static int close_property(const struct cf_sdbus_message *m)
{
    int r = m->lib->message_close_container(m->m);

    return r < 0 ? r : m->lib->message_close_container(m->m);
}

int cf_sdbus_append_properties(const struct cf_sdbus_message *m, const struct cf_systemd_property *properties,
                               size_t n, const bool *left_out, pid_t holder)
{
    const uint32_t pid = (uint32_t) holder;
    int r = m->lib->message_open_container(m->m, 'a', "(sv)");

    for (size_t i = 0; i < n && r >= 0; i++) {
        if (left_out[i])
            continue;
        r = open_property(m, properties[i].name, signature_of(&properties[i]));
        if (r >= 0)
            r = append_value(m, &properties[i]);
        if (r >= 0)
            r = close_property(m);
    }
    if (r >= 0 && holder > 0) {
        r = open_property(m, "PIDs", "au");
        if (r >= 0)
            r = m->lib->message_append_array(m->m, 'u', &pid, sizeof(pid));
        if (r >= 0)
            r = close_property(m);
    }
    return r < 0 ? r : m->lib->message_close_container(m->m);
}
