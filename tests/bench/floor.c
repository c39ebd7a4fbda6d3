/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Host side of the floor program; see floor.h for what it is.
 *
 *   floor [--userns] [--seccomp FILE] [--state DIR] [--bundle DIR] [--cgroup DIR] [--program P]
 *         [--pid PID] run|create|start|exec|state|delete|delete-force ID
 *
 * --userns maps 0 to 100000 for 65536 ids and lets that host id create the namespace; --seccomp
 * takes a compiled filter (an array of struct sock_filter); --pid makes `exec` join the container of
 * that process, whoever made it. The cgroup is DIR/ID of the mounted cgroup2 tree. The record is one
 * file of numbers: pid, inode of the pidfd.
 */
#include "floor.h"
#include "floor-sys.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <linux/wait.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#define HOST_ID 100000
#define MAX_FILTER 4096
#define UNIX_FAMILY 1
#define STREAM 1
#define PATH_ROOM 512

static void path_of(char *buf, const char *dir, const char *id, const char *rest)
{
    char *p = put_text(buf, dir);

    *p++ = '/';
    put_text(put_text(p, id), rest);
}

/* Fixed offsets keep the instruction list readable: each jump names its target as a distance. */
static long load_device_program(void)
{
#define INSN(c, d, s, o, i)                                                                        \
    {                                                                                              \
        .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                        \
    }
    static const struct bpf_insn program[] = {
        INSN(BPF_LDX | BPF_MEM | BPF_W, 2, 1, 0, 0),  /* 0: r2 = access << 16 | type */
        INSN(BPF_LDX | BPF_MEM | BPF_W, 4, 1, 4, 0),  /* 1: r4 = major */
        INSN(BPF_LDX | BPF_MEM | BPF_W, 5, 1, 8, 0),  /* 2: r5 = minor */
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1),
        INSN(BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0),
        INSN(BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16),
        INSN(BPF_JMP | BPF_JEQ | BPF_K, 3, 0, 12, BPF_DEVCG_ACC_MKNOD), /* 6: mknod: allow */
        INSN(BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff),
        INSN(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 9, BPF_DEVCG_DEV_CHAR),   /* 8: deny */
        INSN(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 9, 136),                  /* 9: allow */
        INSN(BPF_JMP | BPF_JEQ | BPF_K, 4, 0, 5, 5),                    /* 10: to 16 */
        INSN(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 6, 1),                    /* 11: deny */
        INSN(BPF_JMP | BPF_JGT | BPF_K, 5, 0, 5, 9),                    /* 12: deny */
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0x3a8), /* bits 3 5 7 8 9 */
        INSN(BPF_ALU64 | BPF_RSH | BPF_X, 0, 5, 0, 0),
        INSN(BPF_JMP | BPF_JA, 0, 0, 4, 0),                             /* 15: to 20 */
        INSN(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 2, 0),                    /* 16: 5:0 allow */
        INSN(BPF_JMP | BPF_JEQ | BPF_K, 5, 0, 1, 2),                    /* 17: 5:2 allow */
        INSN(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),                  /* 18: deny */
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),                           /* 19 */
        INSN(BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, 1),                  /* 20 */
        INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    union bpf_attr attr = {
        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
        .insns = (uint64_t) (uintptr_t) program,
        .insn_cnt = sizeof(program) / sizeof(program[0]),
        .license = (uint64_t) (uintptr_t) "GPL",
    };

    return sys(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void device_filter(long cgroup_fd)
{
    long prog_fd = load_device_program();
    union bpf_attr attr = {
        .target_fd = (uint32_t) cgroup_fd,
        .attach_bpf_fd = (uint32_t) prog_fd,
        .attach_type = BPF_CGROUP_DEVICE,
        .attach_flags = BPF_F_ALLOW_MULTI,
    };

    need(prog_fd, "device program");
    need(sys(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)), "attach");
    sys(SYS_close, prog_fd);
}

static void write_map(long pid, const char *name)
{
    static const char map[] = "0 100000 65536\n";
    char path[64];
    char *p = put_text(path, "/proc/");
    long fd;

    p = put_number(p, (uint64_t) pid);
    put_text(p, name);
    fd = sys(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
    need(fd, "open map");
    need(sys(SYS_write, fd, map, sizeof(map) - 1), "map");
    sys(SYS_close, fd);
}

/* The effective ids of the calling thread, with every capability kept by the securebit. */
static void become(unsigned id)
{
    need(sys(SYS_setresgid, -1, id, -1), "setresgid");
    need(sys(SYS_setresuid, -1, id, -1), "setresuid");
}

static long spawn(struct floor *f, long cgroup_fd, int *ret_pidfd)
{
    struct clone_args args = {
        .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                 CLONE_NEWCGROUP | CLONE_INTO_CGROUP | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t) (uintptr_t) ret_pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t) cgroup_fd,
    };
    long pid;

    if (f->userns) {
        args.flags |= CLONE_NEWUSER;
        need(sys(SYS_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0), "securebits");
        become(HOST_ID);
    }
    pid = sys(SYS_clone3, &args, sizeof(args));
    if (pid == 0)
        floor_child(f);
    need(pid, "clone3");
    if (f->userns) {
        become(0);
        write_map(pid, "/uid_map");
        write_map(pid, "/gid_map");
        need(sys(SYS_write, f->sync[0], "m", 1), "maps");
    }
    return pid;
}

static void record_write(const struct floor *f, long pid, int pidfd)
{
    char temporary[PATH_ROOM], final[PATH_ROOM], text[64];
    struct stat st;
    char *p;
    long fd;

    need(sys(SYS_fstat, pidfd, &st), "pidfd");
    p = put_number(text, (uint64_t) pid);
    *p++ = ' ';
    p = put_number(p, st.st_ino);
    *p++ = '\n';
    path_of(temporary, f->state, f->id, "/record.new");
    path_of(final, f->state, f->id, "/record");
    fd = sys(SYS_openat, AT_FDCWD, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    need(fd, "record");
    need(sys(SYS_write, fd, text, p - text), "record");
    sys(SYS_close, fd);
    need(sys(SYS_renameat2, AT_FDCWD, temporary, AT_FDCWD, final, 0), "record");
}

/* Opens the process of the record; -1 when it is gone. `ret_pid` may be NULL. */
static long record_open(const struct floor *f, uint64_t *ret_pid)
{
    char path[PATH_ROOM], text[64];
    const char *p = text;
    struct stat st;
    uint64_t pid, inode;
    long fd, n, pidfd;

    path_of(path, f->state, f->id, "/record");
    fd = sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    need(fd, "no such container");
    n = sys(SYS_read, fd, text, sizeof(text) - 1);
    need(n, "record");
    sys(SYS_close, fd);
    text[n] = '\0';
    pid = get_number(&p);
    inode = get_number(&p);
    if (ret_pid)
        *ret_pid = pid;
    pidfd = sys(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return -1;
    if (sys(SYS_fstat, pidfd, &st) < 0 || st.st_ino != inode)
        return -1;
    return pidfd;
}

static void remove_all(const struct floor *f, const char *cgroup)
{
    char path[PATH_ROOM];

    need(sys(SYS_unlinkat, AT_FDCWD, cgroup, AT_REMOVEDIR), "rmdir cgroup");
    path_of(path, f->state, f->id, "/record");
    need(sys(SYS_unlinkat, AT_FDCWD, path, 0), "unlink record");
    path_of(path, f->state, f->id, "");
    need(sys(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR), "rmdir state");
}

static int run_or_create(struct floor *f, bool create)
{
    char state[PATH_ROOM], cgroup[PATH_ROOM], gate[PATH_ROOM];
    long cgroup_fd, pid;
    int pidfd = -1;
    int status = 0;
    char byte;

    path_of(state, f->state, f->id, "");
    path_of(cgroup, f->cgroup, f->id, "");
    need(sys(SYS_mkdirat, AT_FDCWD, state, 0700), "state");
    need(sys(SYS_mkdirat, AT_FDCWD, cgroup, 0755), "cgroup");
    /* Attaching a program needs a real descriptor, which an O_PATH one is not. */
    cgroup_fd = sys(SYS_openat, AT_FDCWD, cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    need(cgroup_fd, "cgroup");
    f->gate_fd = -1;
    if (create) {
        path_of(gate, f->state, f->id, "/gate");
        need(sys(SYS_mknodat, AT_FDCWD, gate, 0010600, 0), "gate");
        f->gate_fd = (int) sys(SYS_openat, AT_FDCWD, gate, O_RDWR | O_CLOEXEC);
        need(f->gate_fd, "gate");
    }
    need(sys(SYS_socketpair, UNIX_FAMILY, STREAM | O_CLOEXEC, 0, f->sync), "socketpair");
    pid = spawn(f, cgroup_fd, &pidfd);
    /* Only the child's end may be left, so that its death ends our read. */
    sys(SYS_close, f->sync[1]);
    device_filter(cgroup_fd);
    record_write(f, pid, pidfd);
    need(sys(SYS_write, f->sync[0], "g", 1), "release");
    if (create) {
        need(sys(SYS_read, f->sync[0], &byte, 1) == 1 ? 0 : -1, "container died");
        return 0;
    }
    need(sys(SYS_wait4, pid, &status, 0, 0), "wait4");
    remove_all(f, cgroup);
    return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}

static int start(const struct floor *f)
{
    char gate[PATH_ROOM];
    long fd;

    if (record_open(f, 0) < 0)
        need(-3, "not running");
    path_of(gate, f->state, f->id, "/gate");
    fd = sys(SYS_openat, AT_FDCWD, gate, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    need(fd, "gate");
    need(sys(SYS_write, fd, "s", 1), "gate");
    need(sys(SYS_unlinkat, AT_FDCWD, gate, 0), "gate");
    return 0;
}

static int exec(const struct floor *f)
{
    char cgroup[PATH_ROOM];
    long pidfd = f->pid ? sys(SYS_pidfd_open, f->pid, 0) : record_open(f, 0);

    need(pidfd, "not running");
    path_of(cgroup, f->cgroup, f->id, "");
    return floor_exec(f, pidfd, cgroup);
}

static bool is_dead(long pidfd, int timeout_ms)
{
    struct pollfd p = {(int) pidfd, POLLIN, 0};
    struct {
        int64_t sec, nsec;
    } limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};

    return sys(SYS_ppoll, &p, 1, timeout_ms < 0 ? 0 : &limit, 0, 8) > 0;
}

static int state(const struct floor *f)
{
    char path[PATH_ROOM], out[PATH_ROOM * 2];
    const char *status = "stopped";
    uint64_t pid = 0;
    long pidfd = record_open(f, &pid);
    char *p;

    if (pidfd >= 0 && !is_dead(pidfd, 0)) {
        path_of(path, f->state, f->id, "/gate");
        status = sys(SYS_faccessat, AT_FDCWD, path, 0) == 0 ? "created" : "running";
    } else {
        pid = 0;
    }
    p = put_text(out, "{\"ociVersion\":\"1.3.0\",\"id\":\"");
    p = put_text(put_text(p, f->id), "\",\"pid\":");
    p = put_number(p, pid);
    p = put_text(put_text(put_text(p, ",\"status\":\""), status), "\",\"bundle\":\"");
    p = put_text(put_text(p, f->bundle), "\"}\n");
    need(sys(SYS_write, 1, out, p - out), "write");
    return 0;
}

/* cgroup.kill and pidfd instead of signals and sleeps; rmdir waits for `populated 0` if it must. */
static int delete(const struct floor *f, bool force)
{
    char cgroup[PATH_ROOM], path[PATH_ROOM];
    long pidfd = record_open(f, 0);
    bool alive = pidfd >= 0 && !is_dead(pidfd, 0);
    long events = -1;

    path_of(cgroup, f->cgroup, f->id, "");
    path_of(path, f->state, f->id, "/gate");
    /* The gate exists only before start: a created container may be deleted without force. */
    if (sys(SYS_unlinkat, AT_FDCWD, path, 0) < 0 && alive && !force)
        need(-16, "still running");
    if (alive) {
        long fd;

        path_of(path, f->cgroup, f->id, "/cgroup.kill");
        fd = sys(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC);
        need(fd, "cgroup.kill");
        need(sys(SYS_write, fd, "1", 1), "cgroup.kill");
        (void) is_dead(pidfd, -1);
    }
    while (sys(SYS_unlinkat, AT_FDCWD, cgroup, AT_REMOVEDIR) == -16) {
        struct pollfd p = {0, POLLPRI, 0};
        char text[256];

        if (events < 0) {
            path_of(path, f->cgroup, f->id, "/cgroup.events");
            events = sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
            need(events, "cgroup.events");
        }
        sys(SYS_pread64, events, text, sizeof(text), 0);
        if (text[10] == '0')
            continue;
        p.fd = (int) events;
        sys(SYS_ppoll, &p, 1, 0, 0, 8);
    }
    path_of(path, f->state, f->id, "/record");
    need(sys(SYS_unlinkat, AT_FDCWD, path, 0), "unlink record");
    path_of(path, f->state, f->id, "");
    need(sys(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR), "rmdir state");
    return 0;
}

static void load_filter(struct floor *f, const char *path)
{
    static struct sock_filter filter[MAX_FILTER];
    long fd = sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long n;

    need(fd, "seccomp file");
    n = sys(SYS_read, fd, filter, sizeof(filter));
    need(n, "seccomp file");
    sys(SYS_close, fd);
    f->filter.len = (unsigned short) ((size_t) n / sizeof(filter[0]));
    f->filter.filter = filter;
}

static int floor_main(int argc, char **argv)
{
    struct floor f = {.state = "/run/floor",
                      .bundle = ".",
                      .cgroup = "/sys/fs/cgroup",
                      .program = "/bin/true",
                      .gate_fd = -1};
    int i = 1;

    for (; i + 1 < argc && argv[i][0] == '-'; i++) {
        if (text_equal(argv[i], "--userns"))
            f.userns = true;
        else if (text_equal(argv[i], "--seccomp"))
            load_filter(&f, argv[++i]);
        else if (text_equal(argv[i], "--state"))
            f.state = argv[++i];
        else if (text_equal(argv[i], "--bundle"))
            f.bundle = argv[++i];
        else if (text_equal(argv[i], "--cgroup"))
            f.cgroup = argv[++i];
        else if (text_equal(argv[i], "--program"))
            f.program = argv[++i];
        else if (text_equal(argv[i], "--pid")) {
            const char *number = argv[++i];

            f.pid = get_number(&number);
        }
    }
    if (i + 2 != argc || text_length(argv[i + 1]) > 64 || text_length(f.state) > 256 ||
        text_length(f.bundle) > 256 || text_length(f.cgroup) > 256)
        need(-22, "usage: floor [OPTIONS] run|create|start|exec|state|delete|delete-force ID");
    f.id = argv[i + 1];
    if (text_equal(argv[i], "run"))
        return run_or_create(&f, false);
    if (text_equal(argv[i], "create"))
        return run_or_create(&f, true);
    if (text_equal(argv[i], "start"))
        return start(&f);
    if (text_equal(argv[i], "exec"))
        return exec(&f);
    if (text_equal(argv[i], "state"))
        return state(&f);
    if (text_equal(argv[i], "delete"))
        return delete(&f, false);
    if (text_equal(argv[i], "delete-force"))
        return delete(&f, true);
    need(-22, "unknown mode");
    return 2;
}

FLOOR_START(floor_main)
