/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small files of the kernel. Host side, read-only. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "doctor/checks.h"
#include "sys/fs.h"

int cf_doctor_read_text(const char *path, char *buf, size_t size)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    long n;

    buf[0] = '\0';
    if (fd < 0)
        return fd;
    n = cf_io_read_buf(fd, buf, size - 1);
    if (n < 0)
        return (int) n;
    if (n > 0 && buf[n - 1] == '\n')
        n--;
    buf[n] = '\0';
    return (int) n;
}

int64_t cf_doctor_read_number(const char *path)
{
    char text[32];
    int64_t v;

    if (cf_doctor_read_text(path, text, sizeof(text)) < 0)
        return CF_SYSCTL_ABSENT;
    if (strcmp(text, "max") == 0)
        return INT64_MAX;
    return cf_num_parse_i64(text, 0, INT64_MAX, &v) < 0 ? CF_SYSCTL_ABSENT : v;
}

bool cf_doctor_has_word(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (*list) {
        size_t len = strcspn(list, " ,\n");

        if (len == n && memcmp(list, word, n) == 0)
            return true;
        list += len;
        list += strspn(list, " ,\n");
    }
    return false;
}
