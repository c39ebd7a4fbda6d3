/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* linux.resources -> what is written into cgroup files. Pure, host side; for siblings and tests. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/cgroup.h"
#include "plan/plan.h"

/* A growing list of writes. Running out of memory is sticky: add on, look at oom in the end. */
struct cf_cgroup_writes {
    struct cf_arena *arena;
    struct cf_cgroup_write *items;
    size_t n, cap;
    bool oom;
};

/** Appends one write; controller, file and field are borrowed (literals or arena memory). */
void cf_cgroup_writes_add(struct cf_cgroup_writes *w, const char *controller, const char *file,
                          const char *field, const char *fmt, ...) CF_PRINTF(5, 6);

/** A value that is the default of every new cgroup ("max", "-1"): asks for nothing. */
bool cf_cgroup_write_is_default(const struct cf_cgroup_write *write);

/**
 * cf_cgroup_res_check() - values that no flavour accepts, and fields that are not supported yet
 * Zero and other values that ask for nothing pass. Warns about memory.kernel and memory.kernelTCP.
 * Codes: resources-value, resources-unsupported.
 */
int cf_cgroup_res_check(const struct cf_plan_input *in, struct cf_plan *plan,
                        const struct ocispec_resources *res, bool v2, struct cf_err *err);

/** Checked resources -> writes, in the order in which the kernel accepts them. */
void cf_cgroup_res_v2(const struct ocispec_resources *res, struct cf_cgroup_writes *w);
void cf_cgroup_res_v1(const struct ocispec_resources *res, struct cf_cgroup_writes *w);

/** cpu.shares (2..262144, clamped) -> cpu.weight (1..10000): the models' common curve. */
uint32_t cf_cgroup_weight_of_shares(uint64_t shares);

/* ---- devices ---- */

enum { CF_DEVACC_READ = 1, CF_DEVACC_WRITE = 2, CF_DEVACC_MKNOD = 4, CF_DEVACC_ANY = 7 };

#define CF_DEVNUM_ALL (-1) /* every major or minor number */

struct cf_device_rule {
    bool allow;
    char type;      /* 'b', 'c', or 'a': both */
    int64_t major;  /* CF_DEVNUM_ALL or 0..2^32-1 */
    int64_t minor;
    uint32_t access; /* CF_DEVACC_* */
};

/*
 * A device policy. Each access bit of a request is decided by the last rule that matches the
 * device and names that bit; no rule: by default_allow.
 */
struct cf_device_policy {
    bool default_allow;
    struct cf_device_rule *rules;
    size_t n;
};

/**
 * cf_cgroup_devices_build() - rules of the config, then the default devices, none superseded
 * A rule for all devices and all access sets the default and drops all rules before it.
 * Code: device-rule.
 */
int cf_cgroup_devices_build(const struct ocispec_resources *res, struct cf_arena *arena,
                            struct cf_device_policy *ret, struct cf_err *err);

/**
 * cf_cgroup_devices_program() - the policy as a BPF_PROG_TYPE_CGROUP_DEVICE program
 * @ret: struct bpf_insn as 64 bit words. *ret_n is 0 if everything is allowed: no program needed.
 */
int cf_cgroup_devices_program(const struct cf_device_policy *policy, struct cf_arena *arena,
                              const uint64_t **ret, size_t *ret_n, struct cf_err *err);

/** The policy as lines for devices.deny ('-') and devices.allow ('+') of v1, in order. */
int cf_cgroup_devices_lines(const struct cf_device_policy *policy, struct cf_arena *arena,
                            const char *const **ret, size_t *ret_n, struct cf_err *err);
