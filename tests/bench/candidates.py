# SPDX-License-Identifier: LGPL-2.1-or-later
"""How each candidate is called. All of them get the same bundles, a state root on a tmpfs of their
own and a fresh container name each time."""

import os
import shutil

ORDER = ["floor", "coffer", "crun", "runc"]


def has_sys_resource():
    with open("/proc/self/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> 24 & 1)
    return False


class Candidate:
    """One runtime; `state` is its state root."""

    def __init__(self, name, path, state, bundles, seccomp_file):
        self.name = name
        self.path = path
        self.state = state
        self.bundles = bundles
        self.seccomp_file = seccomp_file
        self.count = 0
        # crun wants to raise RLIMIT_MEMLOCK and ends when it may not; measure.c helps it over.
        self.memlock = name == "crun" and not has_sys_resource()

    def new_id(self):
        self.count += 1
        return "%s%d" % (self.name, self.count)

    def use_state(self, state):
        """Another state root: an empty one is what makes a cache cold."""
        self.state = state
        os.makedirs(state, mode=0o700, exist_ok=True)

    def command(self, verb, container, program="/bin/true", userns=False, seccomp=None):
        if self.name == "floor":
            return self._floor(verb, container, program, userns, seccomp)
        base = [self.path, "--root", self.state]
        if verb in ("run", "create"):
            bundle = self.bundles.get(self.name, program, userns, seccomp)
            return base + [verb, "--bundle", bundle, container]
        if verb == "exec":
            return base + ["exec", container, program]
        if verb == "delete-force":
            return base + ["delete", "--force", container]
        return base + [verb, container]

    def _floor(self, verb, container, program, userns, seccomp):
        args = [self.path, "--state", self.state, "--bundle", self.bundles.root_bundle(userns),
                "--cgroup", "/sys/fs/cgroup/" + self.bundles.cgroup, "--program", program]
        if userns:
            args.append("--userns")
        if seccomp:
            args += ["--seccomp", self.seccomp_file]
        return args + [verb, container]


def find(wanted, paths, state_top, bundles, seccomp_file):
    """The candidates that exist on this machine, in their fixed order."""
    found = []
    for name in ORDER:
        if wanted and name not in wanted:
            continue
        path = paths.get(name) or shutil.which(name)
        if not path or not os.access(path, os.X_OK):
            continue
        candidate = Candidate(name, os.path.realpath(path), "", bundles, seccomp_file)
        candidate.use_state(os.path.join(state_top, name))
        found.append(candidate)
    return found
