/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Container side of the floor program: from the first instruction after clone3 to the payload's
 * execve. The order is the cheapest that works; each mount is made once with its final flags.
 */
#include "floor.h"
#include "floor-sys.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>

#ifndef MS_NOSUID
#define MS_RDONLY 1
#define MS_NOSUID 2
#define MS_NODEV 4
#define MS_NOEXEC 8
#define MS_BIND 4096
#define MS_REC 16384
#define MS_SLAVE (1 << 19)
#define MS_RELATIME (1 << 21)
#define MS_STRICTATIME (1 << 24)
#endif
#define UMOUNT_DETACH 2
#define FILE_REGULAR 0100000
#define FILE_CHAR 0020000
#define INET_FAMILY 2
#define DATAGRAM 2
#define LIMIT_NOFILE 7

static long mount_at(const char *source, const char *target, const char *type, unsigned long flags,
                     const char *data)
{
    return sys(SYS_mount, source, target, type, flags, data);
}

static void wait_for_host(const struct floor *f)
{
    char byte;

    need(sys(SYS_read, f->sync[1], &byte, 1) == 1 ? 0 : -1, "host is gone");
}

static void loopback_up(void)
{
    struct ifreq req = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    long s = sys(SYS_socket, INET_FAMILY, DATAGRAM | O_CLOEXEC, 0);

    need(s, "socket");
    need(sys(SYS_ioctl, s, SIOCSIFFLAGS, &req), "loopback");
    sys(SYS_close, s);
}

static void api_mounts(void)
{
    const unsigned long none = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    need(mount_at("proc", "proc", "proc", 0, 0), "proc");
    need(mount_at("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"),
         "dev");
    need(sys(SYS_mkdirat, AT_FDCWD, "dev/pts", 0755), "mkdir");
    need(sys(SYS_mkdirat, AT_FDCWD, "dev/shm", 0755), "mkdir");
    need(sys(SYS_mkdirat, AT_FDCWD, "dev/mqueue", 0755), "mkdir");
    need(mount_at("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                  "newinstance,ptmxmode=0666,mode=0620,gid=5"),
         "devpts");
    need(mount_at("shm", "dev/shm", "tmpfs", none, "mode=1777,size=65536k"), "shm");
    need(mount_at("mqueue", "dev/mqueue", "mqueue", none, 0), "mqueue");
    need(mount_at("sysfs", "sys", "sysfs", none | MS_RDONLY, 0), "sysfs");
    need(mount_at("cgroup", "sys/fs/cgroup", "cgroup2", none | MS_RELATIME | MS_RDONLY, 0),
         "cgroup2");
}

static void devices(bool userns)
{
    static const struct {
        const char *path;
        unsigned number;
    } nodes[] = {
        {"/dev/null", 0x103},   {"/dev/zero", 0x105},    {"/dev/full", 0x107},
        {"/dev/random", 0x108}, {"/dev/urandom", 0x109}, {"/dev/tty", 0x500},
    };
    static const char *const links[][2] = {
        {"/proc/self/fd", "dev/fd"},        {"/proc/self/fd/0", "dev/stdin"},
        {"/proc/self/fd/1", "dev/stdout"},  {"/proc/self/fd/2", "dev/stderr"},
        {"/proc/kcore", "dev/core"},        {"pts/ptmx", "dev/ptmx"},
    };

    for (int i = 0; i < 6; i++) {
        const char *inside = nodes[i].path + 1;

        if (userns) {
            need(sys(SYS_mknodat, AT_FDCWD, inside, FILE_REGULAR | 0666, 0), "device file");
            need(mount_at(nodes[i].path, inside, 0, MS_BIND, 0), "device bind");
        } else {
            need(sys(SYS_mknodat, AT_FDCWD, inside, FILE_CHAR | 0666, nodes[i].number), "mknod");
        }
        need(sys(SYS_symlinkat, links[i][0], AT_FDCWD, links[i][1]), "link");
    }
}

static void set_read_only(const char *path)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    need(sys(SYS_mount_setattr, AT_FDCWD, path, 0, &attr, sizeof(attr)), path);
}

/* Absent paths fail at look-up, which is cheap; the types of these paths are known. */
static void masks(void)
{
    static const char *const dirs[] = {"/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware",
                                       "/sys/devices/virtual/powercap"};
    static const char *const files[] = {"/proc/kcore",         "/proc/keys",
                                        "/proc/latency_stats", "/proc/timer_list",
                                        "/proc/timer_stats",   "/proc/sched_debug",
                                        "/proc/interrupts"};
    static const char *const read_only[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                            "/proc/sysrq-trigger"};
    const char *empty = 0;

    for (int i = 0; i < 7; i++)
        mount_at("/dev/null", files[i], 0, MS_BIND, 0);
    /* One empty read-only tmpfs, bound again and again: a new one each costs twice as much. */
    for (int i = 0; i < 5; i++) {
        if (empty)
            mount_at(empty, dirs[i], 0, MS_BIND, 0);
        else if (mount_at("tmpfs", dirs[i], "tmpfs", MS_RDONLY, "size=4k,nr_inodes=2") == 0)
            empty = dirs[i];
    }
    for (int i = 0; i < 5; i++) {
        if (mount_at(read_only[i], read_only[i], 0, MS_BIND | MS_REC, 0) == 0)
            set_read_only(read_only[i]);
    }
}

void floor_drop_capabilities(void)
{
    const uint64_t keep =
        1ULL << CAP_AUDIT_WRITE | 1ULL << CAP_KILL | 1ULL << CAP_NET_BIND_SERVICE;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{(uint32_t) keep, (uint32_t) keep, 0}, {0, 0, 0}};

    for (int c = 0; c <= CAP_LAST_CAP; c++) {
        if (!(keep >> c & 1))
            sys(SYS_prctl, PR_CAPBSET_DROP, c, 0, 0, 0);
    }
    need(sys(SYS_capset, &header, data), "capset");
}

static void session_keyring(const char *id)
{
    char name[128];

    put_text(put_text(name, "_ses."), id);
    need(sys(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name), "keyring");
}

void floor_child(const struct floor *f)
{
    static const struct {
        uint64_t soft, hard;
    } nofile = {1024, 1024};
    static const char *const env[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", 0};
    const char *const argv[] = {f->program, 0};
    char byte = 'r';

    if (f->userns) {
        wait_for_host(f);
        need(sys(SYS_setgroups, 0, 0), "setgroups");
        need(sys(SYS_setresgid, 0, 0, 0), "setresgid");
        need(sys(SYS_setresuid, 0, 0, 0), "setresuid");
    }
    sys(SYS_setsid);
    loopback_up();
    need(sys(SYS_sethostname, "floor", 5), "hostname");
    session_keyring(f->id);

    need(mount_at(0, "/", 0, MS_REC | MS_SLAVE, 0), "slave");
    need(sys(SYS_chdir, f->bundle), "bundle");
    need(mount_at("rootfs", "rootfs", 0, MS_BIND | MS_REC, 0), "bind root");
    need(sys(SYS_chdir, "rootfs"), "rootfs");
    sys(SYS_umask, 0);
    api_mounts();
    devices(f->userns);
    need(sys(SYS_pivot_root, ".", "."), "pivot_root");
    need(sys(SYS_umount2, ".", UMOUNT_DETACH), "umount");
    need(sys(SYS_chdir, "/"), "chdir");
    set_read_only("/");
    masks();

    sys(SYS_umask, 022);
    need(sys(SYS_prlimit64, 0, LIMIT_NOFILE, &nofile, 0), "rlimit");
    floor_drop_capabilities();
    need(sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    wait_for_host(f);
    if (f->gate_fd >= 0) {
        need(sys(SYS_write, f->sync[1], &byte, 1), "ready");
        need(sys(SYS_read, f->gate_fd, &byte, 1), "gate");
    }
    need(sys(SYS_close_range, 3, ~0U, 4 /* CLOEXEC */), "close_range");
    if (f->filter.len)
        need(sys(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &f->filter), "seccomp");
    need(sys(SYS_execve, f->program, argv, env), "execve");
    __builtin_unreachable();
}
