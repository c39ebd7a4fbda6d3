/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compiles a profile with libseccomp, which is opened here and nowhere else.
 *
 * - The native architecture is always there. Calls of any architecture that is not, kill the process.
 * - Conditions of one rule are joined by "and". When one argument has several, which libseccomp cannot
 *   express, every condition becomes a rule of its own, that is "or": what profiles expect everywhere.
 * - Several rules for one call: the first that applies decides (seccomp-exact.c). A rule with the default
 *   action does nothing.
 * - Names that libseccomp does not know are skipped: profiles list calls of all architectures and ages.
 *
 * Host side.
 */

#include <errno.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "seccomp/seccomp-internal.h"
#include "seccomp/seccomp-names.h"
#include "sys/dl.h"
#include "sys/fs.h"

_Static_assert((int) SCMP_CMP_NE == CF_SECCOMP_OP_NE && (int) SCMP_CMP_LT == CF_SECCOMP_OP_LT &&
                   (int) SCMP_CMP_LE == CF_SECCOMP_OP_LE && (int) SCMP_CMP_EQ == CF_SECCOMP_OP_EQ &&
                   (int) SCMP_CMP_GE == CF_SECCOMP_OP_GE && (int) SCMP_CMP_GT == CF_SECCOMP_OP_GT &&
                   (int) SCMP_CMP_MASKED_EQ == CF_SECCOMP_OP_MASKED_EQ,
               "operators are passed on by number");

#define MAX_ARGS 6
#define MAX_ARCHS 32

/* Numbers that libseccomp makes up for calls behind socketcall(2) and ipc(2). */
#define MULTIPLEXED_FIRST (-299)
#define MULTIPLEXED_LAST (-100)
/* From here on all architectures share their numbers (Linux 5.1). */
#define FIRST_COMMON_NUMBER 424

/* One name in one rule. */
struct named {
    const char *name;
    const struct ocispec_seccomp_syscall *rule;
    uint32_t i, j; /* syscalls[i].names[j] */
    bool idle;     /* its action is the default action */
};

struct build {
    const struct cf_libseccomp *lib;
    scmp_filter_ctx ctx;
    const struct ocispec_seccomp *profile;
    uint32_t default_action;
    bool strict, x32;
    uint32_t n_unknown;
    uint32_t tokens[MAX_ARCHS]; /* libseccomp's numbers of the architectures in the filter */
    int last[MAX_ARCHS];        /* highest number named, per token; -1: none */
    size_t n_tokens;
    struct named *names; /* sorted by name; of one name the idle ones last, else in the profile's order */
    const struct ocispec_seccomp_syscall **rules; /* of names[], for seccomp-exact.c */
    size_t n_names;
    struct cf_seccomp_exact *exact;
    size_t n_exact;
};

uint32_t cf_seccomp_headers_version(void)
{
    return (uint32_t) SCMP_VER_MAJOR << 16 | (uint32_t) SCMP_VER_MINOR << 8 | (uint32_t) SCMP_VER_MICRO;
}

int cf_seccomp_enabled(void)
{
    return 1;
}

const char *cf_seccomp_library_version(char *buf, size_t size)
{
    const struct cf_libseccomp *lib;
    const struct scmp_version *v;

    if (cf_dl_libseccomp(&lib) < 0)
        return NULL;
    v = lib->version();
    if (!v || cf_format(buf, size, "%u.%u.%u", v->major, v->minor, v->micro) >= size)
        return NULL;
    return buf;
}

int cf_seccomp_library(struct cf_seccomp_library *ret)
{
    const struct cf_libseccomp *lib;
    int r = cf_dl_libseccomp(&lib);

    if (r < 0)
        return r;
    *ret = (struct cf_seccomp_library){0};
    (void) cf_seccomp_library_version(ret->version, sizeof(ret->version));
    return cf_str_copy(ret->path, sizeof(ret->path), lib->path);
}

bool cf_seccomp_library_has_arch(const char *name)
{
    const struct cf_libseccomp *lib;

    return cf_dl_libseccomp(&lib) < 0 || lib->arch_resolve_name(name) != 0;
}

static int build_load(struct build *b, struct cf_err *err)
{
    int r = cf_dl_libseccomp(&b->lib);

    if (r >= 0)
        return 0;
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "seccomp-library", -EOPNOTSUPP,
                      "linux.seccomp: libseccomp.so.2 %s", r == -ENOENT ? "cannot be loaded" : "lacks a function");
    cf_err_field(err, "linux.seccomp");
    cf_err_hint(err, "install libseccomp 2.5 or newer (package libseccomp2 or libseccomp)");
    return -EOPNOTSUPP;
}

static void add_token(struct build *b, uint32_t token)
{
    for (size_t i = 0; i < b->n_tokens; i++)
        if (b->tokens[i] == token)
            return;
    if (b->n_tokens == MAX_ARCHS)
        return;
    b->x32 |= token == SCMP_ARCH_X32;
    b->last[b->n_tokens] = -1;
    b->tokens[b->n_tokens++] = token;
}

static int build_archs(struct build *b, struct cf_err *err)
{
    const struct cf_seccomp_name *table;
    size_t n;

    table = cf_seccomp_archs(&n);
    add_token(b, b->lib->arch_native());
    for (size_t i = 0; i < b->profile->n_architectures; i++) {
        const struct cf_seccomp_name *name = cf_seccomp_find(table, n, b->profile->architectures[i]);
        uint32_t token = name ? b->lib->arch_resolve_name(name->library) : 0;
        char field[64];
        int r;

        /* No call of an architecture that libseccomp does not know here, or of the other byte order,
         * can arrive on this machine; and what is not in the filter kills. */
        if (!token)
            continue;
        r = b->lib->arch_add(b->ctx, token);
        if (r == -EDOM)
            continue;
        if (r == -ENOMEM)
            return cf_err_oom(err);
        if (r < 0 && r != -EEXIST) {
            (void) cf_format(field, sizeof(field), "linux.seccomp.architectures[%zu]", i);
            return cf_err_config(err, "seccomp-arch", field, "libseccomp refuses `%s`: %s",
                                 b->profile->architectures[i], cf_errno_text(-r));
        }
        add_token(b, token);
    }
    return 0;
}

static int build_init(struct build *b, struct cf_err *err)
{
    b->ctx = b->lib->init(b->default_action);
    if (!b->ctx)
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "seccomp-init", -EOPNOTSUPP,
                          "linux.seccomp.defaultAction: libseccomp refuses `%s` on this kernel",
                          b->profile->default_action);
    if (b->lib->attr_set(b->ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) < 0)
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "seccomp-init", -EOPNOTSUPP,
                          "linux.seccomp: libseccomp refuses to kill foreign architectures");
    /* Init has set no_new_privs itself, or must not. */
    (void) b->lib->attr_set(b->ctx, SCMP_FLTATR_CTL_NNP, 0);
    /* A binary tree: shorter paths, and the kernel walks them for each call number at load. */
    (void) b->lib->attr_set(b->ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return build_archs(b, err);
}

static struct scmp_arg_cmp condition(const struct ocispec_seccomp_arg *arg)
{
    const struct cf_seccomp_name *table, *op;
    size_t n;

    table = cf_seccomp_ops(&n);
    op = cf_seccomp_find(table, n, arg->op);
    return (struct scmp_arg_cmp){
        .arg = arg->index,
        .op = op ? (enum scmp_compare) op->value : SCMP_CMP_NE,
        .datum_a = arg->value, /* MASKED_EQ: the mask */
        .datum_b = arg->value_two,
    };
}

static uint32_t rule_action(const struct ocispec_seccomp_syscall *rule)
{
    return cf_seccomp_action(rule->action, rule->has_errno_ret, rule->errno_ret);
}

static int add_rule(struct build *b, const struct ocispec_seccomp_syscall *rule, uint32_t action, int nr)
{
    struct scmp_arg_cmp conditions[MAX_ARGS];
    int r = 0;

    if (cf_seccomp_one_argument_twice(rule)) {
        for (size_t i = 0; r >= 0 && i < rule->n_args; i++) {
            conditions[0] = condition(&rule->args[i]);
            r = b->lib->rule_add_array(b->ctx, action, nr, 1, conditions);
        }
        return r;
    }
    for (size_t i = 0; i < rule->n_args; i++)
        conditions[i] = condition(&rule->args[i]);
    return b->lib->rule_add_array(b->ctx, action, nr, (unsigned int) rule->n_args, conditions);
}

static bool is_multiplexed(int nr)
{
    return nr >= MULTIPLEXED_FIRST && nr <= MULTIPLEXED_LAST;
}

static uint32_t audit_arch(uint32_t token)
{
    return token == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : token;
}

/*
 * Highest number of the profile on each architecture. A call behind socketcall or ipc may have a
 * number of its own too, which libseccomp does not tell; all of these are older than the common ones.
 */
static void note_last(struct build *b, const char *name)
{
    for (size_t i = 0; i < b->n_tokens; i++) {
        int nr = b->lib->resolve_name_arch(b->tokens[i], name);

        if (is_multiplexed(nr))
            nr = FIRST_COMMON_NUMBER - 1;
        if (nr > b->last[i])
            b->last[i] = nr;
    }
}

/* Return: true if libseccomp must know the rules too, because a number is shared with other calls. */
static bool note_exact(struct build *b, size_t first, size_t n)
{
    bool shared = false;

    for (size_t i = 0; i < b->n_tokens; i++) {
        int nr = b->lib->resolve_name_arch(b->tokens[i], b->names[first].name);

        shared |= is_multiplexed(nr);
        if (nr >= 0)
            b->exact[b->n_exact++] = (struct cf_seccomp_exact){.audit_arch = audit_arch(b->tokens[i]),
                                                               .nr = (uint32_t) nr,
                                                               .rules = &b->rules[first],
                                                               .n_rules = n};
    }
    return shared;
}

static int by_name(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    int r = strcmp(a->name, b->name);

    if (r == 0)
        r = (int) a->idle - (int) b->idle;
    if (r == 0)
        r = a->i != b->i ? (a->i < b->i ? -1 : 1) : (a->j > b->j) - (a->j < b->j);
    return r;
}

static int by_number(const void *left, const void *right)
{
    const struct cf_seccomp_exact *a = left, *b = right;

    if (a->audit_arch != b->audit_arch)
        return a->audit_arch < b->audit_arch ? -1 : 1;
    return (a->nr > b->nr) - (a->nr < b->nr);
}

static int sort_names(struct build *b, struct cf_arena *arena, struct cf_err *err)
{
    const struct ocispec_seccomp *p = b->profile;
    size_t n = 0;

    for (size_t i = 0; i < p->n_syscalls; i++)
        n += p->syscalls[i].n_names;
    b->names = cf_arena_calloc(arena, n + 1, sizeof(*b->names));
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): they are pointers */
    b->rules = cf_arena_calloc(arena, n + 1, sizeof(*b->rules));
    b->exact = cf_arena_calloc(arena, n + 1, b->n_tokens * sizeof(*b->exact));
    if (!b->names || !b->rules || !b->exact)
        return cf_err_oom(err);
    for (size_t i = 0; i < p->n_syscalls; i++) {
        const struct ocispec_seccomp_syscall *rule = &p->syscalls[i];
        bool idle = rule_action(rule) == b->default_action;

        for (size_t j = 0; j < rule->n_names; j++)
            b->names[b->n_names++] = (struct named){rule->names[j], rule, (uint32_t) i, (uint32_t) j, idle};
    }
    qsort(b->names, b->n_names, sizeof(*b->names), by_name);
    for (size_t i = 0; i < b->n_names; i++)
        b->rules[i] = b->names[i].rule;
    return 0;
}

/* All rules of one name: @n from names[@first] on. */
static int build_name(struct build *b, size_t first, size_t n, struct cf_err *err)
{
    const struct named *names = &b->names[first];
    int nr = b->lib->resolve_name(names->name), r;
    char field[96];
    bool exact;

    (void) cf_format(field, sizeof(field), "linux.seccomp.syscalls[%u].names[%u]", names->i, names->j);
    if (nr == __NR_SCMP_ERROR) {
        b->n_unknown++;
        return b->strict ? cf_err_config(err, "seccomp-syscall", field, "unknown system call `%s`", names->name) : 0;
    }
    if (cf_seccomp_wants_enosys(b->default_action))
        note_last(b, names->name);
    while (n > 0 && names[n - 1].idle)
        n--;
    exact = n > 0 && cf_seccomp_needs_exact(&b->rules[first], n, b->x32);
    if (exact && !note_exact(b, first, n))
        return 0;
    for (size_t i = 0; i < n; i++) {
        r = add_rule(b, names[i].rule, rule_action(names[i].rule), nr);
        if (r == -ENOMEM)
            return cf_err_oom(err);
        if (r < 0 && r != -EEXIST)
            return cf_err_config(err, "seccomp-rule", field, "libseccomp refuses the rule for `%s`: %s", names->name,
                                 cf_errno_text(-r));
    }
    return 0;
}

static int build_rules(struct build *b, struct cf_arena *arena, struct cf_err *err)
{
    size_t next;
    int r;

    r = sort_names(b, arena, err);
    for (size_t i = 0; r >= 0 && i < b->n_names; i = next) {
        for (next = i + 1; next < b->n_names && strcmp(b->names[i].name, b->names[next].name) == 0;)
            next++;
        r = build_name(b, i, next - i, err);
    }
    if (b->n_exact)
        qsort(b->exact, b->n_exact, sizeof(*b->exact), by_number);
    return r;
}

/* Ranges for the prologue; those of one audit architecture stand together. */
static size_t newest(const struct build *b, struct cf_seccomp_newest *ret)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n_tokens; i++) {
        struct cf_seccomp_newest item = {
            .audit_arch = audit_arch(b->tokens[i]),
            .last = (uint32_t) b->last[i],
            .limit = INT32_MAX,
        };
        size_t at = n;

        if (b->last[i] < 0)
            continue;
        if (b->tokens[i] == SCMP_ARCH_X86_64)
            item.limit = CF_SECCOMP_X32_BIT - 1;
        for (size_t j = 0; j < n; j++)
            if (ret[j].audit_arch == item.audit_arch)
                at = j + 1;
        memmove(&ret[at + 1], &ret[at], (n - at) * sizeof(*ret));
        ret[at] = item;
        n++;
    }
    return n;
}

static int export_memfd(const struct build *b, struct cf_arena *arena, void **ret, size_t *ret_len, struct cf_err *err)
{
    cf_auto_fd int fd = cf_sys_memfd_create("seccomp", MFD_CLOEXEC);
    struct stat st = {0};
    long n;
    int r;

    if (fd < 0)
        return cf_err_sys(err, fd, "make a file in memory");
    r = b->lib->export_bpf(b->ctx, fd);
    if (r >= 0)
        r = cf_sys_fstat(fd, &st);
    if (r < 0)
        return cf_err_sys(err, r, "export the seccomp program");
    *ret = cf_arena_alloc(arena, (size_t) st.st_size);
    if (!*ret)
        return cf_err_oom(err);
    n = cf_sys_pread64(fd, *ret, (size_t) st.st_size, 0);
    if (n != st.st_size)
        return cf_err_sys(err, n < 0 ? (int) n : -EIO, "read the seccomp program");
    *ret_len = (size_t) n;
    return 0;
}

static int export_program(const struct build *b, struct cf_arena *arena, void **ret, size_t *ret_len,
                          struct cf_err *err)
{
    size_t len = 0;
    int r;

    if (!b->lib->export_bpf_mem)
        return export_memfd(b, arena, ret, ret_len, err);
    r = b->lib->export_bpf_mem(b->ctx, NULL, &len);
    if (r >= 0) {
        *ret = cf_arena_alloc(arena, len);
        if (!*ret)
            return cf_err_oom(err);
        r = b->lib->export_bpf_mem(b->ctx, *ret, &len);
    }
    *ret_len = len;
    return r < 0 ? cf_err_sys(err, r, "export the seccomp program") : 0;
}

static int too_large(size_t n, struct cf_err *err)
{
    return cf_err_config(err, "seccomp-size", "linux.seccomp",
                         "the compiled filter has %zu instructions, the kernel takes %u", n, CF_SECCOMP_MAX_INSNS);
}

static int build_finish(const struct build *b, struct cf_arena *arena, struct cf_seccomp_program *ret,
                        struct cf_err *err)
{
    struct cf_seccomp_newest ranges[MAX_ARCHS + 1];
    size_t n_ranges = newest(b, ranges), n = 0, len = 0, room;
    uint64_t *insns;
    void *body = NULL;
    int r;

    r = export_program(b, arena, &body, &len, err);
    if (r < 0)
        return r;
    if (!body || len == 0 || len % sizeof(*insns))
        return cf_err_set(err, COFFER_ERROR_BUG, "seccomp-export", -EIO, "libseccomp made a program of %zu bytes", len);
    len /= sizeof(*insns);
    n = cf_seccomp_exact_prologue(b->exact, b->n_exact, b->default_action, NULL, 0);
    room = n + n_ranges * CF_SECCOMP_NEWEST_MAX_INSNS + 1 + len;
    if (room > 2 * CF_SECCOMP_MAX_INSNS)
        return too_large(room, err);
    insns = cf_arena_calloc(arena, room, sizeof(*insns));
    if (!insns)
        return cf_err_oom(err);
    n = cf_seccomp_exact_prologue(b->exact, b->n_exact, b->default_action, insns, n);
    n += cf_seccomp_enosys_prologue(ranges, n_ranges, insns + n);
    memcpy(insns + n, body, len * sizeof(*insns));
    n += len;
    if (n > CF_SECCOMP_MAX_INSNS)
        return too_large(n, err);
    *ret = (struct cf_seccomp_program){.insns = insns, .n = n, .n_unknown = b->n_unknown};
    return 0;
}

int cf_seccomp_build(const struct ocispec_seccomp *profile, bool strict, struct cf_arena *arena,
                     struct cf_seccomp_program *ret, struct cf_err *err)
{
    struct build b = {
        .profile = profile,
        .strict = strict,
        .default_action = cf_seccomp_action(profile->default_action, profile->has_default_errno_ret,
                                            profile->default_errno_ret),
    };
    int r;

    r = build_load(&b, err);
    if (r < 0)
        return r;
    r = build_init(&b, err);
    if (r >= 0)
        r = build_rules(&b, arena, err);
    if (r >= 0)
        r = build_finish(&b, arena, ret, err);
    if (b.ctx)
        b.lib->release(b.ctx);
    return r;
}
