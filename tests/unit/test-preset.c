/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* container/preset: words, what is set, what is refused. */

#include <criterion/criterion.h>
#include <errno.h>

#include "container/preset.h"
#include "plan-fixture.h"

#define NAMESPACES "{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"network\"}"
#define CONFIG(rest, linux)                                                                                           \
    "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]" rest "},\"linux\":{\"namespaces\":[" NAMESPACES  \
    "]" linux "}}"
#define DEVICE_RULE(text) CONFIG("", ",\"resources\":{\"devices\":[" text "]}")

static int choose(const char *option, struct cf_preset *preset)
{
    struct plan_test p;
    int r;

    plan_test_init(&p, CONFIG("", ""));
    r = cf_preset_choose(&p.spec, option, preset, &p.err);
    if (r < 0)
        cr_expect_str_eq(p.err.code, "preset", "%s", option);
    plan_test_done(&p);
    return r;
}

/* Return: what cf_preset_apply() says; @code: "" for nothing. */
static void expect(const char *json, const char *word, const char *code, const char *field)
{
    struct cf_preset preset;
    struct plan_test p;

    plan_test_init(&p, json);
    cr_assert_eq(cf_preset_choose(&p.spec, word, &preset, &p.err), 0);
    cr_expect_eq(cf_preset_apply(&preset, &p.spec, &p.err) < 0, code[0] != '\0', "%s", json);
    cr_expect_str_eq(p.err.code, code, "%s", json);
    cr_expect_str_eq(p.err.field, field, "%s", json);
    plan_test_done(&p);
}

Test(preset, words)
{
    struct cf_preset preset;

    cr_assert_eq(choose(NULL, &preset), 0);
    cr_expect(!preset.hardened);
    cr_assert_eq(choose("default", &preset), 0);
    cr_expect(!preset.hardened);
    cr_assert_eq(choose("hardened", &preset), 0);
    cr_expect(preset.hardened);
    cr_assert_eq(choose("hardened:host-pid,CAP_NET_ADMIN,devices", &preset), 0);
    cr_expect(preset.host_pid && preset.devices && !preset.host_ipc && !preset.host_network);
    cr_expect_eq(preset.caps, UINT64_C(1) << 12);
    for (const char *const *bad = (const char *const[]){"", "hardened:", "hardened:,", "hardened:devices,", "hardened,devices",
                                                        "hard", "hardened:CAP_", "hardened:all", "default:devices",
                                                        "hardened:a-word-that-is-longer-than-any-of-them-can-be", NULL};
         *bad; bad++)
        cr_expect_eq(choose(*bad, &preset), -EINVAL, "%s", *bad);
}

Test(preset, sets_no_new_privileges)
{
    struct cf_preset preset;
    struct plan_test p;

    plan_test_init(&p, CONFIG("", ""));
    (void) cf_preset_choose(&p.spec, NULL, &preset, &p.err);
    cr_assert_eq(cf_preset_apply(&preset, &p.spec, &p.err), 0);
    cr_expect(!p.spec.config->process->no_new_privileges);
    cr_expect(!cf_preset_wants_userns(&preset, &p.spec));
    (void) cf_preset_choose(&p.spec, "hardened:new-privileges", &preset, &p.err);
    cr_assert_eq(cf_preset_apply(&preset, &p.spec, &p.err), 0);
    cr_expect(!p.spec.config->process->no_new_privileges);
    (void) cf_preset_choose(&p.spec, "hardened", &preset, &p.err);
    cr_assert_eq(cf_preset_apply(&preset, &p.spec, &p.err), 0);
    cr_expect(p.spec.config->process->no_new_privileges);
    cr_expect(cf_preset_wants_userns(&preset, &p.spec));
    plan_test_done(&p);
}

Test(preset, namespaces)
{
    expect("{\"ociVersion\":\"1.0.0\"}", "hardened", "preset-namespace", "linux.namespaces");
    expect("{\"ociVersion\":\"1.0.0\"}", "default", "", "");
    expect("{\"ociVersion\":\"1.0.0\",\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}}",
           "hardened:host-pid,host-ipc,host-network", "", "");
    expect("{\"ociVersion\":\"1.0.0\"}", "hardened:host-pid,host-ipc,host-network", "preset-namespace", "linux.namespaces");
}

Test(preset, capabilities)
{
    expect(CONFIG(",\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_SYS_PTRACE\"]}", ""), "hardened", "preset-capability",
           "process.capabilities.bounding[1]");
    expect(CONFIG(",\"capabilities\":{\"ambient\":[\"CAP_SYS_ADMIN\"]}", ""), "hardened:CAP_SYS_PTRACE", "preset-capability",
           "process.capabilities.ambient[0]");
    expect(CONFIG(",\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_SYS_PTRACE\"]}", ""), "hardened:CAP_SYS_PTRACE", "", "");
}

Test(preset, devices)
{
    expect(DEVICE_RULE("{\"allow\":true,\"access\":\"rwm\"}"), "hardened", "preset-device", "linux.resources.devices[0]");
    expect(DEVICE_RULE("{\"allow\":true}"), "hardened", "preset-device", "linux.resources.devices[0]");
    expect(DEVICE_RULE("{\"allow\":true,\"access\":\"\"}"), "hardened", "preset-device", "linux.resources.devices[0]");
    expect(DEVICE_RULE("{\"allow\":true,\"type\":\"c\",\"access\":\"m\"}"), "hardened", "", "");
    expect(DEVICE_RULE("{\"allow\":false,\"access\":\"rwm\"}"), "hardened", "", "");
    expect(DEVICE_RULE("{\"allow\":true,\"type\":\"b\",\"major\":1,\"minor\":3,\"access\":\"r\"}"), "hardened", "preset-device",
           "linux.resources.devices[0]");
    expect(DEVICE_RULE("{\"allow\":true,\"type\":\"c\",\"major\":1,\"access\":\"r\"}"), "hardened", "preset-device",
           "linux.resources.devices[0]");
    expect(DEVICE_RULE("{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"}"), "hardened", "", "");
    expect(DEVICE_RULE("{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":1,\"access\":\"r\"}"), "hardened", "preset-device",
           "linux.resources.devices[0]");
    expect(DEVICE_RULE("{\"allow\":true,\"access\":\"rwm\"}"), "hardened:devices", "", "");
    expect(CONFIG("", ",\"devices\":[{\"path\":\"/p\",\"type\":\"p\"}]"), "hardened", "", "");
}
