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

/** The same with a value of any length, borrowed as well. */
void cf_cgroup_writes_put(struct cf_cgroup_writes *w, const char *controller, const char *file,
                          const char *field, const char *value);

/** What the last write becomes where its file is missing. @value NULL: the same value. */
void cf_cgroup_writes_else(struct cf_cgroup_writes *w, const char *file, const char *value);
/** CF_CGWRITE_* of the last write. */
void cf_cgroup_writes_flag(struct cf_cgroup_writes *w, uint32_t flags);

/** "linux.resources.<fmt>" in the arena, for cf_cgroup_writes_add(); "" when out of memory. */
const char *cf_cgroup_res_field(struct cf_cgroup_writes *w, const char *fmt, ...) CF_PRINTF(2, 3);

/** A value that every new cgroup starts with ("max", "-1"): asks for nothing. Never one of unified. */
bool cf_cgroup_write_is_default(const struct cf_cgroup_write *write);

/**
 * cf_cgroup_res_check() - values that no flavour accepts, and fields that this flavour does not have
 * Zero and other values that ask for nothing pass. Warns about memory.kernel and memory.kernelTCP.
 * Fit for the partial object of an update. @plan NULL: no warnings, then @in may be NULL too.
 * Codes: resources-value, resources-unsupported.
 */
int cf_cgroup_res_check(const struct cf_plan_input *in, struct cf_plan *plan,
                        const struct ocispec_resources *res, bool v2, struct cf_err *err);

/** Checked resources -> writes, in the order in which the kernel accepts them. */
void cf_cgroup_res_v2(const struct ocispec_resources *res, struct cf_cgroup_writes *w);
void cf_cgroup_res_v1(const struct ocispec_resources *res, struct cf_cgroup_writes *w);

/* Parts of the above, for res*.c. */
int cf_cgroup_res_check_io(const struct ocispec_block_io *io, bool v2, struct cf_err *err);
int cf_cgroup_res_check_misc(const struct ocispec_resources *res, bool v2, struct cf_err *err);
int cf_cgroup_res_check_unified(const struct ocispec_string_map *unified, bool v2, struct cf_err *err);
int cf_cgroup_res_not_on_v2(struct cf_err *err, const char *field, const char *controller);
void cf_cgroup_res_io_v1(const struct ocispec_block_io *io, struct cf_cgroup_writes *w);
void cf_cgroup_res_io_v2(const struct ocispec_block_io *io, struct cf_cgroup_writes *w);
void cf_cgroup_res_misc(const struct ocispec_resources *res, bool v2, struct cf_cgroup_writes *w);
void cf_cgroup_res_unified(const struct ocispec_string_map *unified, struct cf_cgroup_writes *w);

/** blockIO.weight (10..1000) -> io.weight (1..10000). */
uint32_t cf_cgroup_io_weight_of(uint16_t weight);

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
