# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the virtual machines are: suite, kernel command line, and which bats files run there."""
import glob
import os
import re

COMMON = ('root=/dev/vda rw console=ttyS0 loglevel=4 panic=3 oops=panic mitigations=off nokaslr psi=1 swapaccount=1 '
          # A permissive SELinux tells of every access to files without a label.
          'audit=0 '
          'systemd.show_status=no ')

FLAVOURS = {
    # cgroup v2, systemd, AppArmor: the kind of host most containers run on.
    'apparmor': {
        'suite': 'trixie',
        'without': ['tests/vm/selinux.bats', 'tests/vm/systemd-v1.bats', 'tests/vm/podman.bats', 'tests/vm/docker.bats',
                    'tests/vm/conformance.bats'],
        'append': 'apparmor=1 security=apparmor',
        'files': ['tests/vm/*.bats', 'tests/cli/cgroups.bats', 'tests/cli/devices.bats', 'tests/cli/lifecycle.bats',
                  'tests/cli/userns.bats', 'tests/cli/pause.bats', 'tests/cli/ps.bats'],
        'limit': 2400,
    },
    # The same machine, for what real engines need systemd for. Only when it is named: it takes long.
    'engines': {
        'suite': 'trixie',
        'named': True,
        'append': 'apparmor=1 security=apparmor',
        'files': ['tests/vm/podman.bats', 'tests/vm/docker.bats'],
        'limit': 1500,
    },
    # The validation programs of the OCI runtime tools on cgroup v2. Only when it is named.
    'conformance': {
        'suite': 'trixie',
        'named': True,
        'append': 'apparmor=1 security=apparmor',
        'files': ['tests/vm/conformance.bats'],
        'limit': 1800,
    },
    # The same with SELinux; permissive is enough to see labels.
    'selinux': {
        'suite': 'trixie',
        'append': 'security=selinux selinux=1 enforcing=0',
        'files': ['tests/vm/selinux.bats', 'tests/cli/lifecycle.bats'],
        'limit': 900,
    },
    # Hierarchy v1 with every controller, and the systemd that still knew it. Later suites have neither:
    # their kernels lack the v1 memory controller and their systemd does not boot on it.
    'v1': {
        'suite': 'bookworm',
        'append': 'systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1 apparmor=1 '
                  'security=apparmor',
        'files': ['tests/vm/systemd-v1.bats', 'tests/cli/resources.bats', 'tests/cli/cgroups.bats',
                  'tests/cli/update.bats', 'tests/cli/pause.bats', 'tests/cli/events.bats', 'tests/cli/ps.bats',
                  'tests/cli/devices.bats'],
        'limit': 2000,
    },
}

TEST = re.compile(r'^@test\s+(["\'])(.*)\1\s*\{')


def files_of(top, flavour, only):
    """The bats files of a flavour, as paths below the tree. `only` is the name of one file, or ''."""
    found = []
    for pattern in os.environ.get('COFFER_VM_FILES', '').split() or FLAVOURS[flavour]['files']:
        found += sorted(glob.glob(os.path.join(top, pattern)))
    found = [os.path.relpath(f, top) for f in found]
    found = [f for f in found if f not in FLAVOURS[flavour].get('without', [])]
    if only:
        found = [f for f in found if stem(f) == stem(only)]
    return found


def missing(top, flavour):
    """What a flavour names and the tree has not."""
    return [p for p in FLAVOURS[flavour]['files'] if not glob.glob(os.path.join(top, p))]


def any_file(top, only):
    """A bats file by its name, whether a flavour names it or not."""
    found = sorted(glob.glob(os.path.join(top, 'tests', '*', stem(only) + '.bats')))
    found.sort(key=lambda f: '/vm/' not in f)
    return [os.path.relpath(f, top) for f in found[:1]]


def stem(path):
    return os.path.basename(path).removesuffix('.bats')


def test_names(path, pattern=''):
    """The names of the tests of a bats file that run, in order."""
    with open(path) as f:
        names = [m.group(2) for m in map(TEST.match, f) if m]
    return [n for n in names if not pattern or re.search(pattern, n)]
