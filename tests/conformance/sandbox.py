# SPDX-License-Identifier: LGPL-2.1-or-later
"""A place in which programs may kill, mount and use cgroups without reaching anything else.

It is made of private pid, mount, cgroup, ipc and uts namespaces. The cgroup namespace starts at a new group in each
hierarchy, below the one that the caller is in, and the hierarchies are mounted again from there. The outer side
(`Groups`, `command`) makes and removes the groups; the inner side (`enter`) mounts and runs.
"""
import json
import os
import subprocess
import sys
import time


class Hierarchy:
    def __init__(self, mountpoint, kind, options):
        self.mountpoint, self.kind, self.options = mountpoint, kind, options


def hierarchies():
    """The cgroup mounts of this mount namespace, in their order."""
    found = []
    with open('/proc/self/mountinfo') as f:
        for line in f:
            head, _, tail = line.rstrip('\n').partition(' - ')
            kind, _, options = tail.split(' ')
            if kind in ('cgroup', 'cgroup2') and head.split(' ')[3] == '/':
                words = [w for w in options.split(',') if w not in ('rw', 'ro', 'seclabel', 'nsdelegate',
                                                                    'memory_recursiveprot', 'xattr')]
                words = [w for w in words if not w.startswith('release_agent')]
                found.append(Hierarchy(head.split(' ')[4], kind, ','.join(words)))
    return found


def to_text(found):
    return json.dumps([[h.mountpoint, h.kind, h.options] for h in found])


def from_text(text):
    return [Hierarchy(*words) for words in json.loads(text)]


def own_path(h):
    """The cgroup of this process in a hierarchy."""
    names = set(h.options.split(','))
    with open('/proc/self/cgroup') as f:
        for line in f:
            number, controllers, path = line.rstrip('\n').split(':', 2)
            if (h.kind == 'cgroup2' and number == '0') or (controllers and set(controllers.split(',')) <= names):
                return path
    return None


def write(path, text):
    with open(path, 'w') as f:
        f.write(text)


def read(path):
    with open(path) as f:
        return f.read()


class Groups:
    """The cgroups that the sandbox starts in."""
    def __init__(self, name):
        self.paths, self.outer = [], None
        for h in hierarchies():
            own = own_path(h)
            if own is None:
                continue
            parent = h.mountpoint + own.rstrip('/')
            path = os.path.join(parent, name)
            if h.kind == 'cgroup2':
                # A group with processes passes no controllers on: below the root they come from the root, or
                # not at all if the caller is deeper.
                if os.path.exists(os.path.join(parent, 'cgroup.type')):
                    parent = h.mountpoint
                    path = os.path.join(parent, name)
                self.enable(parent)
                self.outer = path + '-outer'
                os.mkdir(self.outer)
            os.mkdir(path)
            self.paths.append(path)
            if 'cpuset' in h.options.split(','):
                for key in ('cpuset.cpus', 'cpuset.mems'):
                    write(os.path.join(path, key), read(os.path.join(parent, key)))

    @staticmethod
    def enable(directory):
        for controller in read(os.path.join(directory, 'cgroup.controllers')).split():
            try:
                write(os.path.join(directory, 'cgroup.subtree_control'), '+' + controller)
            except OSError:
                pass

    def join(self):
        """For a child between fork and exec."""
        for path in self.paths:
            write(os.path.join(path, 'cgroup.procs'), '0')

    def move_out(self, pid):
        """The process that waits outside holds the first process of the namespaces by its life, and must not stay in
        the group at which the cgroup namespace starts: on v2 a group with processes passes no controllers on."""
        own = os.readlink('/proc/self/ns/cgroup')
        for _ in range(1000):
            try:
                if os.readlink('/proc/%d/ns/cgroup' % pid) != own:
                    break
            except OSError:
                return
            time.sleep(0.005)
        if self.outer:
            write(os.path.join(self.outer, 'cgroup.procs'), str(pid))

    def remove(self):
        """Gives what could not be removed."""
        left = []
        for path in self.paths + ([self.outer] if self.outer else []):
            for top, directories, _ in os.walk(path, topdown=False):
                for _ in range(50):
                    try:
                        os.rmdir(top)
                        break
                    except OSError:
                        time.sleep(0.02)
                else:
                    left.append(top)
        return left


def command(arguments):
    """The command line that runs `arguments` in new namespaces."""
    return ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--pid', '--fork', '--kill-child=KILL', '--mount', '--cgroup',
            '--ipc', '--uts', '--propagation', 'private', '--mount-proc'] + arguments


def mount(kind, source, target, options=''):
    arguments = ['mount', '-n', '-t', kind] + (['-o', options] if options else []) + [source, target]
    subprocess.run(arguments, check=True)


def enter(scratch, wanted):
    """The inner side, as the first process of the pid namespace: the same cgroup mounts as outside, an empty /run."""
    # Kept by descriptor: the mounts below may cover it.
    here = os.open(scratch, os.O_PATH | os.O_DIRECTORY)
    single = [h for h in wanted if h.mountpoint == '/sys/fs/cgroup']
    if not single:
        mount('tmpfs', 'cgroup', '/sys/fs/cgroup', 'mode=755')
    for h in wanted:
        os.makedirs(h.mountpoint, exist_ok=True)
        mount(h.kind, 'cgroup', h.mountpoint, h.options if h.kind == 'cgroup' else '')
        if h.kind == 'cgroup2':
            # Only a leaf may hold processes, if controllers are to be passed on.
            runner = os.path.join(h.mountpoint, 'runner')
            os.mkdir(runner)
            write(os.path.join(runner, 'cgroup.procs'), '0')
            for _ in range(1000):
                if not read(os.path.join(h.mountpoint, 'cgroup.procs')).strip():
                    break
                time.sleep(0.005)
            Groups.enable(h.mountpoint)
    mount('tmpfs', 'run', '/run', 'mode=755')
    os.fchdir(here)
    os.close(here)


def leftovers(wanted):
    """Processes, mounts and cgroups that should be gone. For the inner side."""
    found = []
    for _ in range(40):
        found = []
        for name in os.listdir('/proc'):
            if name.isdigit() and int(name) != os.getpid():
                try:
                    with open('/proc/%s/stat' % name) as f:
                        stat = f.read()
                except OSError:
                    continue
                if stat.rpartition(')')[2].split()[0] != 'Z':
                    found.append('process ' + stat.partition(')')[0].partition('(')[2])
        for h in wanted:
            for top, directories, _ in os.walk(h.mountpoint):
                if top != h.mountpoint and top != os.path.join(h.mountpoint, 'runner'):
                    found.append('cgroup ' + top)
        if not found:
            break
        time.sleep(0.05)
    return found


if __name__ == '__main__':
    sys.exit('this is a module of run.py')
