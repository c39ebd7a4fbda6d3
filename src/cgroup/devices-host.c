/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The device program of cgroup v2: loaded and attached, nothing else. Host side. The cgroup is
 * ours and new, so there is nothing to ask the kernel for first.
 */

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "base/own.h"
#include "cgroup/cgroup-internal.h"
#include "sys/fs.h"
#include "sys/task.h"

#define LOG_SIZE 4096

static int load(const uint64_t *insns, size_t n, char *log, uint32_t log_size)
{
    /* A helper-free program needs no GPL, but says what is true. */
    static const char license[] = "LGPL";
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uint64_t) (uintptr_t) insns;
    attr.insn_cnt = (uint32_t) n;
    attr.license = (uint64_t) (uintptr_t) license;
    memcpy(attr.prog_name, "coffer_devices", sizeof("coffer_devices"));
    if (log) {
        log[0] = '\0';
        attr.log_buf = (uint64_t) (uintptr_t) log;
        attr.log_size = log_size;
        attr.log_level = 1;
    }
    return cf_sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

int cf_cgroup_attach_devices(int dir_fd, const uint64_t *insns, size_t n, struct cf_err *err)
{
    cf_auto_fd int prog_fd = load(insns, n, NULL, 0);
    union bpf_attr attr;
    int r;

    if (prog_fd == -EINVAL || prog_fd == -EACCES) {
        char log[LOG_SIZE];

        /* Once more with the verifier's words: this must never happen. */
        (void) load(insns, n, log, sizeof(log));
        log[sizeof(log) - 1] = '\0';
        (void) cf_err_sys(err, prog_fd, "load the device program: %.*s", 400, log);
        cf_err_step(err, "devices");
        return prog_fd;
    }
    if (prog_fd < 0) {
        (void) cf_err_sys(err, prog_fd, "load the device program");
        cf_err_step(err, "devices");
        cf_err_hint(err, "restricting devices needs CAP_BPF or CAP_SYS_ADMIN on the host");
        return prog_fd;
    }
    memset(&attr, 0, sizeof(attr));
    attr.target_fd = (uint32_t) dir_fd;
    attr.attach_bpf_fd = (uint32_t) prog_fd;
    attr.attach_type = BPF_CGROUP_DEVICE;
    /* Programs of cgroups above and below stay in force: all of them must agree. */
    attr.attach_flags = BPF_F_ALLOW_MULTI;
    r = cf_sys_bpf(BPF_PROG_ATTACH, &attr, sizeof(attr));
    if (r < 0) {
        (void) cf_err_sys(err, r, "attach the device program to the cgroup");
        cf_err_step(err, "devices");
    }
    return r;
}

int cf_cgroup_apply_devices(const struct cf_cgroup_plan *plan, const struct cf_cgroup *cg, struct cf_err *err)
{
    int fd = plan->n_device_program ? cf_cgroup_clone_fd(cg) : -1;

    return fd < 0 ? 0 : cf_cgroup_attach_devices(fd, plan->device_program, plan->n_device_program, err);
}
