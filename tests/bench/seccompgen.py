# SPDX-License-Identifier: LGPL-2.1-or-later
"""A seccomp profile of the size that container engines ship, generated from the kernel's own call
tables, and its compilation into a short filter for the floor program."""

import platform
import re
import struct
import subprocess

ALLOWED = 372

# What an engine's default profile keeps away from containers.
DENIED = set("""
acct add_key bpf clock_adjtime clock_adjtime64 clock_settime clock_settime64 create_module
delete_module finit_module fsconfig fsmount fsopen fspick get_kernel_syms get_mempolicy
init_module ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie mbind mount
mount_setattr move_mount move_pages name_to_handle_at nfsservctl open_by_handle_at open_tree
perf_event_open pivot_root quotactl quotactl_fd reboot request_key set_mempolicy setdomainname
sethostname setns settimeofday stime swapoff swapon sysfs syslog umount umount2 unshare uselib
userfaultfd ustat vhangup vm86 vm86old vserver _sysctl afs_syscall getpmsg putpmsg security
tuxcall epoll_ctl_old epoll_wait_old query_module
""".split())

PERSONALITIES = [0x0, 0x0008, 0x20000, 0x20008, 0xFFFFFFFF]
CLONE_NAMESPACES = 0x7E020000
AF_VSOCK = 40
EPERM, ENOSYS = 1, 38


def call_table(header):
    """{name: number} of one instruction set, from the installed kernel headers."""
    out = subprocess.run(["cc", "-E", "-dM", "-x", "c", "-"], input="#include <%s>\n" % header,
                         capture_output=True, text=True, check=True).stdout
    return {name: int(number)
            for name, number in re.findall(r"^#define __NR_(\w+) (\d+)$", out, re.M)}


def tables():
    """[(audit architecture, SCMP name, table)] of this machine."""
    if platform.machine() == "x86_64":
        native = call_table("asm/unistd_64.h")
        x32 = {name: nr | 0x40000000 for name, nr in native.items()}
        return [(0xC000003E, "SCMP_ARCH_X86_64", native),
                (0x40000003, "SCMP_ARCH_X86", call_table("asm/unistd_32.h")),
                (0xC000003E, "SCMP_ARCH_X32", x32)]
    return [(0xC00000B7, "SCMP_ARCH_AARCH64", call_table("asm/unistd.h"))]


def allowed_names(all_tables):
    special = {"personality", "clone", "clone3", "socket"}
    names = set()
    for _, _, table in all_tables:
        names |= set(table)
    names -= DENIED | special
    # Native names first: a name only another instruction set knows costs little to look up.
    native = sorted(n for n in names if n in all_tables[0][2])
    other = sorted(names - set(native))
    return (native + other)[:ALLOWED - 3]


def profile():
    """The profile as the `linux.seccomp` object."""
    all_tables = tables()
    equal = [{"names": ["personality"], "action": "SCMP_ACT_ALLOW",
              "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]}
             for value in PERSONALITIES]
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": EPERM,
        "architectures": [name for _, name, _ in all_tables],
        "syscalls": [
            {"names": allowed_names(all_tables), "action": "SCMP_ACT_ALLOW"},
            *equal,
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": CLONE_NAMESPACES, "valueTwo": 0,
                       "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": AF_VSOCK, "op": "SCMP_CMP_NE"}]},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS},
        ],
    }


# ---- filter of the floor program: binary search over runs of equal action ----

LD, JA, JEQ, JGE, JSET, RET = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
NR_OFFSET, ARCH_OFFSET, ARG0_LOW, ARG0_HIGH = 0, 4, 16, 20


class Assembler:
    """Code is emitted backwards, so that every jump target is already known."""

    def __init__(self):
        self.code = []  # from the end of the program to its start
        self.memo = {}

    def emit(self, op, k, jt=None, jf=None):
        """Adds one instruction in front of the others; jt, jf are positions. Returns its own."""
        position = len(self.code) + 1
        skip_true = position - 1 - jt if jt is not None else 0
        skip_false = position - 1 - jf if jf is not None else 0
        if max(skip_true, skip_false) > 255:
            raise ValueError("jump too long")
        self.code.append((op, skip_true, skip_false, k))
        return position

    def jump(self, target):
        """An unconditional jump, the only one whose distance has 32 bits."""
        position = len(self.code) + 1
        self.code.append((JA, 0, 0, position - 1 - target))
        return position

    def ret(self, value):
        """Returns are shared by near users: a conditional jump reaches 255 instructions."""
        position = self.memo.get(value)
        if position is None or len(self.code) - position > 100:
            position = self.emit(RET, value)
            self.memo[value] = position
        return position

    def bytes(self):
        return b"".join(struct.pack("=HBBI", op, jt, jf, k)
                        for op, jt, jf, k in reversed(self.code))


def leaf(asm, action):
    if isinstance(action, int):
        return asm.ret(action)
    allow, deny = asm.ret(ALLOW), asm.ret(ERRNO | EPERM)
    if action == "personality":
        target = deny
        for value in PERSONALITIES:
            target = asm.emit(JEQ, value, allow, target)
        target = asm.emit(LD, ARG0_LOW)
        target = asm.emit(JEQ, 0, target, deny)
        return asm.emit(LD, ARG0_HIGH)
    if action == "clone":
        target = asm.emit(JSET, CLONE_NAMESPACES, deny, allow)
        return asm.emit(LD, ARG0_LOW)
    target = asm.emit(JEQ, AF_VSOCK, deny, allow)
    target = asm.emit(LD, ARG0_LOW)
    target = asm.emit(JEQ, 0, target, allow)
    return asm.emit(LD, ARG0_HIGH)


def search(asm, runs):
    """Binary search; runs is a sorted list of (first number, action)."""
    if len(runs) == 1:
        return leaf(asm, runs[0][1])
    middle = len(runs) // 2
    low = search(asm, runs[:middle])
    high = search(asm, runs[middle:])
    return asm.emit(JGE, runs[middle][0], high, low)


def runs_of(by_number, names):
    """[(first number, action)] of one architecture, sorted; {number: name} comes in."""
    names = set(names)
    default = ERRNO | EPERM
    actions = {}
    for number, name in by_number.items():
        if name in names:
            actions[number] = ALLOW
        elif name in ("personality", "clone", "socket"):
            actions[number] = name
        elif name == "clone3":
            actions[number] = ERRNO | ENOSYS
    runs = [(0, actions.get(0, default))]
    for number in sorted(actions):
        for n in (number, number + 1):
            action = actions.get(n, default)
            if n > runs[-1][0] and action != runs[-1][1]:
                runs.append((n, action))
    return runs


def compiled():
    """The filter as bytes: an array of struct sock_filter."""
    all_tables = tables()
    names = allowed_names(all_tables)
    merged = {}
    for arch, _, table in all_tables:
        by_number = merged.setdefault(arch, {})
        for name, number in table.items():
            by_number.setdefault(number, name)
    asm = Assembler()
    entry = asm.ret(KILL)
    for arch, by_number in reversed(list(merged.items())):
        search(asm, runs_of(by_number, names))
        start = asm.emit(LD, NR_OFFSET)
        other = asm.jump(entry)
        entry = asm.emit(JEQ, arch, start, other)
    asm.emit(LD, ARCH_OFFSET)
    return asm.bytes()
