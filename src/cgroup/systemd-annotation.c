/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Annotations `org.systemd.property.NAME` -> properties of the unit. Pure, host side. They win over what
 * coffer says itself, except for what it relies on.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cgroup/systemd-internal.h"
#include "spec/spec.h"

#define PREFIX "org.systemd.property."

/* What coffer relies on: changed, it could not find, keep or end the container's unit. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {
        "PIDs",  "PIDFDs",      "Delegate", "DelegateControllers", "DelegateSubgroup",
        "Slice", "Description", "Scope",    "Controller"};

    return cf_str_index(names, sizeof(names) / sizeof(names[0]), name) >= 0;
}

static int annotation_error(struct cf_err *err, const char *key, const char *what, const char *why)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "systemd-annotation", -EINVAL, "annotation %s %s: %s", key,
                      what, why);
    cf_err_field(err, "annotations[\"%s\"]", key);
    return -EINVAL;
}

static int check_name(const char *key, const char *name, struct cf_err *err)
{
    if (strlen(name) < 3)
        return annotation_error(err, key, "name incorrect", "too short");
    for (const char *p = name; *p; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
            return annotation_error(err, key, "name incorrect", "contains non-alphabetic character");
    }
    if (is_reserved(name))
        return annotation_error(err, key, "is refused", "coffer sets this property itself");
    return 0;
}

static int add_annotation(struct cf_systemd_props *props, const char *key, const char *value,
                          struct cf_err *err)
{
    const char *name = key + strlen(PREFIX), *why = NULL;
    struct cf_systemd_property property = {
        .name = name, .type = CF_SD_TEXT, .text = value, .field = key, .required = true};
    int r = check_name(key, name, err);

    if (r < 0)
        return r;
    /* The D-Bus names of times end in USec; unit files have them in seconds. */
    if (cf_str_ends_with(name, "Sec") && !cf_str_ends_with(name, "USec")) {
        r = cf_variant_parse_seconds(value, props->arena, &property.number, &why);
        property.type = CF_SD_U64;
        property.name = cf_arena_printf(props->arena, "%.*sUSec", (int) (strlen(name) - 3), name);
        if (!property.name)
            return cf_err_oom(err);
    } else {
        r = cf_variant_parse(value, props->arena, &property.variant, &why);
    }
    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0)
        return annotation_error(err, key, "value parse error", why ? why : "invalid");
    cf_systemd_props_set(props, &property);
    return 0;
}

int cf_systemd_props_annotations(struct cf_systemd_props *props, const struct ocispec_string_map *annotations,
                                 struct cf_err *err)
{
    for (size_t i = 0; annotations && i < annotations->n; i++) {
        int r = 0;

        if (cf_str_starts_with(annotations->keys[i], PREFIX))
            r = add_annotation(props, annotations->keys[i], annotations->values[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}
