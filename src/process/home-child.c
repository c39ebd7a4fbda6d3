/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * HOME of a process whose environment has none: the home directory of its uid in the container's
 * /etc/passwd. The file is the container's and may be anything: a FIFO, a device, a single line of
 * gigabytes. So it must be a regular file, is read up to a bound, byte by byte through a state
 * machine that keeps only the one field; what goes wrong means "/". Container side, freestanding.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "init/init-internal.h"
#include "path/path.h"
#include "sys/fs.h"

#define MAX_FILE (4u << 20)
#define MAX_LINE (64u << 10)
#define FIELD_UID 2
#define FIELD_HOME 5
#define MAX_UID_DIGITS 10

static void next_line(struct cf_passwd_scan *scan)
{
    scan->used = 0;
    scan->line_bytes = 0;
    scan->number = 0;
    scan->field = 0;
    scan->digits = 0;
    scan->bad = false;
}

void cf_passwd_scan_begin(struct cf_passwd_scan *scan, uint32_t uid, char *home, size_t size)
{
    memset(scan, 0, sizeof(*scan));
    scan->uid = uid;
    scan->home = home;
    scan->size = size;
}

/* At the end of a line: an absolute path in the home field of our uid? */
static int end_line(struct cf_passwd_scan *scan)
{
    if (!scan->bad && scan->field >= FIELD_HOME && scan->used > 0 && scan->home[0] == '/') {
        scan->home[scan->used] = '\0';
        scan->found = true;
        return 1;
    }
    next_line(scan);
    return 0;
}

static void end_field(struct cf_passwd_scan *scan)
{
    if (scan->field == FIELD_UID && (scan->digits == 0 || scan->number != scan->uid))
        scan->bad = true;
    scan->field++;
}

static void take_byte(struct cf_passwd_scan *scan, char c)
{
    /* Comments and the lines of the old NIS syntax are no entries. */
    if (scan->line_bytes == 1 && (c == '#' || c == '+' || c == '-' || c == ':'))
        scan->bad = true;
    if (c == '\0' || scan->line_bytes > MAX_LINE)
        scan->bad = true;
    if (scan->bad)
        return;
    if (c == ':') {
        end_field(scan);
    } else if (scan->field == FIELD_UID) {
        if (c < '0' || c > '9' || scan->digits == MAX_UID_DIGITS) {
            scan->bad = true;
            return;
        }
        scan->number = scan->number * 10 + (uint64_t) (c - '0');
        scan->digits++;
    } else if (scan->field == FIELD_HOME) {
        if (scan->used + 1 >= scan->size)
            scan->bad = true;
        else
            scan->home[scan->used++] = c;
    }
}

int cf_passwd_scan_feed(struct cf_passwd_scan *scan, const char *data, size_t len)
{
    for (size_t i = 0; i < len && !scan->found; i++) {
        if (data[i] == '\n') {
            (void) end_line(scan);
        } else {
            scan->line_bytes++;
            take_byte(scan, data[i]);
        }
    }
    return scan->found ? 1 : 0;
}

int cf_passwd_scan_end(struct cf_passwd_scan *scan)
{
    return scan->found || end_line(scan) ? 1 : 0;
}

/*
 * A process that joins is not seen in the procfs of the container, through which what was looked at could be opened;
 * but it is held to the container's own device policy already, so opening at once does no more than any program in
 * there may do. A FIFO is not waited for.
 */
static int open_as_joiner(struct cf_init *in)
{
    int fd = cf_inroot_open(in->root_fd, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

    if (fd >= 0 && cf_fd_type(fd) != S_IFREG) {
        (void) cf_sys_close(fd);
        return -EINVAL;
    }
    return fd;
}

void cf_home_child_find(struct cf_init *in, char *home, size_t size)
{
    struct cf_passwd_scan scan;
    char buf[4096];
    size_t total = 0;
    int fd;

    cf_passwd_scan_begin(&scan, in->blob.h->uid, home, size);
    fd = in->blob.h->flags & CF_BLOB_EXEC ? open_as_joiner(in)
                                          : cf_inroot_open_regular(in->root_fd, "/etc/passwd", in->proc_fd);
    if (fd >= 0) {
        while (total < MAX_FILE) {
            long n = cf_sys_read(fd, buf, sizeof(buf));

            if (n <= 0) {
                (void) cf_passwd_scan_end(&scan);
                break;
            }
            total += (size_t) n;
            if (cf_passwd_scan_feed(&scan, buf, (size_t) n))
                break;
        }
        (void) cf_sys_close(fd);
    }
    if (!scan.found)
        memcpy(home, "/", 2);
}
