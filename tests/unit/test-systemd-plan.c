/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cgroup/systemd-plan, -props, -devices, -variant: names of units, properties, the text of annotations. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/format.h"
#include "cgroup/systemd-internal.h"
#include "host-fixture.h"

#define CONFIG(lin) "{\"ociVersion\":\"1.0.2\",\"linux\":{" lin "}}"
#define PATHED(path) CONFIG("\"cgroupsPath\":\"" path "\"")
#define RESOURCES(res) CONFIG("\"resources\":{" res "}")
#define NOTED(name, value) "{\"ociVersion\":\"1.0.2\",\"annotations\":{\"org.systemd.property." name "\":\"" value "\"}}"

static const struct cf_systemd_plan *plan_of(struct fixture *f, const char *json)
{
    fixture_init(f, json);
    return cf_systemd_plan_build(&f->in, &f->plan, &f->err) < 0 ? NULL : f->plan.cgroup.systemd;
}

static const struct cf_systemd_property *find(const struct cf_systemd_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->n_properties; i++) {
        if (strcmp(plan->properties[i].name, name) == 0)
            return &plan->properties[i];
    }
    return NULL;
}

Test(systemd_plan, names)
{
    static const struct {
        const char *json, *unit, *slice;
    } cases[] = {
        {"{\"ociVersion\":\"1.0.2\"}", "coffer-c1.scope", "system.slice"},
        {PATHED(""), "coffer-c1.scope", "system.slice"},
        {PATHED("system.slice:cri-containerd:abc"), "cri-containerd-abc.scope", "system.slice"},
        {PATHED("kubepods-burstable-pod1_2.slice:cri-containerd:x"), "cri-containerd-x.scope",
         "kubepods-burstable-pod1_2.slice"},
        {PATHED(":p:n"), "p-n.scope", "system.slice"},
        {PATHED("::n"), "n.scope", "system.slice"},
        {PATHED("-.slice:p:n"), "p-n.scope", "-.slice"},
        {PATHED("a.slice:p:b-c.slice"), "b-c.slice", "a.slice"},
        {PATHED(":p:a+b"), "p-a\\x2bb.scope", "system.slice"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        const struct cf_systemd_plan *plan = plan_of(&f, cases[i].json);

        cr_assert_not_null(plan, "%zu: %s", i, f.err.text);
        cr_expect_str_eq(plan->unit, cases[i].unit);
        cr_expect_str_eq(plan->slice, cases[i].slice);
        cr_expect_eq(plan->is_slice, strstr(cases[i].unit, ".slice") != NULL);
        cr_expect_str_eq(plan->description, "coffer container c1");
        fixture_done(&f);
    }
}

Test(systemd_plan, malformed_names)
{
    static const struct {
        const char *json, *code;
    } cases[] = {
        {PATHED("/a/b"), "systemd-path"},        {PATHED("a"), "systemd-path"},
        {PATHED("a:b"), "systemd-path"},         {PATHED("a:b:c:d"), "systemd-path"},
        {PATHED("a/b.slice:p:n"), "systemd-unit-name"}, {PATHED("noslice:p:n"), "systemd-slice"},
        {PATHED(".slice:p:n"), "systemd-slice"}, {PATHED("a--b.slice:p:n"), "systemd-slice"},
        {PATHED("-a.slice:p:n"), "systemd-slice"}, {PATHED("a-.slice:p:n"), "systemd-slice"},
        {PATHED(":p:"), "systemd-unit-name"},    {PATHED(":p:a/b"), "systemd-unit-name"},
        {PATHED(":p:a b"), "systemd-unit-name"}, {PATHED(":p q:n"), "systemd-unit-name"},
        {PATHED(":p:-.slice"), "systemd-slice"}, {PATHED(":p:../x"), "systemd-unit-name"},
    };
    char json[700], name[256];
    struct fixture f;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_expect_null(plan_of(&f, cases[i].json), "%zu", i);
        cr_expect_str_eq(f.err.code, cases[i].code, "%zu: %s", i, f.err.code);
        cr_expect_str_eq(f.err.field, "linux.cgroupsPath");
        fixture_done(&f);
    }
    cr_expect_null(plan_of(&f, PATHED("/a/b")));
    (void) cf_format(json, sizeof(json), "%s", f.err.text);
    cr_expect_str_eq(json, "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got "
                           "\"/a/b\" instead");
    fixture_done(&f);
    memset(name, 'x', 255);
    name[255] = '\0';
    for (int len = 247; len <= 248; len++) { /* and "p-" and ".scope": 255 fit */
        (void) snprintf(json, sizeof(json), "{\"ociVersion\":\"1.0.2\",\"linux\":{\"cgroupsPath\":\":p:%.*s\"}}", len, name);
        cr_expect_eq(plan_of(&f, json) != NULL, len == 247);
        fixture_done(&f);
    }
}

Test(systemd_plan, user_manager)
{
    struct fixture f;

    fixture_init(&f, PATHED(""));
    f.facts.euid = 1000;
    f.facts.privileged = false;
    cr_assert_eq(cf_systemd_plan_build(&f.in, &f.plan, &f.err), 0);
    cr_expect(f.plan.cgroup.systemd->user);
    cr_expect_str_eq(f.plan.cgroup.systemd->slice, "user.slice");
    cr_expect_null(find(f.plan.cgroup.systemd, "DeviceAllow"));
    fixture_done(&f);
}

Test(systemd_plan, resources)
{
    static const struct {
        const char *json, *name;
        uint64_t value;
    } cases[] = {
        {RESOURCES("\"memory\":{\"limit\":1048576}"), "MemoryMax", 1048576},
        {RESOURCES("\"memory\":{\"limit\":-1}"), "MemoryMax", UINT64_MAX},
        {RESOURCES("\"memory\":{\"limit\":-1}"), "MemorySwapMax", UINT64_MAX},
        {RESOURCES("\"memory\":{\"limit\":100,\"swap\":150}"), "MemorySwapMax", 50},
        {RESOURCES("\"memory\":{\"reservation\":77}"), "MemoryLow", 77},
        {RESOURCES("\"pids\":{\"limit\":0}"), "TasksMax", 1},
        {RESOURCES("\"pids\":{\"limit\":-1}"), "TasksMax", UINT64_MAX},
        {RESOURCES("\"pids\":{\"limit\":10}"), "TasksMax", 10},
        {RESOURCES("\"cpu\":{\"shares\":1024}"), "CPUWeight", 100},
        {RESOURCES("\"cpu\":{\"shares\":1024,\"idle\":1}"), "CPUWeight", 0},
        {RESOURCES("\"cpu\":{\"quota\":50000,\"period\":100000}"), "CPUQuotaPerSecUSec", 500000},
        {RESOURCES("\"cpu\":{\"quota\":51234,\"period\":100000}"), "CPUQuotaPerSecUSec", 520000},
        {RESOURCES("\"cpu\":{\"quota\":50000}"), "CPUQuotaPerSecUSec", 500000},
        {RESOURCES("\"cpu\":{\"quota\":-1,\"period\":50000}"), "CPUQuotaPerSecUSec", UINT64_MAX},
        {RESOURCES("\"cpu\":{\"period\":50000}"), "CPUQuotaPeriodUSec", 50000},
        {RESOURCES("\"blockIO\":{\"weight\":10}"), "IOWeight", 1},
        {RESOURCES("\"blockIO\":{\"weight\":1000}"), "IOWeight", 10000},
        {RESOURCES("\"unified\":{\"memory.max\":\"max\"},\"memory\":{\"limit\":5}"), "MemoryMax", UINT64_MAX},
        {RESOURCES("\"unified\":{\"memory.high\":\"123\"}"), "MemoryHigh", 123},
        {RESOURCES("\"unified\":{\"pids.max\":\"0\"}"), "TasksMax", 1},
        {RESOURCES("\"unified\":{\"cpu.max\":\"25000 50000\"}"), "CPUQuotaPerSecUSec", 500000},
        {RESOURCES("\"unified\":{\"cpu.max\":\"max 50000\"}"), "CPUQuotaPeriodUSec", 50000},
        {RESOURCES("\"unified\":{\"cpu.idle\":\"1\"}"), "CPUWeight", 0},
    };
    struct fixture f;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cf_systemd_plan *plan = plan_of(&f, cases[i].json);
        const struct cf_systemd_property *property = plan ? find(plan, cases[i].name) : NULL;

        cr_assert_not_null(property, "%zu: no %s", i, cases[i].name);
        cr_expect_eq(property->type, CF_SD_U64);
        cr_expect(eq(u64, property->number, cases[i].value), "%zu", i);
        fixture_done(&f);
    }
    cr_expect_null(find(plan_of(&f, RESOURCES("\"pids\":{},\"memory\":{\"limit\":0}")), "TasksMax"));
    cr_expect_null(find(f.plan.cgroup.systemd, "MemoryMax"));
    fixture_done(&f);
}

Test(systemd_plan, masks_and_devices)
{
    struct fixture f;
    const struct cf_systemd_property *p;

    p = find(plan_of(&f, RESOURCES("\"cpu\":{\"cpus\":\"0-2,9\",\"mems\":\"1\"}")), "AllowedCPUs");
    cr_assert_not_null(p);
    cr_expect(eq(sz, p->n, 2));
    cr_expect(eq(u8, p->bytes[0], 7));
    cr_expect(eq(u8, p->bytes[1], 2));
    p = find(f.plan.cgroup.systemd, "AllowedMemoryNodes");
    cr_assert_not_null(p);
    cr_expect(eq(u8, p->bytes[0], 2));
    fixture_done(&f);

    p = find(plan_of(&f, RESOURCES("\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":7}]}")),
             "IOReadBandwidthMax");
    cr_assert_not_null(p);
    cr_expect_str_eq(p->strings[0], "/dev/block/8:0");
    cr_expect(eq(u64, p->numbers[0], 7));
    fixture_done(&f);

    p = find(plan_of(&f, RESOURCES("\"devices\":[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":10,"
                                   "\"minor\":229,\"access\":\"rw\"},{\"allow\":true,\"type\":\"b\",\"major\":8}]")),
             "DeviceAllow");
    cr_assert_not_null(p);
    cr_expect_str_eq(p->strings[0], "/dev/char/10:229");
    cr_expect_str_eq(p->strings[1], "rw");
    cr_expect_str_eq(p->strings[2], "block-8");
    cr_expect_str_eq(p->strings[3], "rwm");
    cr_expect_str_eq(find(f.plan.cgroup.systemd, "DevicePolicy")->text, "strict");
    fixture_done(&f);

    p = find(plan_of(&f, RESOURCES("\"devices\":[{\"allow\":true},{\"allow\":false,\"type\":\"c\",\"major\":1,"
                                   "\"minor\":11}]")),
             "DeviceAllow");
    cr_assert_not_null(p);
    cr_expect(eq(sz, p->n, 0));
    cr_expect_str_eq(find(f.plan.cgroup.systemd, "DevicePolicy")->text, "auto");
    fixture_done(&f);
}

/* signature, then the steps: `b1`, `t5`, `"a"`, `[`, `(`, `;` */
static const char *variant_text(struct cf_arena *arena, const char *text)
{
    const struct cf_variant *v;
    const char *why = NULL;
    char out[512];
    size_t n;

    if (cf_variant_parse(text, arena, &v, &why) < 0)
        return cf_arena_printf(arena, "error: %s", why ? why : "?");
    n = (size_t) snprintf(out, sizeof(out), "%s ", v->signature);
    for (size_t i = 0; i < v->n; i++) {
        const struct cf_variant_op *op = &v->ops[i];

        if (op->text)
            n += (size_t) snprintf(out + n, sizeof(out) - n, "\"%s\"", op->text);
        else if (op->op == 'd')
            n += (size_t) snprintf(out + n, sizeof(out) - n, "d%g", op->real);
        else if (op->contents)
            n += (size_t) snprintf(out + n, sizeof(out) - n, "%c", op->op == 'a' ? '[' : '(');
        else if (op->op == ')')
            n += (size_t) snprintf(out + n, sizeof(out) - n, ";");
        else
            n += (size_t) snprintf(out + n, sizeof(out) - n, "%c%lld", op->op, (long long) op->number);
    }
    return cf_arena_strdup(arena, out);
}

Test(systemd_variant, values)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"true", "b b1"},
        {" false ", "b b0"},
        {"'a b'", "s \"a b\""},
        {"\"it's\"", "s \"it's\""},
        {"'\\u00e9\\n\\''", "s \"\xc3\xa9\n'\""},
        {"5", "i i5"},
        {"-1", "i i-1"},
        {"uint64 5", "t t5"},
        {"uint64 18446744073709551615", "t t-1"},
        {"int32 -2147483648", "i i-2147483648"},
        {"byte 0x1f", "y y31"},
        {"uint16 010", "q q8"},
        {"@t 7", "t t7"},
        {"1.5", "d d1.5"},
        {"-2e3", "d d-2000"},
        {"double 3", "d d3"},
        {"objectpath '/a'", "o \"/a\""},
        {"['a', 'b']", "as [\"a\"\"b\";"},
        {"[1, uint32 2]", "au [u1u2;"},
        {"[1, 2.5]", "ad [d1d2.5;"},
        {"@as []", "as [;"},
        {"@a(ss) []", "a(ss) [;"},
        {"('a', uint64 1)", "(st) (\"a\"t1;"},
        {"(1,)", "(i) (i1;"},
        {"[('/dev/null', 'rw')]", "a(ss) [(\"/dev/null\"\"rw\";;"},
        {"[[1], [2, 3]]", "aai [[i1;[i2i3;;"},
        {"[@ai [], [1]]", "aai [[;[i1;;"},
        {"boolean true", "b b1"},
        {"", "error: there is no value"},
        {"nonsense", "error: unknown word"},
        {"'a", "error: unterminated string"},
        {"'a\\", "error: unterminated string"},
        {"[]", "error: the type of an empty array must be given: `@as []`"},
        {"()", "error: an empty tuple is no D-Bus value"},
        {"(1)", "error: a tuple of one value has a comma behind it: `(1,)`"},
        {"[1, 'a']", "error: the value does not have the type that is expected there"},
        {"['a', 1]", "error: a number stands where another type was expected"},
        {"byte 256", "error: number out of range of its type"},
        {"uint32 -1", "error: number out of range of its type"},
        {"2147483648", "error: number out of range of its type"},
        {"99999999999999999999", "error: number out of range"},
        {"5 6", "error: there is something behind the value"},
        {"1x", "error: not a number"},
        {"-", "error: not a number"},
        {"@z 1", "error: invalid type behind `@`"},
        {"@as [1]", "error: a number stands where another type was expected"},
        {"uint64 'a'", "error: the value does not have the type that is expected there"},
        {"[1", "error: expected `,` or `]`"},
        {"[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]", "error: nested too deep"},
        {"'\\ud800'", "error: invalid unicode character"},
    };
    struct cf_arena *arena = cf_arena_new();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_str_eq(variant_text(arena, cases[i].text), cases[i].expected, "%s: %s", cases[i].text,
                         variant_text(arena, cases[i].text));
    cf_arena_free(arena);
}

Test(systemd_variant, annotations)
{
    static const struct {
        const char *json, *text;
    } refused[] = {
        {NOTED("Ab", "true"), "annotation org.systemd.property.Ab name incorrect: too short"},
        {NOTED("A_bc", "true"), "annotation org.systemd.property.A_bc name incorrect: contains non-alphabetic character"},
        {NOTED("Foo", "oops"), "annotation org.systemd.property.Foo value parse error: unknown word"},
        {NOTED("FooSec", "'x'"), "annotation org.systemd.property.FooSec value parse error: not a number"},
        {NOTED("FooSec", "-1"), "annotation org.systemd.property.FooSec value parse error: number out of range"},
        {NOTED("PIDs", "[1]"), "annotation org.systemd.property.PIDs is refused: coffer sets this property itself"},
        {NOTED("Delegate", "false"), "annotation org.systemd.property.Delegate is refused: coffer sets this property itself"},
    };
    const struct cf_systemd_property *p;
    struct fixture f;
    char text[512];

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        cr_expect_null(plan_of(&f, refused[i].json), "%zu", i);
        (void) cf_format(text, sizeof(text), "%s", f.err.text);
        cr_expect_str_eq(text, refused[i].text);
        cr_expect_str_eq(f.err.code, "systemd-annotation");
        fixture_done(&f);
    }
    p = find(plan_of(&f, NOTED("TimeoutStopSec", "90")), "TimeoutStopUSec");
    cr_assert_not_null(p);
    cr_expect(eq(u64, p->number, 90000000));
    cr_expect(p->required);
    fixture_done(&f);
    p = find(plan_of(&f, NOTED("TimeoutStopSec", "1.5")), "TimeoutStopUSec");
    cr_assert_not_null(p);
    cr_expect(eq(u64, p->number, 1500000));
    fixture_done(&f);
    p = find(plan_of(&f, NOTED("TimeoutStopUSec", "uint64 7")), "TimeoutStopUSec");
    cr_assert_not_null(p);
    cr_expect_eq(p->type, CF_SD_TEXT);
    fixture_done(&f);
    /* An annotation wins over what coffer would say. */
    p = find(plan_of(&f, NOTED("CollectMode", "'inactive'")), "CollectMode");
    cr_assert_not_null(p);
    cr_expect_eq(p->type, CF_SD_TEXT);
    cr_expect_str_eq(p->variant->ops[0].text, "inactive");
    fixture_done(&f);
}
