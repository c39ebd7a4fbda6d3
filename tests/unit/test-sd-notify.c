/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* container/notify: what of a container's message is passed on to the service manager. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>
#include <string.h>

#include "container/notify.h"

static void expect_line(const char *text, size_t len, const char *want)
{
    const char *line = "";
    size_t n = cf_notify_line(text, len, &line);

    cr_expect(eq(sz, n, strlen(want)), "%s", text);
    cr_expect(n == strlen(want) && memcmp(line, want, n) == 0, "%s", text);
}

#define EXPECT_LINE(text, want) expect_line(text, sizeof(text) - 1, want)

Test(sd_notify, one_line_that_says_ready)
{
    EXPECT_LINE("READY=1", "READY=1");
    EXPECT_LINE("READY=1\n", "READY=1");
    EXPECT_LINE("STATUS=x\nREADY=1\nMAINPID=1", "READY=1");
    EXPECT_LINE("READY=1\nREADY=2", "READY=1");
    EXPECT_LINE("\n\nREADY=y", "READY=y");
}

Test(sd_notify, nothing_else)
{
    EXPECT_LINE("", "");
    EXPECT_LINE("\n", "");
    EXPECT_LINE("READY", "");
    EXPECT_LINE("READY=", "");
    EXPECT_LINE("XREADY=1", "");
    EXPECT_LINE("STATUS=READY=1", "");
    EXPECT_LINE("RELOADING=1\nSTOPPING=1", "");
    EXPECT_LINE("READY=\0001", "");
    EXPECT_LINE("READY=1\0\nREADY=2", "READY=2");
}

Test(sd_notify, a_long_line_is_none)
{
    char text[512];

    memset(text, 'x', sizeof(text));
    memcpy(text, "READY=", 6);
    expect_line(text, sizeof(text), "");
    text[256] = '\n';
    cr_expect(eq(sz, cf_notify_line(text, sizeof(text), &(const char *){NULL}), 256));
    text[256] = 'x';
    text[257] = '\n';
    cr_expect(eq(sz, cf_notify_line(text, sizeof(text), &(const char *){NULL}), 0));
}

Test(sd_notify, addresses)
{
    cr_expect(cf_notify_is_address("/run/x"));
    cr_expect(cf_notify_is_address("@x"));
    cr_expect(not(cf_notify_is_address("")));
    cr_expect(not(cf_notify_is_address("@")));
    cr_expect(not(cf_notify_is_address("/")));
    cr_expect(not(cf_notify_is_address("vsock:2:1")));
    cr_expect(not(cf_notify_is_address("run/x")));
}
