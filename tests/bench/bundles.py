# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bundles of the benchmark: the default configuration of a cgroup v2 host, built here so that no
candidate's own `spec` command decides what is measured."""

import json
import os
import shutil

HOST_ID = 100000
ID_COUNT = 65536

CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]

MOUNTS = [
    ("/proc", "proc", "proc", []),
    ("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    ("/dev/pts", "devpts", "devpts",
     ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
    ("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
    ("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    ("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
]

MASKED = [
    "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/interrupts", "/sys/firmware", "/sys/devices/virtual/powercap",
]

READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


def config(cgroups_path, program="/bin/true", userns=False, seccomp=None):
    """The default configuration as a Python object."""
    namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup"]
    linux = {
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "maskedPaths": MASKED,
        "readonlyPaths": READONLY,
        "cgroupsPath": cgroups_path,
    }
    if userns:
        namespaces.append("user")
        ids = [{"containerID": 0, "hostID": HOST_ID, "size": ID_COUNT}]
        linux["uidMappings"] = ids
        linux["gidMappings"] = ids
    linux["namespaces"] = [{"type": name} for name in namespaces]
    if seccomp:
        linux["seccomp"] = seccomp
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": [program],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                    "TERM=xterm"],
            "cwd": "/",
            "capabilities": {
                "bounding": CAPABILITIES,
                "effective": CAPABILITIES,
                "permitted": CAPABILITIES,
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "floor",
        "mounts": [
            {"destination": d, "type": t, "source": s, **({"options": o} if o else {})}
            for d, t, s, o in MOUNTS
        ],
        "linux": linux,
    }


def make_rootfs(path, programs, owner):
    """A root filesystem with `programs` ({name: source}) in /bin and the mount points."""
    for name in ("bin", "proc", "sys", "dev", "etc", "tmp"):
        os.makedirs(os.path.join(path, name), exist_ok=True)
    for name, source in programs.items():
        target = os.path.join(path, "bin", name)
        shutil.copyfile(source, target)
        os.chmod(target, 0o755)
    for base, dirs, files in os.walk(path):
        for entry in [base] + [os.path.join(base, f) for f in files]:
            os.chown(entry, owner, owner)


class Bundles:
    """Makes bundles below one directory, one for each candidate, variant and payload."""

    def __init__(self, top, programs, cgroup):
        self.top = top
        self.cgroup = cgroup
        self.roots = {}
        os.makedirs(top, exist_ok=True)
        for kind, owner in (("plain", 0), ("userns", HOST_ID)):
            self.roots[kind] = os.path.join(top, "root-" + kind, "rootfs")
            make_rootfs(self.roots[kind], programs, owner)

    def get(self, candidate, program="/bin/true", userns=False, seccomp=None, tag=""):
        """Path of the bundle; made at the first call."""
        name = "-".join(
            [candidate, os.path.basename(program), "userns" if userns else "plain"]
            + (["seccomp"] if seccomp else []) + ([tag] if tag else []))
        path = os.path.join(self.top, name)
        if not os.path.isdir(path):
            os.mkdir(path, 0o755)
            spec = config("/%s/%s" % (self.cgroup, name), program, userns, seccomp)
            # The same tree for all candidates, so that the page cache treats them alike.
            spec["root"]["path"] = self.roots["userns" if userns else "plain"]
            with open(os.path.join(path, "config.json"), "w", encoding="ascii") as f:
                json.dump(spec, f, indent=1)
        return path

    def root_bundle(self, userns):
        """Directory that holds the shared rootfs, which is all the floor program wants."""
        return os.path.dirname(self.roots["userns" if userns else "plain"])
