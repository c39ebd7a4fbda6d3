/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* process/home-child.c: the home directory out of a passwd file that may be anything. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/init-internal.h"

struct row {
    char text[160];
    uint32_t uid;
    char home[64]; /* "": not found */
};

static int scan(const char *text, size_t len, size_t step, uint32_t uid, char *home, size_t size)
{
    struct cf_passwd_scan s;

    cf_passwd_scan_begin(&s, uid, home, size);
    for (size_t at = 0; at < len; at += step) {
        if (cf_passwd_scan_feed(&s, text + at, len - at < step ? len - at : step))
            return 1;
    }
    return cf_passwd_scan_end(&s);
}

ParameterizedTestParameters(init_home, lines)
{
    static struct row rows[] = {
        {"root:x:0:0:root:/root:/bin/sh\n", 0, "/root"},
        {"root:x:0:0:root:/root:/bin/sh\na:x:1:1::/home/a:/bin/sh\n", 1, "/home/a"},
        {"a:x:1:1::/home/a:/bin/sh", 1, "/home/a"},
        {"a:x:1:1::/home/a", 1, "/home/a"},
        {"a:x:1:1::/one:\nb:x:1:1::/two:\n", 1, "/one"},
        {"a:x:1:1::\nb:x:1:1::/two:\n", 1, "/two"},
        {"a:x:1:1\n", 1, ""},
        {"a:x:1:1::/h:x\n", 2, ""},
        {"1:x:0:0::/h:x\n", 1, ""},
        {"a:x::0::/h:x\n", 0, ""},
        {"a:x:-1:0::/h:x\n", 4294967294u, ""},
        {"a:x:0x1:0::/h:x\n", 1, ""},
        {"a:x: 1:0::/h:x\n", 1, ""},
        {"a:x:4294967296:0::/h:x\n", 0, ""},
        {"a:x:18446744073709551617:0::/h:x\n", 1, ""},
        {"a:x:0000000001:0::/h:x\n", 1, "/h"},
        {"#a:x:1:0::/h:x\n", 1, ""},
        {"+a:x:1:0::/h:x\n", 1, ""},
        {":x:1:0::/h:x\n", 1, ""},
        {"a:x:1:0::home:x\n", 1, ""},
        {"a:x:1:0:::x\nb:x:1:0::/b:x\n", 1, "/b"},
        {"\n\n\na:x:1:0::/h:x\n", 1, "/h"},
        {"", 0, ""},
    };

    return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *row, init_home, lines)
{
    static const size_t steps[] = {1, 3, 4096};

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        char home[64] = "";
        int found = scan(row->text, strlen(row->text), steps[i], row->uid, home, sizeof(home));

        cr_expect(eq(int, found, row->home[0] != '\0'), "%s", row->text);
        if (found)
            cr_expect_str_eq(home, row->home, "%s", row->text);
    }
}

Test(init_home, nul_byte_spoils_the_line_only)
{
    static const char text[] = "a:x:1:0::/h\0:x\nb:x:1:0::/b:x\n";
    char home[64] = "";

    cr_assert(eq(int, scan(text, sizeof(text) - 1, 5, 1, home, sizeof(home)), 1));
    cr_expect_str_eq(home, "/b");
}

Test(init_home, long_fields_and_lines_are_passed_over)
{
    size_t len = 200000;
    char *text = malloc(len + 64);
    char home[64] = "";

    cr_assert(text != NULL);
    memcpy(text, "a:x:1:0::/", 10);
    memset(text + 10, 'h', len - 10);
    strcpy(text + len, "\nb:x:1:0::/b:x\n");
    cr_assert(eq(int, scan(text, strlen(text), 4096, 1, home, sizeof(home)), 1));
    cr_expect_str_eq(home, "/b");
    memset(text, 'h', len);
    memcpy(text, "a:x:1:", 6);
    cr_assert(eq(int, scan(text, strlen(text), 4096, 1, home, sizeof(home)), 1));
    cr_expect_str_eq(home, "/b");
    free(text);
}

/* What is at /etc/passwd of a temporary root. */
static void expect_home(const char *kind, const char *want)
{
    char dir[] = "/tmp/cf-test-home-XXXXXX", path[64], home[64] = "";
    struct cf_blob_header h = {.uid = 1};
    struct cf_init in = {.blob = {.h = &h}, .proc_fd = -1};

    cr_assert(mkdtemp(dir) != NULL);
    in.root_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_assert(in.root_fd >= 0);
    (void) mkdirat(in.root_fd, "etc", 0755);
    (void) snprintf(path, sizeof(path), "%s/etc/passwd", dir);
    if (strcmp(kind, "file") == 0) {
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

        cr_assert(write(fd, "b:x:1:0::/b:x\n", 14) == 14);
        (void) close(fd);
    } else if (strcmp(kind, "fifo") == 0) {
        (void) mkfifo(path, 0644);
    } else if (strcmp(kind, "dir") == 0) {
        (void) mkdir(path, 0755);
    } else if (strcmp(kind, "link") == 0) {
        (void) symlink("/etc/other", path); /* dangling inside the root */
    }
    cf_home_child_find(&in, home, sizeof(home));
    cr_expect_str_eq(home, want, "%s", kind);
    (void) unlink(path);
    (void) rmdir(path);
    (void) unlinkat(in.root_fd, "etc", AT_REMOVEDIR);
    (void) close(in.root_fd);
    (void) rmdir(dir);
}

Test(init_home, any_type_of_file)
{
    expect_home("file", "/b");
    expect_home("fifo", "/");
    expect_home("dir", "/");
    expect_home("link", "/");
    expect_home("absent", "/");
}
