/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Programs, libraries and security modules that are there. Read-only, nothing is executed. Host side. */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "config.h"
#include "doctor/checks.h"
#include "seccomp/seccomp.h"
#include "sys/fs.h"
#if HAVE_LIBSYSTEMD
#include "sys/dl-systemd.h"
#endif

/* Where userns/userns-helper.c looks, in its order. */
static const char *const helper_dirs[] = {"/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin",
                                          "/run/wrappers/bin"};
static const char *const helper_names[] = {"newuidmap", "newgidmap"};

/* security.capability: a word with version and flags, then permitted and inheritable, 32 bits each. */
static bool has_file_cap(int fd, unsigned int cap)
{
    uint32_t data[6] = {0};

    return cf_sys_fgetxattr(fd, "security.capability", data, sizeof(data)) >= 12 && (data[0] & 1) &&
           (data[1] >> cap & 1);
}

static void probe_helper(struct cf_helper_facts *f, unsigned int kind)
{
    for (size_t i = 0; i < sizeof(helper_dirs) / sizeof(helper_dirs[0]); i++) {
        cf_auto_fd int fd = -EBADF;
        struct statfs fs;
        struct stat st;
        char path[64];

        (void) cf_format(path, sizeof(path), "%s/%s", helper_dirs[i], helper_names[kind]);
        if (cf_sys_fstatat(AT_FDCWD, path, &st, 0) < 0)
            continue;
        (void) cf_str_copy(f->path, sizeof(f->path), path);
        f->uid = st.st_uid;
        f->mode = st.st_mode;
        if (S_ISREG(st.st_mode))
            fd = cf_sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
        f->has_caps = fd >= 0 && has_file_cap(fd, kind == 0 ? CAP_SETUID : CAP_SETGID);
        f->nosuid = cf_sys_statfs(path, &fs) >= 0 && ((unsigned long) fs.f_flags & ST_NOSUID);
        return;
    }
}

static void probe_criu(char ret[64])
{
    static const char *const dirs[] = {"/usr/sbin",      "/usr/bin", "/usr/local/sbin",
                                       "/usr/local/bin", "/sbin",    "/bin"};
    struct stat st;

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        (void) cf_format(ret, 64, "%s/criu", dirs[i]);
        if (cf_sys_fstatat(AT_FDCWD, ret, &st, 0) >= 0 && (st.st_mode & 0111))
            return;
    }
    ret[0] = '\0';
}

#if HAVE_LIBSYSTEMD
static int probe_libsystemd(void)
{
    const struct cf_libsystemd *lib;

    return cf_dl_libsystemd(&lib);
}
#else
static int probe_libsystemd(void)
{
    return CF_NOT_TRIED;
}
#endif

void cf_programs_probe(struct cf_program_facts *ret, const struct cf_facts *caller)
{
    struct cf_facts lsm = *caller;
    struct stat st;

    *ret = (struct cf_program_facts){
        .seccomp_built = HAVE_LIBSECCOMP,
        .systemd_built = HAVE_LIBSYSTEMD,
        .apparmor_built = HAVE_APPARMOR,
        .selinux_built = HAVE_SELINUX,
    };
    for (unsigned int i = 0; i < 2; i++)
        probe_helper(&ret->helper[i], i);
    ret->nsresourced =
        cf_sys_fstatat(AT_FDCWD, "/run/systemd/io.systemd.NamespaceResource", &st, 0) >= 0 && S_ISSOCK(st.st_mode);
    probe_criu(ret->criu);
    (void) cf_seccomp_library_version(ret->seccomp_version, sizeof(ret->seccomp_version));
    ret->systemd_library = probe_libsystemd();
    (void) cf_doctor_read_text("/sys/kernel/security/lsm", ret->lsm, sizeof(ret->lsm));
    cf_facts_probe_lsm(&lsm);
    ret->apparmor = lsm.apparmor;
    ret->selinux = lsm.selinux;
}
