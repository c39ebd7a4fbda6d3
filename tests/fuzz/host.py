# SPDX-License-Identifier: LGPL-2.1-or-later
"""What this host can do, for the configurations that it is given. See generate.py."""
import glob
import os
import re

CALLS = '/usr/include/*/asm/unistd_64.h', '/usr/include/asm/unistd_64.h', '/usr/include/asm-generic/unistd.h'


def read(path, default=''):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return default


class Host:
    def __init__(self, network):
        self.v2 = os.path.exists('/sys/fs/cgroup/cgroup.controllers')
        self.network = network  # a network namespace that is nobody else's: devices can be made
        self.mounted = {}
        for line in read('/proc/self/mountinfo').splitlines():
            left, _, right = line.partition(' - ')
            kind, _, options = right.split(' ', 2)
            if kind == 'cgroup':
                for word in options.split(','):
                    self.mounted.setdefault(word, left.split(' ')[4])
        self.apparmor = read('/sys/module/apparmor/parameters/enabled').startswith('Y')
        self.selinux = os.path.exists('/sys/fs/selinux/enforce')
        self.block = self.block_device() # (major, minor)
        self.page_sizes = sorted(self.page_size(p) for p in os.listdir('/sys/kernel/mm/hugepages')) \
            if os.path.isdir('/sys/kernel/mm/hugepages') else []
        self.rdma = os.listdir('/sys/class/infiniband') if os.path.isdir('/sys/class/infiniband') else []
        self.nodes = read('/sys/devices/system/node/online', '0').strip()
        self.cpus = sorted(os.sched_getaffinity(0))
        self.calls = self.call_names()

    def controller(self, name):
        """Is it there, and are its limits ours to set?"""
        if self.v2:
            return name in read('/sys/fs/cgroup/cgroup.controllers').split()
        return name in self.mounted

    def file(self, controller, name):
        """A file of every cgroup (v1) with this controller."""
        return not self.v2 and controller in self.mounted and \
            bool(glob.glob(os.path.join(self.mounted[controller], '**', name), recursive=True))

    def realtime(self):
        """A group of processes needs a budget for realtime."""
        return self.file('cpu', 'cpu.rt_runtime_us')

    @staticmethod
    def block_device():
        for line in read('/proc/partitions').splitlines()[2:]:
            major, minor, size, name = line.split()
            if int(size) > 1024 and not name.startswith(('zram', 'loop', 'ram', 'sr')):
                return int(major), int(minor)
        return None

    @staticmethod
    def page_size(name):
        kb = int(re.fullmatch(r'hugepages-(\d+)kB', name).group(1))
        for unit in 'KMG':
            if kb < 1024:
                return '%d%sB' % (kb, unit)
            kb //= 1024
        raise ValueError(name)

    @staticmethod
    def call_names():
        names = set()
        for pattern in CALLS:
            for path in glob.glob(pattern):
                names |= set(re.findall(r'#define __NR3264_(\w+)|#define __NR_(\w+)\s', read(path)))
        return sorted({a or b for a, b in names})

    def missing(self):
        """Fields that no configuration of this host can have: path (also of all below it) -> why."""
        out = {'linux.intelRdt': 'no file system resctrl is used'}
        if not self.apparmor:
            out['process.apparmorProfile'] = 'no AppArmor'
        if not self.selinux:
            out['process.selinuxLabel'] = 'no SELinux'
        if not self.network:
            out['linux.netDevices'] = 'no network namespace of our own'
        if not self.rdma:
            out['linux.resources.rdma.hcaHandles'] = out['linux.resources.rdma.hcaObjects'] = 'no RDMA'
        if self.v2 or not self.controller('net_prio'):
            out['linux.resources.network.priorities.name'] = 'no net_prio'
            out['linux.resources.network.priorities.priority'] = 'no net_prio'
        if not self.page_sizes or not self.controller('hugetlb'):
            out['linux.resources.hugepageLimits.pageSize'] = 'no hugetlb'
            out['linux.resources.hugepageLimits.limit'] = 'no hugetlb'
        if not self.weight_device():
            for key in ('major', 'minor', 'weight', 'leafWeight'):
                out['linux.resources.blockIO.weightDevice.' + key] = 'no scheduler with weights'
        if not self.block or not self.controller('io' if self.v2 else 'blkio'):
            for way in ('ReadBps', 'WriteBps', 'ReadIOPS', 'WriteIOPS'):
                for key in ('major', 'minor', 'rate'):
                    out['linux.resources.blockIO.throttle%sDevice.%s' % (way, key)] = 'no block device'
        return out

    def weight_device(self):
        """Weights of a device need a scheduler that has them."""
        return self.block and '[bfq]' in read('/sys/dev/block/%d:%d/queue/scheduler' % self.block) and \
            (self.v2 or self.file('blkio', 'blkio.bfq.weight_device'))
