/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A build without libseccomp: profiles are refused, never ignored. Host side. */

#include <errno.h>

#include "seccomp/seccomp-internal.h"

uint32_t cf_seccomp_headers_version(void)
{
    return 0;
}

int cf_seccomp_enabled(void)
{
    return 0;
}

const char *cf_seccomp_library_version(char *buf, size_t size)
{
    return NULL;
}

int cf_seccomp_library(struct cf_seccomp_library *ret)
{
    return -EOPNOTSUPP;
}

bool cf_seccomp_library_has_arch(const char *name)
{
    return false;
}

int cf_seccomp_build(const struct ocispec_seccomp *profile, bool strict, struct cf_arena *arena,
                     struct cf_seccomp_program *ret, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "seccomp-not-built", -EOPNOTSUPP,
                      "linux.seccomp: this coffer was built without seccomp support");
    cf_err_field(err, "linux.seccomp");
    cf_err_hint(err, "install the headers of libseccomp (package libseccomp-dev or libseccomp-devel) and build "
                     "with -Dlibseccomp=enabled");
    return -EOPNOTSUPP;
}
