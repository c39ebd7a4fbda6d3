/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* seccomp: rules for profiles, the interpreter, the prologue, what init needs. */

#include <asm/unistd.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>

#include "seccomp/seccomp-internal.h"
#include "seccomp/seccomp-names.h"
#include "spec/spec.h"

/* What the structs of documents want, although nobody writes to it. */
#define TEXT(s) ((char *) (uintptr_t) (s))

struct row {
    char seccomp[256]; /* value of linux.seccomp */
    int want;
    char field[80];
    uint32_t kind;
};

ParameterizedTestParameters(seccomp_check, rules)
{
    static struct row rows[] = {
        {"{'defaultAction':'SCMP_ACT_ALLOW'}", 0, "", 0},
        {"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':4095}", 0, "", 0},
        {"{'defaultAction':'SCMP_ACT_TRACE','defaultErrnoRet':0}", 0, "", 0},
        {"{'defaultAction':'SCMP_ACT_KILL','listenerPath':'/run/x','listenerMetadata':'m'}", 0, "", 0},
        {"{'defaultAction':''}", -EINVAL, "linux.seccomp.defaultAction", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'ALLOW'}", -EINVAL, "linux.seccomp.defaultAction", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_NOTIFY'}", -EINVAL, "linux.seccomp.defaultAction", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1}", -EINVAL, "linux.seccomp.defaultErrnoRet",
         COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':4096}", -EINVAL,
         "linux.seccomp.defaultErrnoRet", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86','SCMP_ARCH_Z80']}", -EINVAL,
         "linux.seccomp.architectures[1]", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','flags':['SECCOMP_FILTER_FLAG_NEW_LISTENER']}", -EINVAL,
         "linux.seccomp.flags[0]", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','listenerMetadata':'m'}", -EINVAL,
         "linux.seccomp.listenerMetadata", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':[],'action':'SCMP_ACT_KILL'}]}", -EINVAL,
         "linux.seccomp.syscalls[0].names", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a',''],'action':'SCMP_ACT_KILL'}]}",
         -EINVAL, "linux.seccomp.syscalls[0].names[1]", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_NO'}]}", -EINVAL,
         "linux.seccomp.syscalls[0].action", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_NOTIFY'}],"
         "'listenerPath':'/x'}",
         0, "", 0},
        {"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_KILL',"
         "'errnoRet':1}]}",
         -EINVAL, "linux.seccomp.syscalls[0].errnoRet", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_TRACE',"
         "'errnoRet':4096}]}",
         -EINVAL, "linux.seccomp.syscalls[0].errnoRet", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_KILL','args':["
         "{'index':5,'value':1,'op':'SCMP_CMP_EQ'},{'index':6,'value':1,'op':'SCMP_CMP_EQ'}]}]}",
         -EINVAL, "linux.seccomp.syscalls[0].args[1].index", COFFER_ERROR_CONFIG},
        {"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_KILL','args':["
         "{'index':0,'value':1,'op':'EQ'}]}]}",
         -EINVAL, "linux.seccomp.syscalls[0].args[0].op", COFFER_ERROR_CONFIG},
    };
    return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

static struct cf_spec *load(const char *seccomp)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = NULL;
    char json[512];

    (void) snprintf(json, sizeof(json),
                    "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"seccomp\":%s}}", seccomp);
    for (char *p = json; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    cr_assert(eq(int, cf_spec_load_bytes("/b", json, strlen(json), &spec, &err), 0), "%s", err.text);
    return spec;
}

ParameterizedTest(struct row *row, seccomp_check, rules)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = load(row->seccomp);

    cr_expect(eq(int, cf_seccomp_check(spec->config->linux->seccomp, &err), row->want), "%s", row->seccomp);
    cr_expect(eq(str, err.field, row->field), "%s", row->seccomp);
    cr_expect(eq(u32, err.kind, row->kind), "%s", row->seccomp);
    cf_spec_free(spec);
}

/* ---- notifications ---- */

static struct cf_spec *load_config(const char *more, const char *rules)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = NULL;
    char json[1024];

    (void) snprintf(json, sizeof(json),
                    "{'ociVersion':'1.3.0','root':{'path':'r'},%s'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW',"
                    "%s}}}", more, rules);
    for (char *p = json; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    cr_assert(eq(int, cf_spec_load_bytes("/b", json, strlen(json), &spec, &err), 0), "%s", err.text);
    return spec;
}

#define NOTIFY(name, more) "{'names':['" name "'],'action':'SCMP_ACT_NOTIFY'" more "}"
#define LISTENER "'listenerPath':'/l',"

Test(seccomp_notify, calls_of_init_are_refused)
{
    static const struct {
        const char *rules;
        int last, early; /* with no_new_privs, without */
        const char *field;
    } rows[] = {
        {NOTIFY("mkdir", ""), 0, 0, ""},
        {NOTIFY("sendmsg", ""), -EINVAL, -EINVAL, "linux.seccomp.syscalls[0]"},
        {NOTIFY("mkdir", "") "," NOTIFY("execve", ""), -EINVAL, -EINVAL, "linux.seccomp.syscalls[1]"},
        {NOTIFY("write", ""), -EINVAL, -EINVAL, "linux.seccomp.syscalls[0]"},
        {NOTIFY("close", ""), 0, -EINVAL, "linux.seccomp.syscalls[0]"},
        {NOTIFY("accept4", ""), 0, -EINVAL, "linux.seccomp.syscalls[0]"},
        /* what another rule decides before, or the default, is not notified of */
        {"{'names':['sendmsg'],'action':'SCMP_ACT_LOG'}," NOTIFY("sendmsg", ""), 0, 0, ""},
        {"{'names':['sendmsg'],'action':'SCMP_ACT_ALLOW'}," NOTIFY("sendmsg", ""), -EINVAL, -EINVAL,
         "linux.seccomp.syscalls[1]"},
        {"{'names':['sendmsg'],'action':'SCMP_ACT_LOG','args':[{'index':2,'value':1,'op':'SCMP_CMP_EQ'}]},"
         NOTIFY("sendmsg", ""), -EINVAL, -EINVAL, "linux.seccomp.syscalls[1]"},
        /* arguments that nobody knows before: perhaps; those of prctl are known */
        {NOTIFY("sendmsg", ",'args':[{'index':2,'value':1,'op':'SCMP_CMP_EQ'}]"), -EINVAL, -EINVAL,
         "linux.seccomp.syscalls[0]"},
        {NOTIFY("prctl", ""), 0, -EINVAL, "linux.seccomp.syscalls[0]"},
        {NOTIFY("prctl", ",'args':[{'index':0,'value':15,'op':'SCMP_CMP_EQ'}]"), 0, 0, ""},
        {NOTIFY("prctl", ",'args':[{'index':0,'value':8,'op':'SCMP_CMP_EQ'}]"), 0, -EINVAL,
         "linux.seccomp.syscalls[0]"},
        {NOTIFY("prctl", ",'args':[{'index':0,'value':8,'op':'SCMP_CMP_GT'}]"), 0, -EINVAL,
         "linux.seccomp.syscalls[0]"},
        {NOTIFY("prctl", ",'args':[{'index':0,'value':47,'op':'SCMP_CMP_GT'}]"), 0, 0, ""},
        {NOTIFY("prctl", ",'args':[{'index':0,'value':15,'op':'SCMP_CMP_EQ'},{'index':0,'value':8,'op':'SCMP_CMP_EQ'}]"),
         0, -EINVAL, "linux.seccomp.syscalls[0]"},
        {NOTIFY("prctl", ",'args':[{'index':0,'value':15,'op':'SCMP_CMP_EQ'},{'index':0,'value':16,'op':'SCMP_CMP_EQ'}]"),
         0, 0, ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cf_seccomp_listener to;
        struct cf_spec *spec;
        char rules[512];

        (void) snprintf(rules, sizeof(rules), LISTENER "'syscalls':[%s]", rows[i].rules);
        spec = load_config("", rules);
        for (int late = 0; late < 2; late++) {
            int want = late ? rows[i].last : rows[i].early;
            struct cf_err err = CF_ERR_INIT;

            cr_expect(eq(int, cf_seccomp_listener_plan(spec->config, late, NULL, &to, &err), want), "%s, late %d",
                      rows[i].rules, late);
            cr_expect(eq(str, err.field, TEXT(want < 0 ? rows[i].field : "")), "%s, late %d", rows[i].rules, late);
        }
        cf_spec_free(spec);
    }
}

Test(seccomp_notify, listeners)
{
    static const struct {
        const char *annotations, *listener, *fallback;
        int want;
        const char *path; /* or the field of the error */
    } rows[] = {
        {"", "'listenerPath':'/l',", NULL, 0, "/l"},
        {"", "'listenerPath':'/l',", "/f", 0, "/l"},
        {"'annotations':{'run.oci.seccomp.receiver':'/a'},", "'listenerPath':'/l',", "/f", 0, "/l"},
        {"'annotations':{'run.oci.seccomp.receiver':'/a'},", "", "/f", 0, "/a"},
        {"'annotations':{'run.oci.seccomp.receiver':'a'},", "", "/f", -EINVAL,
         "annotations[\"run.oci.seccomp.receiver\"]"},
        {"", "", "/f", 0, "/f"},
        {"", "", "f", -EINVAL, "RUN_OCI_SECCOMP_RECEIVER"},
        {"", "", NULL, -EINVAL, "linux.seccomp.listenerPath"},
        {"", "'listenerPath':'',", NULL, -EINVAL, "linux.seccomp.listenerPath"},
        {"", "'listenerPath':'run/l',", NULL, -EINVAL, "linux.seccomp.listenerPath"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cf_seccomp_listener to;
        struct cf_err err = CF_ERR_INIT;
        struct cf_spec *spec;
        char rules[512];

        (void) snprintf(rules, sizeof(rules), "%s'syscalls':[" NOTIFY("mkdir", "") "]", rows[i].listener);
        spec = load_config(rows[i].annotations, rules);
        cr_expect(eq(int, cf_seccomp_listener_plan(spec->config, true, rows[i].fallback, &to, &err), rows[i].want),
                  "row %zu", i);
        cr_expect(eq(str, TEXT(rows[i].want < 0 ? err.field : to.path), TEXT(rows[i].path)), "row %zu", i);
        cf_spec_free(spec);
    }
}

Test(seccomp_notify, nobody_listens_without_a_rule)
{
    struct cf_spec *spec = load_config("", "'listenerPath':'relative'");
    struct cf_seccomp_listener to = {.path = "x"};
    struct cf_err err = CF_ERR_INIT;

    cr_expect(eq(int, cf_seccomp_listener_plan(spec->config, true, "/f", &to, &err), 0));
    cr_expect(eq(ptr, (void *) (uintptr_t) to.path, NULL));
    cf_spec_free(spec);
}

Test(seccomp_check, default_action_is_required)
{
    struct ocispec_seccomp profile = {0};
    struct cf_err err = CF_ERR_INIT;

    cr_expect(eq(int, cf_seccomp_check(&profile, &err), -EINVAL));
    cr_expect(eq(str, err.field, TEXT("linux.seccomp.defaultAction")));
}

Test(seccomp_check, actions_carry_their_number)
{
    cr_expect(eq(u32, cf_seccomp_action("SCMP_ACT_ERRNO", false, 0), SECCOMP_RET_ERRNO | EPERM));
    cr_expect(eq(u32, cf_seccomp_action("SCMP_ACT_ERRNO", true, 0), SECCOMP_RET_ERRNO));
    cr_expect(eq(u32, cf_seccomp_action("SCMP_ACT_TRACE", false, 0), SECCOMP_RET_TRACE | EPERM));
    cr_expect(eq(u32, cf_seccomp_action("SCMP_ACT_KILL", false, 0), SECCOMP_RET_KILL_THREAD));
    cr_expect(eq(u32, cf_seccomp_action("SCMP_ACT_ALLOW", false, 7), SECCOMP_RET_ALLOW));
}

Test(seccomp_check, tables_have_no_doubles)
{
    const struct cf_seccomp_name *(*const tables[])(size_t *) = {cf_seccomp_actions, cf_seccomp_ops,
                                                                 cf_seccomp_archs, cf_seccomp_flags};

    for (size_t t = 0; t < 4; t++) {
        size_t n;
        const struct cf_seccomp_name *table = tables[t](&n);

        for (size_t i = 0; i < n; i++)
            cr_expect(cf_seccomp_find(table, n, table[i].name) == &table[i], "%s", table[i].name);
    }
}

/* --- the interpreter --- */

static uint32_t run(const struct sock_filter *filter, size_t n, const struct seccomp_data *data)
{
    uint64_t insns[64];
    struct cf_seccomp_program program = {.insns = insns, .n = n};

    if (n)
        memcpy(insns, filter, n * sizeof(*filter));
    return cf_seccomp_run(&program, data);
}

Test(seccomp_run, computes)
{
    const struct seccomp_data data = {.nr = 7, .arch = 0x1234, .args = {0x1122334455667788u}};
    const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)), /* low word, little endian */
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        BPF_STMT(BPF_ST, 3),
        BPF_STMT(BPF_LD | BPF_IMM, 0),
        BPF_STMT(BPF_LD | BPF_MEM, 3),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 4),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };

    cr_expect(eq(u32, run(filter, 10, &data), (0x88 + 7) << 4));
}

Test(seccomp_run, jumps)
{
    struct seccomp_data data = {.nr = 5};
    const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 2), BPF_STMT(BPF_JMP | BPF_JA, 2),
        BPF_STMT(BPF_RET | BPF_K, 1), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 8, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 2), BPF_STMT(BPF_RET | BPF_K, 3),
    };

    cr_expect(eq(u32, run(filter, 7, &data), 2));
    data.nr = 8;
    cr_expect(eq(u32, run(filter, 7, &data), 3));
    data.nr = 1;
    cr_expect(eq(u32, run(filter, 7, &data), 2));
}

Test(seccomp_run, what_the_kernel_refuses_kills)
{
    const struct seccomp_data data = {0};
    const struct sock_filter bad[][2] = {
        {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), BPF_STMT(BPF_RET | BPF_K, 1)},
        {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), BPF_STMT(BPF_RET | BPF_K, 1)},
        {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), BPF_STMT(BPF_RET | BPF_K, 1)},
        {BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_K, 1)},
        {BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), BPF_STMT(BPF_RET | BPF_K, 1)},
        {BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_RET | BPF_K, 1)},
        {BPF_STMT(BPF_ST, BPF_MEMWORDS), BPF_STMT(BPF_RET | BPF_K, 1)},
        {BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_LD | BPF_IMM, 0)},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect(eq(u32, run(bad[i], 2, &data), SECCOMP_RET_KILL_PROCESS), "%zu", i);
    cr_expect(eq(u32, run(NULL, 0, &data), SECCOMP_RET_KILL_PROCESS));
}

/* --- newer than the profile --- */

Test(seccomp_enosys, ranges)
{
    const struct cf_seccomp_newest newest[] = {
        {AUDIT_ARCH_X86_64, 300, CF_SECCOMP_X32_BIT - 1},
        {AUDIT_ARCH_X86_64, CF_SECCOMP_X32_BIT + 300, INT32_MAX},
        {AUDIT_ARCH_I386, 400, INT32_MAX},
    };
    static const struct {
        uint32_t arch, nr, want;
    } rows[] = {
        {AUDIT_ARCH_X86_64, 300, 1},
        {AUDIT_ARCH_X86_64, 301, SECCOMP_RET_ERRNO | ENOSYS},
        {AUDIT_ARCH_X86_64, CF_SECCOMP_X32_BIT - 1, SECCOMP_RET_ERRNO | ENOSYS},
        {AUDIT_ARCH_X86_64, CF_SECCOMP_X32_BIT, 1},
        {AUDIT_ARCH_X86_64, CF_SECCOMP_X32_BIT + 300, 1},
        {AUDIT_ARCH_X86_64, CF_SECCOMP_X32_BIT + 301, SECCOMP_RET_ERRNO | ENOSYS},
        {AUDIT_ARCH_X86_64, UINT32_MAX, 1},
        {AUDIT_ARCH_I386, 400, 1},
        {AUDIT_ARCH_I386, 401, SECCOMP_RET_ERRNO | ENOSYS},
        {AUDIT_ARCH_I386, UINT32_MAX, 1},
        {AUDIT_ARCH_AARCH64, 5000, 1},
    };
    const struct sock_filter end = BPF_STMT(BPF_RET | BPF_K, 1);
    uint64_t insns[3 * CF_SECCOMP_NEWEST_MAX_INSNS + 2];
    struct cf_seccomp_program program = {.insns = insns};

    program.n = cf_seccomp_enosys_prologue(newest, 3, insns);
    cr_assert(le(sz, program.n, 3 * CF_SECCOMP_NEWEST_MAX_INSNS + 1));
    memcpy(&insns[program.n++], &end, sizeof(end));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct seccomp_data data = {.nr = (int) rows[i].nr, .arch = rows[i].arch};

        cr_expect(eq(u32, cf_seccomp_run(&program, &data), rows[i].want), "row %zu", i);
    }
    cr_expect(eq(sz, cf_seccomp_enosys_prologue(NULL, 0, insns), 0));
    cr_expect(cf_seccomp_wants_enosys(SECCOMP_RET_ERRNO | EPERM));
    cr_expect(not(cf_seccomp_wants_enosys(SECCOMP_RET_ERRNO | EACCES)));
    cr_expect(not(cf_seccomp_wants_enosys(SECCOMP_RET_ALLOW)));
}

/* --- what init still needs --- */

Test(seccomp_gate, names_the_first_refused_call)
{
    /* Everything is allowed but recvmsg: needed only when the filter comes early. */
    const struct sock_filter no_recvmsg[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_recvmsg, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)};
    const struct sock_filter logged[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_LOG)};
    uint64_t insns[4];
    struct cf_seccomp_program program = {.insns = insns, .n = 4};
    uint32_t arch = cf_seccomp_native_arch();

    memcpy(insns, no_recvmsg, sizeof(no_recvmsg));
    cr_expect(cf_seccomp_check_gate(&program, arch, true) == NULL);
    cr_expect(eq(str, TEXT(cf_seccomp_check_gate(&program, arch, false)), TEXT("recvmsg")));
    program.n = 1;
    memcpy(insns, nothing, sizeof(nothing));
    cr_expect(eq(str, TEXT(cf_seccomp_check_gate(&program, arch, true)), TEXT("execve")));
    memcpy(insns, logged, sizeof(logged));
    cr_expect(cf_seccomp_check_gate(&program, arch, false) == NULL);
    program.n = 0;
    cr_expect(cf_seccomp_check_gate(&program, arch, false) == NULL);
}
