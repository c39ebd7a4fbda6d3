/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which security modules are active. Only asked when config.json names a label, because it costs
 * a few opens. Nothing here depends on securityfs or selinuxfs being visible: a caller inside a
 * user namespace has neither, and a label must never be skipped for that reason (rule R27).
 */

#include <fcntl.h>
#include <string.h>

#include "base/own.h"
#include "base/str.h"
#include "facts/facts.h"
#include "sys/fs.h"

/* Start of a small file. Return: bytes, 0 when it cannot be read. */
static size_t read_start(const char *path, char *buf, size_t size)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    size_t used = 0;
    long n;

    buf[0] = '\0';
    if (fd < 0)
        return 0;
    while (used < size - 1) {
        n = cf_sys_read(fd, buf + used, size - 1 - used);
        if (n <= 0)
            break;
        used += (size_t) n;
    }
    buf[used] = '\0';
    return used;
}

void cf_facts_probe_lsm(struct cf_facts *facts)
{
    char text[4096];

    facts->lsm_probed = true;
    /* Readable only while the module is enabled (EINVAL otherwise). */
    facts->apparmor = read_start("/proc/thread-self/attr/apparmor/current", text, sizeof(text)) > 0;
    if (!facts->apparmor && read_start("/sys/module/apparmor/parameters/enabled", text, sizeof(text)) > 0)
        facts->apparmor = text[0] == 'Y';
    /* The type is registered only when SELinux was not switched off at boot. */
    (void) read_start("/proc/filesystems", text, sizeof(text));
    facts->selinux = strstr(text, "\tselinuxfs\n") != NULL;
}
