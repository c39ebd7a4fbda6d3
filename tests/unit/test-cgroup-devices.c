/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * cgroup/devices: the policy, its eBPF program and its v1 lines. The program is run by a small
 * interpreter of just the instructions it may use.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <linux/bpf.h>
#include <string.h>

#include "cgroup/res.h"

#define ALL CF_DEVNUM_ALL

static int run(const uint64_t *words, size_t n, char type, uint32_t major, uint32_t minor,
               uint32_t access)
{
    const uint32_t kernel_access = (access & CF_DEVACC_READ ? BPF_DEVCG_ACC_READ : 0u) |
                                   (access & CF_DEVACC_WRITE ? BPF_DEVCG_ACC_WRITE : 0u) |
                                   (access & CF_DEVACC_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0u);
    const struct bpf_cgroup_dev_ctx ctx = {
        .access_type =
            kernel_access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
        .major = major,
        .minor = minor,
    };
    uint64_t reg[11] = {0};
    size_t steps = 0;

    for (size_t pc = 0; pc < n; pc++) {
        struct bpf_insn i;
        uint32_t value;
        bool jump;

        memcpy(&i, &words[pc], sizeof(i));
        cr_assert_lt(steps++, n, "runs longer than it is");
        switch (i.code) {
        case BPF_LDX | BPF_MEM | BPF_W:
            cr_assert(i.src_reg == BPF_REG_1 && i.off >= 0 && i.off + 4 <= (int) sizeof(ctx));
            memcpy(&value, (const char *) &ctx + i.off, 4);
            reg[i.dst_reg] = value;
            continue;
        case BPF_ALU | BPF_MOV | BPF_X:
            reg[i.dst_reg] = (uint32_t) reg[i.src_reg];
            continue;
        case BPF_ALU | BPF_RSH | BPF_K:
            reg[i.dst_reg] = (uint32_t) reg[i.dst_reg] >> i.imm;
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            reg[i.dst_reg] = (uint32_t) reg[i.dst_reg] & (uint32_t) i.imm;
            continue;
        case BPF_ALU64 | BPF_MOV | BPF_K:
            reg[i.dst_reg] = (uint64_t) (int64_t) i.imm;
            continue;
        case BPF_JMP | BPF_EXIT:
            return (int) reg[0];
        case BPF_JMP | BPF_JA:
            jump = true;
            break;
        case BPF_JMP32 | BPF_JNE | BPF_K:
            jump = (uint32_t) reg[i.dst_reg] != (uint32_t) i.imm;
            break;
        case BPF_JMP32 | BPF_JEQ | BPF_K:
            jump = (uint32_t) reg[i.dst_reg] == (uint32_t) i.imm;
            break;
        case BPF_JMP32 | BPF_JSET | BPF_K:
            jump = (uint32_t) reg[i.dst_reg] & (uint32_t) i.imm;
            break;
        default:
            cr_assert(false, "unexpected instruction 0x%x at %zu", i.code, pc);
        }
        cr_assert_geq(i.off, 0);
        if (jump)
            pc += (size_t) i.off;
    }
    cr_assert(false, "runs off its end");
    return -1;
}

/* The rule of the header, said another way: bit by bit, the last match counts. */
static bool model(const struct cf_device_policy *p, char type, uint32_t major, uint32_t minor,
                  uint32_t access)
{
    for (uint32_t bit = 1; bit <= 4; bit <<= 1) {
        bool allowed = p->default_allow;

        if (!(access & bit))
            continue;
        for (size_t i = 0; i < p->n; i++) {
            const struct cf_device_rule *r = &p->rules[i];

            if ((r->type == 'a' || r->type == type) && (r->major == ALL || r->major == major) &&
                (r->minor == ALL || r->minor == minor) && (r->access & bit))
                allowed = r->allow;
        }
        if (!allowed)
            return false;
    }
    return true;
}

struct built {
    struct cf_arena *arena;
    struct cf_device_policy policy;
    const uint64_t *program;
    size_t n;
};

static void build(struct built *b, struct ocispec_device_rule *rules, size_t n)
{
    struct ocispec_resources res = {.devices = rules, .n_devices = n};
    struct cf_err err = CF_ERR_INIT;

    b->arena = cf_arena_new();
    cr_assert(eq(int, cf_cgroup_devices_build(&res, b->arena, &b->policy, &err), 0));
    cr_assert(
        eq(int, cf_cgroup_devices_program(&b->policy, b->arena, &b->program, &b->n, &err), 0));
}

static int ask(const struct built *b, char type, uint32_t major, uint32_t minor, uint32_t access)
{
    return b->n == 0 ? 1 : run(b->program, b->n, type, major, minor, access);
}

/* A string is `char *` in the generated types. */
#define STR(s) ((char[]) {s})
#define RULE(a, t, mj, mn, acc)                                                                    \
    {                                                                                              \
        .allow = (a), .type = STR(t), .has_major = (mj) != -1, .major = (mj),                      \
        .has_minor = (mn) != -1, .minor = (mn), .access = STR(acc)                                 \
    }

enum { R = CF_DEVACC_READ, W = CF_DEVACC_WRITE, M = CF_DEVACC_MKNOD };

Test(cgroup_devices, defaults)
{
    static const struct {
        char type;
        uint32_t major, minor, access;
        int allowed;
    } table[] = {
        {'c', 1, 3, R | W | M, 1},  {'c', 1, 5, R, 1},      {'c', 1, 7, W, 1},
        {'c', 1, 8, R, 1},          {'c', 1, 9, R, 1},      {'c', 5, 0, R | W, 1},
        {'c', 5, 2, R | W, 1},      {'c', 136, 77, R | W, 1}, {'c', 10, 200, R | W, 1},
        {'c', 1, 1, R, 0},          {'c', 1, 1, M, 1},      {'c', 5, 1, R, 0},
        {'b', 8, 0, M, 1},          {'b', 8, 0, R, 0},      {'b', 8, 0, R | M, 0},
        {'b', 1, 3, R, 0},          {'c', 137, 0, R, 0},    {'c', 4294967295u, 3, R, 0},
    };
    struct built b;

    build(&b, NULL, 0);
    cr_expect_lt(b.n, 70, "%zu instructions", b.n);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        cr_expect(eq(int, ask(&b, table[i].type, table[i].major, table[i].minor, table[i].access),
                     table[i].allowed),
                  "%zu", i);
    cf_arena_free(b.arena);
}

Test(cgroup_devices, later_rules_win)
{
    struct ocispec_device_rule rules[] = {
        RULE(true, "a", -1, -1, "rwm"), /* superseded by the next one */
        RULE(false, "a", -1, -1, "rwm"),
        RULE(true, "b", 8, -1, "r"),
        RULE(true, "b", 8, 1, "w"),
        RULE(false, "b", 8, 2, "r"),
        RULE(true, "a", 300, -1, "rw"),
        RULE(false, "c", 300, 4000000000ll, "w"),
        RULE(false, "c", 1, 3, "rwm"), /* the defaults come after it */
    };
    struct built b;

    build(&b, rules, sizeof(rules) / sizeof(rules[0]));
    cr_expect(not(b.policy.default_allow));
    cr_expect(eq(int, ask(&b, 'b', 8, 0, R), 1));
    cr_expect(eq(int, ask(&b, 'b', 8, 0, R | W), 0));
    cr_expect(eq(int, ask(&b, 'b', 8, 1, R | W), 1));
    cr_expect(eq(int, ask(&b, 'b', 8, 1, R | W | M), 1));
    cr_expect(eq(int, ask(&b, 'b', 8, 2, R), 0));
    cr_expect(eq(int, ask(&b, 'c', 8, 1, R), 0));
    cr_expect(eq(int, ask(&b, 'c', 300, 1, R | W), 1));
    cr_expect(eq(int, ask(&b, 'b', 300, 1, R | W), 1));
    cr_expect(eq(int, ask(&b, 'c', 300, 4000000000u, W), 0));
    cr_expect(eq(int, ask(&b, 'c', 300, 4000000000u, R), 1));
    cr_expect(eq(int, ask(&b, 'c', 1, 3, R | W), 1));
    cr_expect(eq(int, ask(&b, 'c', 9, 9, R), 0));
    cf_arena_free(b.arena);
}

Test(cgroup_devices, everything_allowed_needs_no_program)
{
    struct ocispec_device_rule rules[] = {RULE(false, "b", 8, 0, "r"),
                                          RULE(true, "a", -1, -1, "rwm")};
    struct built b;

    build(&b, rules, 2);
    cr_expect(eq(sz, b.n, 0));
    cf_arena_free(b.arena);
}

Test(cgroup_devices, all_but_one)
{
    struct ocispec_device_rule rules[] = {RULE(true, "a", -1, -1, "rwm"),
                                          RULE(false, "b", 8, 0, "rw")};
    struct built b;

    build(&b, rules, 2);
    cr_expect(b.policy.default_allow);
    cr_expect(eq(int, ask(&b, 'b', 8, 0, R), 0));
    cr_expect(eq(int, ask(&b, 'b', 8, 0, M), 1));
    cr_expect(eq(int, ask(&b, 'b', 8, 1, R | W | M), 1));
    cr_expect(eq(int, ask(&b, 'c', 8, 0, R | W | M), 1));
    cf_arena_free(b.arena);
}

/* A rule for "a" that is not for everything must not become "everything". */
Test(cgroup_devices, partial_wildcards)
{
    struct ocispec_device_rule rules[] = {{.allow = true, .has_major = true, .major = 10},
                                          RULE(true, "a", -1, -1, "r")};
    struct built b;

    build(&b, rules, 2);
    cr_expect(not(b.policy.default_allow));
    cr_expect(eq(int, ask(&b, 'b', 8, 0, R), 1));
    cr_expect(eq(int, ask(&b, 'b', 8, 0, W), 0));
    cr_expect(eq(int, ask(&b, 'b', 10, 0, R | W | M), 1));
    cf_arena_free(b.arena);
}

/* Random policies: program and pruned policy agree with the unpruned rules. */
Test(cgroup_devices, random_policies)
{
    static char types[][2] = {"a", "b", "c"};
    static char accesses[][4] = {"r", "w", "m", "rw", "rm", "wm", "rwm"};
    uint64_t seed = 88172645463325252ull;

    for (int round = 0; round < 300; round++) {
        struct ocispec_device_rule rules[8];
        struct cf_device_rule plain[8];
        struct cf_device_policy whole = {.rules = plain};
        struct built b;
        size_t n;

#define NEXT() (seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17)
        n = NEXT() % 9;
        for (size_t i = 0; i < n; i++) {
            char *type = types[NEXT() % 3], *access = accesses[NEXT() % 7];
            int64_t major = (int64_t) (NEXT() % 3) + 299, minor = (int64_t) (NEXT() % 3) - 1;

            major = major == 301 ? -1 : major;
            rules[i] = (struct ocispec_device_rule) {
                .allow = NEXT() % 2, .type = type, .has_major = true, .major = major,
                .has_minor = true, .minor = minor, .access = access,
            };
            plain[i] = (struct cf_device_rule) {
                .allow = rules[i].allow, .type = *type, .major = major, .minor = minor,
                .access = (strchr(access, 'r') ? R : 0u) | (strchr(access, 'w') ? W : 0u) |
                          (strchr(access, 'm') ? M : 0u),
            };
        }
        whole.n = n;
        build(&b, rules, n);
        for (uint32_t q = 0; q < 2 * 3 * 3 * 3; q++) {
            char type = q & 1 ? 'b' : 'c';
            uint32_t major = 299 + q / 2 % 3, minor = q / 6 % 3, access = 1u + q / 18 % 3;

            /* The config's rules alone, and mknod is always allowed by the defaults behind them. */
            cr_assert(eq(int, ask(&b, type, major, minor, access),
                         model(&whole, type, major, minor, access)),
                      "round %d, %c %u:%u %u", round, type, major, minor, access);
            cr_assert(eq(int, ask(&b, type, major, minor, access | M),
                         model(&whole, type, major, minor, access)));
        }
        cf_arena_free(b.arena);
    }
}

Test(cgroup_devices, lines)
{
    struct ocispec_device_rule rules[] = {RULE(false, "a", -1, -1, "rwm"),
                                          RULE(true, "b", 8, -1, "rw"), RULE(true, "a", 9, 1, "r")};
    struct cf_err err = CF_ERR_INIT;
    const char *const *lines;
    struct built b;
    size_t n;

    build(&b, rules, 3);
    cr_assert(eq(int, cf_cgroup_devices_lines(&b.policy, b.arena, &lines, &n, &err), 0));
    cr_assert(eq(sz, n, 1 + 1 + 2 + 11));
    cr_expect_str_eq(lines[0], "-a *:* rwm");
    cr_expect_str_eq(lines[1], "+b 8:* rw");
    cr_expect_str_eq(lines[2], "+c 9:1 r");
    cr_expect_str_eq(lines[3], "+b 9:1 r");
    cr_expect_str_eq(lines[4], "+c *:* m");
    cr_expect_str_eq(lines[14], "+c 10:200 rwm");
    cf_arena_free(b.arena);
}
