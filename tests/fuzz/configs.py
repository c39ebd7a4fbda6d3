#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random configurations against a coffer: valid ones run and leave nothing, faulty ones are refused by path.

configs.py --coffer FILE [--valid N] [--faulty N] [--seed S] [--verbose]

A valid configuration is drawn from generate.py, run (or created, started and deleted), and must end with the exit
status that its program has. A faulty one is a valid one with exactly one fault (faults.py): coffer must refuse it with
an error whose `field` is the fault's. After each, no container, process or control group of it may be left; after all,
no mount either. Needs root; runs in a mount namespace of its own. Prints the seed, which makes the same ones again.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import faults
import generate


class Scene:
    """A root file system, a state root and what belongs to this run on the host."""

    def __init__(self, coffer):
        self.coffer = coffer
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
        self.before = self.mounts()
        self.cgroups = 'coffer-configs-%d' % os.getpid()

    def mounts(self):
        with open('/proc/self/mountinfo') as f:
            return sorted(line.split(' ', 3)[3] for line in f)

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
        with open(os.path.join(self.bundle, 'config.json'), 'w') as f:
            json.dump(config, f)

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
    scene.write(config)
    result = None
    if by_steps:
        for args in (['create', 'c'], ['start', 'c']):
            result = scene.call(*args)
            if result.returncode != 0:
                complain('a valid configuration is refused (%s)' % args[0], config, result, seed)
                scene.call('delete', '--force', 'c')
                return False
        result = scene.call('delete', '--force', 'c')
        expected = 0
    else:
        result = scene.call('run', 'c')
    if result.returncode != expected:
        complain('a valid configuration ends with %d instead of %d' % (result.returncode, expected), config, result, seed)
        scene.call('delete', '--force', 'c')
        return False
    left = scene.left()
    if left:
        complain('left behind: %s' % left, config, None, seed)
        scene.call('delete', '--force', 'c')
    return not left


def try_faulty(scene, rng, seed):
    config, _, _ = generate.config(rng, scene)
    name, fields = faults.insert(rng, config)
    scene.write(config)
    result = scene.call('create' if rng.random() < 0.5 else 'run', 'c')
    error = last_error(result)
    good = result.returncode not in (0, 2) and result.returncode > 0
    if not good:
        complain('fault `%s` at %s is accepted, or ends badly' % (name, fields), config, result, seed)
        scene.call('delete', '--force', 'c')
        return False
    if error.get('field') not in fields:
        complain('fault `%s`: field is `%s`, not one of %s' % (name, error.get('field'), fields), config, result, seed)
        good = False
    left = scene.left()
    if left:
        complain('fault `%s`: left behind: %s' % (name, left), config, result, seed)
        scene.call('delete', '--force', 'c')
        good = False
    return good


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
        os.execvp('unshare', ['unshare', '--mount', '--propagation', 'private', sys.executable, '-B', *sys.argv])
    seed = args.seed or '%08x' % random.SystemRandom().getrandbits(32)
    print('seed %s' % seed, flush=True)
    failed = 0
    scene = Scene(os.path.abspath(args.coffer))
    try:
        for count, what in ((args.valid, try_valid), (args.faulty, try_faulty)):
            for i in range(count):
                # Each has a generator of its own: SEED:KIND:NUMBER alone makes one of them again.
                name = '%s:%s:%d' % (seed, what.__name__, i)
                if not what(scene, random.Random(name), name):
                    failed += 1
                    if failed >= args.stop_after:
                        print('%d failures: no more' % failed)
                        return 1
        if scene.mounts() != scene.before:
            print('mounts are left behind')
            failed += 1
    finally:
        scene.close()
    print('%d valid and %d faulty configurations, %d failures' % (args.valid, args.faulty, failed))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
