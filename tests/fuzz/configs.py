#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random configurations against a coffer: valid ones run and leave nothing, faulty ones are refused by path.

configs.py --coffer FILE [--valid N] [--faulty N] [--seed S] [--verbose]

A valid configuration is drawn from generate.py, run (or created, started and deleted), and must end with the exit
status that its program has. A faulty one is a valid one with exactly one fault (faults.py): coffer must refuse it with
an error whose `field` is the fault's. After each, no container, process or control group of it may be left; after all,
no mount either. Before that, so many are drawn that every field of the schema comes up that this host can have (host.py
names the others). Needs root; runs in mount and network namespaces of its own. Prints the seed, which makes the same
ones again.
"""
import argparse
import array
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import coverage
import faults
import generate
import host

DRAWN = 3000 # to see which fields come up


class Listener:
    """A socket to which coffer hands file descriptors: a terminal, a seccomp listener."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(16)
        self.socket.setblocking(False)

    def take(self):
        """All that came since the last time; closed by drop()."""
        fds = array.array('i')
        while True:
            try:
                peer, _ = self.socket.accept()
            except BlockingIOError:
                return fds
            with peer:
                peer.settimeout(10)
                _, control, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(16))
                for level, kind, data in control:
                    if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                        fds.frombytes(data[:len(data) - len(data) % fds.itemsize])


def drop(fds):
    for fd in fds:
        os.close(fd)


class Scene:
    """A root file system, a state root and what belongs to this run on the host."""

    NIC = 'cofferfuzz'

    def __init__(self, coffer):
        self.coffer = coffer
        self.can_ip = shutil.which('ip') and subprocess.run(
            ['unshare', '--net', 'ip', 'link', 'add', self.NIC, 'type', 'veth'], capture_output=True).returncode == 0
        self.host = host.Host(bool(self.can_ip))
        self.dir = tempfile.mkdtemp(prefix='coffer-configs-')
        os.chmod(self.dir, 0o755)
        self.state = os.path.join(self.dir, 'state')
        self.bundle = os.path.join(self.dir, 'bundle')
        self.volume = os.path.join(self.dir, 'volume')
        rootfs = os.path.join(self.bundle, 'rootfs')
        for name in ('bin', 'dev', 'proc', 'sys', 'tmp', 'etc', 'root', 'mnt', 'run'):
            os.makedirs(os.path.join(rootfs, name))
        shutil.copy(shutil.which('busybox'), os.path.join(rootfs, 'bin', 'busybox'))
        for name in ('sh', 'true', 'false', 'cat', 'sleep'):
            os.symlink('busybox', os.path.join(rootfs, 'bin', name))
        os.makedirs(self.volume)
        with open(os.path.join(self.volume, 'file'), 'w') as f:
            f.write('x')
        os.mkdir(os.path.join(self.volume, 'sub'))
        with open(os.path.join(rootfs, 'etc', 'hosts'), 'w') as f:
            f.write('127.0.0.1 localhost\n')
        self.console = Listener(os.path.join(self.dir, 'console'))
        self.seccomp = Listener(os.path.join(self.dir, 'agent'))
        self.agent = self.seccomp.path
        self.peers = 0
        self.start_neighbour()
        self.before = self.mounts()
        self.cgroups = 'coffer-configs-%d' % os.getpid()

    def mounts(self):
        with open('/proc/self/mountinfo') as f:
            return sorted(line.split(' ', 3)[3] for line in f)

    def start_neighbour(self):
        """A process in namespaces that a container can join."""
        # It ends with us, however we end: nobody else has the other end of its input.
        self.neighbour = subprocess.Popen(['unshare', '--net', '--ipc', '--uts', 'cat'], stdin=subprocess.PIPE)
        files = {'network': 'net', 'ipc': 'ipc', 'uts': 'uts'}
        self.joinable = {kind: '/proc/%d/ns/%s' % (self.neighbour.pid, name) for kind, name in files.items()}
        for kind, name in files.items():
            while os.readlink(self.joinable[kind]) == os.readlink('/proc/self/ns/' + name):
                time.sleep(0.01)

    def prepare(self, config):
        """What a configuration expects on the host."""
        linux = config['linux']
        owner = [generate.host_id(linux[k], 0) if k in linux else 0 for k in ('uidMappings', 'gidMappings')]
        # Files of the image belong to ids that are mapped, whoever had it before.
        rootfs = os.path.join(self.bundle, 'rootfs')
        # What a container makes in its root stays there, and another one's device is none of the next one's.
        shutil.rmtree(os.path.join(rootfs, 'nodes'), ignore_errors=True)
        for path, dirs, files in os.walk(rootfs):
            for name in ['', *dirs, *files]:
                os.lchown(os.path.join(path, name), *owner)
        self.nic = 'netDevices' in linux
        if self.nic:
            self.peers += 1
            subprocess.run(['ip', 'link', 'add', self.NIC, 'type', 'veth', 'peer', 'name', 'peer%d' % self.peers], check=True)

    def tidy(self, faulty):
        """Return: what is wrong with what prepare() made."""
        drop(self.seccomp.take())
        drop(self.console.take())
        if not self.nic:
            return []
        there = subprocess.run(['ip', 'link', 'show', self.NIC], capture_output=True).returncode == 0
        subprocess.run(['ip', 'link', 'del', self.NIC if there else 'peer%d' % self.peers], capture_output=True)
        return [] if there == faulty else ['network device: ' + ('not moved' if there else 'not given back')]

    def call(self, *args):
        # Not a pipe: the container's process has it too, and lives longer than `create`.
        with open(os.path.join(self.dir, 'stderr'), 'w+b') as errors:
            result = subprocess.run([self.coffer, '--root', self.state, '--log-format', 'json', *args],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, timeout=60,
                                    cwd=self.bundle)
            errors.seek(0)
            result.stderr = errors.read()
        return result

    def write(self, config):
        """@config: an object, or the bytes of the file."""
        with open(os.path.join(self.bundle, 'config.json'), 'wb') as f:
            f.write(config if isinstance(config, bytes) else json.dumps(config).encode())

    def left(self):
        """What a container has left behind, as texts."""
        found = []
        if os.path.isdir(self.state):
            found += ['state: ' + n for n in os.listdir(self.state) if n not in ('.cache', '.ids')]
        for top in ('/sys/fs/cgroup', *(os.path.join('/sys/fs/cgroup', n) for n in os.listdir('/sys/fs/cgroup'))):
            path = os.path.join(top, self.cgroups)
            if os.path.isdir(path):
                found += ['cgroup: ' + os.path.join(top, d) for d, _, _ in os.walk(path) if d != path]
        return found

    def close(self):
        self.neighbour.kill()
        self.neighbour.wait()
        for top in ('/sys/fs/cgroup', *(os.path.join('/sys/fs/cgroup', n) for n in os.listdir('/sys/fs/cgroup'))):
            for path, _, _ in os.walk(os.path.join(top, self.cgroups), topdown=False):
                try:
                    os.rmdir(path)
                except OSError:
                    pass
        shutil.rmtree(self.dir, ignore_errors=True)


def last_error(result):
    for line in reversed(result.stderr.decode(errors='replace').splitlines()):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record.get('level') == 'error':
            return record
    return {}


def complain(what, config, result, seed):
    print('seed %s: %s' % (seed, what))
    if result is not None:
        print('  exit status %d' % result.returncode)
        print('  ' + result.stderr.decode(errors='replace')[-2000:].replace('\n', '\n  '))
    print('  ' + json.dumps(config))


def try_valid(scene, rng, seed):
    config, expected, by_steps = generate.config(rng, scene)
    scene.seen |= coverage.fields_of(config)
    scene.prepare(config)
    scene.write(config)
    result = None
    if by_steps:
        terminal = ['--console-socket', scene.console.path] if config['process'].get('terminal') else []
        for args in (['create', *terminal, 'c'], ['start', 'c']):
            result = scene.call(*args)
            if result.returncode != 0:
                complain('a valid configuration is refused (%s)' % args[0], config, result, seed)
                scene.call('delete', '--force', 'c')
                scene.tidy(True)
                return False
            if args[0] == 'create':
                fds = scene.console.take()
                if len(fds) != len(terminal) / 2:
                    complain('%d terminals were handed over' % len(fds), config, result, seed)
        result = scene.call('delete', '--force', 'c')
        drop(fds)
        expected = 0
    else:
        result = scene.call('run', 'c')
    if result.returncode != expected:
        complain('a valid configuration ends with %d instead of %d' % (result.returncode, expected), config, result, seed)
        scene.call('delete', '--force', 'c')
        scene.tidy(True)
        return False
    left = scene.left() + scene.tidy(False)
    if left:
        complain('left behind: %s' % left, config, None, seed)
        scene.call('delete', '--force', 'c')
    return not left


def fits(field, wanted):
    """@wanted: fields, with a star at the end for what may follow; None for a fault of the text, which has a line."""
    return any(w is None and not field or w and (w == field or w[-1] == '*' and (field or '').startswith(w[:-1])) for w in wanted)


def try_faulty(scene, rng, seed):
    config, _, _ = generate.config(rng, scene)
    config = json.loads(json.dumps(config)) # no object is in it twice
    scene.prepare(config)
    terminal = ['--console-socket', scene.console.path] if config['process'].get('terminal') else []
    name, fields, text = faults.insert(rng, config)
    scene.kinds[name] = scene.kinds.get(name, 0) + 1
    scene.write(config if text is None else text)
    if rng.random() < 0.5 or terminal:
        result = scene.call('create', *terminal, 'c')
    else:
        result = scene.call('run', 'c')
    error = last_error(result)
    shown = config if text is None else text[-3000:].decode(errors='backslashreplace')
    good = result.returncode not in (0, 2) and result.returncode > 0
    if not good:
        complain('fault `%s` at %s is accepted, or ends badly' % (name, fields), shown, result, seed)
        scene.call('delete', '--force', 'c')
        scene.tidy(True)
        return False
    if not fits(error.get('field'), fields):
        complain('fault `%s`: field is `%s`, not one of %s' % (name, error.get('field'), fields), shown, result, seed)
        good = False
    left = scene.left() + scene.tidy(True)
    if left:
        complain('fault `%s`: left behind: %s' % (name, left), shown, result, seed)
        scene.call('delete', '--force', 'c')
        good = False
    return good


def check_coverage(scene, seed):
    """Return: the number of fields that never come up, or come up on a host that cannot have them."""
    seen = set()
    for i in range(DRAWN):
        seen |= coverage.fields_of(generate.config(random.Random('%s:draw:%d' % (seed, i)), scene)[0])
    line, wrong = coverage.judge(seen, scene.host.missing())
    print('generator: ' + line)
    for text in wrong:
        print('generator: ' + text)
    return len(wrong)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--coffer', required=True)
    parser.add_argument('--valid', type=int, default=200)
    parser.add_argument('--faulty', type=int, default=400)
    parser.add_argument('--seed', default=None)
    parser.add_argument('--stop-after', type=int, default=10, help='failures')
    args = parser.parse_args()
    if not os.environ.get('COFFER_CONFIGS_INSIDE'):
        os.environ['COFFER_CONFIGS_INSIDE'] = '1'
        os.execvp('unshare', ['unshare', '--mount', '--net', '--propagation', 'private', sys.executable, '-B', *sys.argv])
    seed = args.seed or '%08x' % random.SystemRandom().getrandbits(32)
    print('seed %s' % seed, flush=True)
    failed = 0
    scene = Scene(os.path.abspath(args.coffer))
    scene.seen, scene.kinds = set(), {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)) # tidies up
    try:
        failed += check_coverage(scene, seed)
        for count, what in ((args.valid, try_valid), (args.faulty, try_faulty)):
            for i in range(count):
                # Each has a generator of its own: SEED:KIND:NUMBER alone makes one of them again.
                name = '%s:%s:%d' % (seed, what.__name__, i)
                if i and i % 500 == 0:
                    print('%d %s' % (i, what.__name__), flush=True)
                if not what(scene, random.Random(name), name):
                    failed += 1
                    if failed >= args.stop_after:
                        print('%d failures: no more' % failed)
                        return 1
        after = scene.mounts()
        if after != scene.before:
            print('mounts are left behind: %s; gone: %s' % (sorted(set(after) - set(scene.before)), sorted(set(scene.before) - set(after))))
            failed += 1
    finally:
        scene.close()
    print('%d fields of the schema in valid configurations, %d kinds of faults' % (len(scene.seen), len(scene.kinds)))
    print('%d valid and %d faulty configurations, %d failures' % (args.valid, args.faulty, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
