/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/err: filling, wrapping, printing and mending the error value. */

#include <ctype.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "base/err.h"

static char *print(const struct cf_err *err)
{
    static char buf[4096]; /* of the test's own process */

    (void) cf_err_print(err, buf, sizeof(buf));
    return buf;
}

Test(err, frames_outermost_first)
{
    struct cf_err err = CF_ERR_INIT;

    cr_expect(eq(int, cf_err_sys(&err, -EPERM, "fsmount"), -EPERM));
    cr_expect(eq(int, cf_err_in(&err, "mount `%s`", "/proc"), -EPERM));
    cr_expect(eq(int, cf_err_in(&err, "create %s", "c1"), -EPERM));
    cr_expect_str_eq(print(&err), "create c1: mount `/proc`: fsmount: operation not permitted");
    cr_expect(eq(u32, err.kind, COFFER_ERROR_SYSTEM));
    cr_expect(eq(i32, err.sys_errno, EPERM));
}

Test(err, config_prints_field)
{
    struct cf_err err = CF_ERR_INIT;

    cr_expect(eq(int, cf_err_config(&err, "idmap-overlap", "linux.uidMappings[1]", "overlaps `%u`",
                                    7u), -EINVAL));
    cr_expect_str_eq(print(&err), "linux.uidMappings[1]: overlaps `7`");
    cr_expect_str_eq(err.code, "idmap-overlap");
    cr_expect(eq(i32, err.sys_errno, 0));
    (void) cf_err_in(&err, "bundle");
    cr_expect_str_eq(print(&err), "bundle: linux.uidMappings[1]: overlaps `7`");
}

Test(err, field_is_printed_once)
{
    struct cf_err err = CF_ERR_INIT;

    (void) cf_err_sys(&err, -ENOENT, "open `/x`");
    cf_err_field(&err, "mounts[%d].source", 3);
    cf_err_field(&err, "second");
    cf_err_step(&err, "mount");
    cf_err_step(&err, "later");
    cf_err_hint(&err, "try %d", 1);
    cf_err_hint(&err, "no");
    cr_expect_str_eq(print(&err), "mounts[3].source: open `/x`: no such file or directory");
    cr_expect_str_eq(err.field, "mounts[3].source");
    cr_expect_str_eq(err.step, "mount");
    cr_expect_str_eq(err.hint, "try 1");
    cf_err_clear(&err);
    (void) cf_err_sys(&err, -ENOENT, "process.cwd does not exist");
    cf_err_field(&err, "process.cwd");
    cr_expect_str_eq(print(&err), "process.cwd does not exist: no such file or directory");
}

Test(err, set_has_no_errno_text_unless_told)
{
    struct cf_err err = CF_ERR_INIT;

    cr_expect(eq(int, cf_err_set(&err, COFFER_ERROR_STATE, "not-running", -ESRCH, "stopped"),
                 -ESRCH));
    cr_expect_str_eq(print(&err), "stopped");
    cf_err_errno(&err, -ESRCH);
    cr_expect_str_eq(print(&err), "stopped: no such process");
    cf_err_clear(&err);
    cr_expect_str_eq(print(&err), "");
    cr_expect(eq(u32, err.kind, COFFER_ERROR_NONE));
    cr_expect(eq(int, cf_err_oom(&err), -ENOMEM));
    cr_expect(eq(u32, err.kind, COFFER_ERROR_NOMEM));
    cr_expect(eq(int, cf_err_sys(&err, -ENOMEM, "mmap"), -ENOMEM));
    cr_expect(eq(u32, err.kind, COFFER_ERROR_NOMEM));
}

Test(err, set_forgets_what_was_there)
{
    struct cf_err err;

    memset(&err, 0x5a, sizeof(err));
    (void) cf_err_set(&err, COFFER_ERROR_BUG, "x", -EINVAL, "new");
    cr_expect_str_eq(print(&err), "new");
    cr_expect_str_eq(err.hint, "");
    cr_expect_str_eq(err.field, "");
}

Test(err, innermost_survives_overflow)
{
    struct cf_err err = CF_ERR_INIT;
    char big[2 * CF_ERR_TEXT_SIZE];

    (void) cf_err_sys(&err, -EIO, "cause");
    for (int i = 0; i < 40; i++)
        (void) cf_err_in(&err, "frame %d", i);
    cr_expect(eq(u32, err.n_frames, CF_ERR_MAX_FRAMES));
    cr_expect(strstr(print(&err), "cause: input/output error") != NULL);

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    (void) cf_err_set(&err, COFFER_ERROR_BUG, "x", -EIO, "%s", big);
    (void) cf_err_in(&err, "outer");
    cr_expect(eq(u32, err.used, CF_ERR_TEXT_SIZE));
    cr_expect(eq(u32, err.n_frames, 1));
    cr_expect(eq(sz, strlen(print(&err)), CF_ERR_TEXT_SIZE - 1));
}

Test(err, print_escapes)
{
    struct cf_err err = CF_ERR_INIT;
    char small[12];

    (void) cf_err_set(&err, COFFER_ERROR_CONFIG, "x", -EINVAL, "bad `%s`", "a\nlevel=error\x1b\xff");
    cr_expect_str_eq(print(&err), "bad `a\\x0alevel=error\\x1b\\xff`");
    cr_expect(le(sz, cf_err_print(&err, small, sizeof(small)), sizeof(small) - 1));
    cr_expect(eq(sz, cf_err_print(&err, small, 0), 0));
}

Test(err, sanitize_mends_everything)
{
    struct cf_err err;

    memset(&err, 0xff, sizeof(err));
    cf_err_sanitize(&err);
    cr_expect(eq(u32, err.kind, COFFER_ERROR_SYSTEM));
    cr_expect(lt(i32, err.ret, 0));
    cr_expect(le(u32, err.used, CF_ERR_TEXT_SIZE));
    cr_expect(le(u32, err.n_frames, CF_ERR_MAX_FRAMES));
    cr_expect(memchr(err.code, 0, sizeof(err.code)) != NULL);
    cr_expect(memchr(err.hint, 0, sizeof(err.hint)) != NULL);
    (void) print(&err);

    memset(&err, 0, sizeof(err));
    err.n_frames = 5;
    cf_err_sanitize(&err);
    cr_expect_str_eq(print(&err), "");

    (void) cf_err_sys(&err, -ENOENT, "open");
    (void) cf_err_in(&err, "outer");
    cf_err_sanitize(&err);
    cr_expect_str_eq(print(&err), "outer: open: no such file or directory");
    cr_expect_str_eq(err.code, "system-call");
}

Test(err, errno_texts_are_those_of_the_c_library)
{
    for (int e = 1; e < 134; e++) {
        const char *libc = strerrordesc_np(e);
        const char *ours = cf_errno_text(e);

        if (!libc)
            continue;
        cr_expect(eq(int, strcasecmp(libc, ours), 0), "%d: %s", e, ours);
    }
    cr_expect_str_eq(cf_errno_text(EACCES), "permission denied");
    cr_expect_str_eq(cf_errno_text(-EACCES), "permission denied");
    cr_expect_str_eq(cf_errno_text(9999), "unknown error");
}
