#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs bats files as root in virtual machines with systemd: the tier `vm` of tests/run.

usage: run.py --build-root DIR --results FILE [--file F] [--filter RE] [--rebuild] [FLAVOUR...]

The machines are emulated (no KVM is needed) and boot from images made of Debian packages (image.py).
Each takes one processor of this machine, so several run at a time. While they do, this says what it
sees. What tests/run counts is in the results file, one fact a line, words separated by tabs:

  bats FLAVOUR FILE TAPFILE STATUS SECONDS
  fail TEXT
  skip TEXT

The exit status says only whether this program itself worked.
"""
import argparse
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

import flavours
import image

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BOOT_LIMIT = 420
# No time left: skipped and said so, instead of failed.
LENIENT = bool(os.environ.get('COFFER_VM_LENIENT'))
OVER = 'the limit of all machines is over'


def number(name, default):
    value = os.environ.get(name, '')
    return int(value) if value.isdigit() else default


def say(text):
    print(text, flush=True)


class Results:
    def __init__(self, path, directory):
        self.file = open(path, 'w')
        self.directory = directory
        self.lock = threading.Lock()

    def put(self, *words):
        with self.lock:
            self.file.write('\t'.join(str(w).replace('\t', ' ').replace('\n', ' ') for w in words) + '\n')
            self.file.flush()

    def fail(self, text):
        say('FAIL ' + text)
        self.put('fail', text)


class Guest:
    """One boot of one flavour, and what it said."""
    def __init__(self, flavour, files, directory):
        self.flavour, self.files, self.directory = flavour, files, directory
        self.up = self.done = False
        self.began, self.lines, self.ended = {}, {}, {}
        self.partial = b''

    def hear(self, data):
        *lines, self.partial = (self.partial + data).split(b'\n')
        for raw in lines:
            word, _, rest = raw.decode(errors='replace').partition(' ')
            if word == 'up':
                self.up = True
                say('   vm:%s: up after %s' % (self.flavour, rest))
            elif word == 'done':
                self.done = True
            elif word == 'note':
                say('   vm:%s: %s' % (self.flavour, rest))
            elif word == 'begin':
                self.began[rest] = time.monotonic()
                self.lines[rest] = []
            elif word == 'line':
                name, _, text = rest.partition(' ')
                self.lines.setdefault(name, []).append(text)
                if os.environ.get('COFFER_VM_VERBOSE'):
                    say('   vm:%s: %s: %s' % (self.flavour, flavours.stem(name), text))
            elif word == 'end':
                name, status, seconds = rest.rsplit(' ', 2)
                self.ended[name] = (int(status), int(seconds))
                self.show(name)

    def tests(self, name):
        return sum(l.startswith(('ok ', 'not ok ')) for l in self.lines.get(name, []))

    def show(self, name):
        """A file's line, and what failed."""
        lines, (status, seconds) = self.lines[name], self.ended[name]
        planned = next((l[3:] for l in lines if l.startswith('1..')), '0')
        say('-- vm:%s: %s: %d of %s tests, %d s' % (self.flavour, name, self.tests(name), planned, seconds))
        if status:
            for l in [l for l in lines if not l.startswith(('ok ', '1..'))][:150]:
                say('   ' + l)

    def write(self, name, status, seconds, results):
        path = os.path.join(results.directory, '%s-%s.tap' % (self.flavour, name.replace('/', '-')))
        with open(path, 'w') as f:
            f.write(''.join(l + '\n' for l in self.lines.get(name, [])))
        results.put('bats', self.flavour, name, path, status, seconds)


class Runner:
    def __init__(self, arguments, cache, results):
        self.arguments, self.cache, self.results = arguments, cache, results
        self.ending = False
        self.machines = []
        self.bases = {}
        self.deadline = time.monotonic() + number('COFFER_VM_LIMIT', 2700)
        self.logs = os.path.join(arguments.build_root, 'vm-logs')
        os.makedirs(self.logs, exist_ok=True)

    def end(self):
        self.ending = True
        for qemu in self.machines:
            if qemu.poll() is None:
                qemu.kill()

    def disk(self, flavour, files, build_dir, work):
        """The second disk: tests, tools, the command, and the plan."""
        tree = os.path.join(work, 'tree')
        shutil.copytree(os.path.join(TOP, 'tests'), os.path.join(tree, 'tests'),
                        ignore=shutil.ignore_patterns('__pycache__', 'bench', 'unit', 'priv'))
        for name in ('docs', 'contrib'):
            shutil.copytree(os.path.join(TOP, name), os.path.join(tree, name))
        for name in image.TARGETS:
            os.makedirs(os.path.dirname(os.path.join(tree, 'build', name)), exist_ok=True)
            shutil.copy2(os.path.join(build_dir, name), os.path.join(tree, 'build', name))
        if any(os.path.basename(f) == 'conformance.bats' for f in files):
            # Static programs, built out here: the machines have no compiler, and no network.
            archive = subprocess.run([os.path.join(TOP, 'tests/conformance/build.sh'), '--archive'], check=True,
                                     stdout=subprocess.PIPE, text=True).stdout.strip()
            shutil.copy2(archive, os.path.join(tree, 'conformance.tar.xz'))
        plan = {'flavour': flavour, 'files': files, 'filter': self.arguments.filter, 'tmpdir': '/var/tmp/coffer',
                'workers': number('COFFER_VM_WORKERS', 2), 'test_limit': number('COFFER_VM_TEST_LIMIT', 300),
                'file_limit': number('COFFER_FILE_LIMIT', 1200)}
        with open(os.path.join(tree, 'plan.json'), 'w') as f:
            json.dump(plan, f)
        path = os.path.join(work, 'coffer.img')
        image.disk_of(tree, path, 256 << 20)
        shutil.rmtree(tree)
        return path

    def boot(self, guest, base, disk, limit):
        """Runs a machine until it goes off, dies or runs out of time. Gives what ended it, '' if all went well."""
        flavour = guest.flavour
        console, live = os.path.join(self.logs, flavour + '.console'), os.path.join(guest.directory, 'live')
        for path in (console, live):
            open(path, 'w').close()

        def drive(n, path, snapshot, serial):
            return ['-drive', 'file=%s,if=none,id=d%d,format=raw,cache=unsafe,snapshot=%s' % (path, n, snapshot),
                    '-device', 'virtio-blk-pci,drive=d%d,serial=%s' % (n, serial)]
        # One thread for both processors: on a thread of its own each, the emulator now and then lets the kernel run
        # into code that the other processor is patching ("Oops: int3").
        command = ['setpriv', '--pdeathsig', 'KILL', 'qemu-system-x86_64', '-accel', 'tcg,thread=single,tb-size=1024',
                   '-cpu', 'Nehalem', '-machine', 'pc', '-smp', '2', '-m', '3G', '-nodefaults', '-display', 'none', '-no-reboot',
                   '-net', 'none', '-serial', 'file:' + console, '-kernel', os.path.join(base, 'vmlinuz'),
                   '-initrd', os.path.join(base, 'initrd'),
                   '-append', flavours.COMMON + flavours.FLAVOURS[flavour]['append'], '-device', 'virtio-rng-pci',
                   '-device', 'virtio-serial-pci', '-chardev', 'file,id=live,path=' + live,
                   '-device', 'virtserialport,chardev=live,name=coffer']
        command += drive(0, os.path.join(base, 'disk.img'), 'on', 'root') + drive(1, disk, 'on', 'coffer')
        with open(os.path.join(self.logs, flavour + '.qemu'), 'w') as log:
            qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                    env=dict(os.environ, TMPDIR=guest.directory))
        self.machines.append(qemu)
        began = time.monotonic()
        why = ''
        with open(live, 'rb') as f:
            while True:
                off = qemu.poll() is not None
                guest.hear(f.read())
                now = time.monotonic()
                if off:
                    break
                if self.ending:
                    why = 'told to end'
                elif not guest.up and now - began > BOOT_LIMIT:
                    why = 'it did not boot within %d s' % BOOT_LIMIT
                elif now - began > limit:
                    why = 'the limit of %d s is over' % limit
                elif now > self.deadline:
                    why = OVER
                if why:
                    break
                time.sleep(0.3)
        if qemu.poll() is None:
            qemu.kill()
        qemu.wait()
        return '' if guest.done else why or 'it died' if guest.up else why or 'it did not boot'

    def oops(self, flavour):
        with open(os.path.join(self.logs, flavour + '.console'), errors='replace') as f:
            return '; '.join([l.strip() for l in f if 'Oops' in l or 'Kernel panic' in l or 'BUG:' in l][:2])

    def files(self, name, explicit):
        found = flavours.files_of(TOP, name, self.arguments.file)
        if not found and explicit and self.arguments.file:
            found = flavours.any_file(TOP, self.arguments.file)
        for file in flavours.missing(TOP, name):
            self.results.fail('vm:%s: %s is in its list, but not in the tree' % (name, file))
        return [f for f in found if flavours.test_names(os.path.join(TOP, f), self.arguments.filter)]

    def prepare(self, suite):
        """The image and the build of a suite, before anything boots."""
        began = time.monotonic()
        base = self.cache.image(suite, self.arguments.rebuild)
        build_dir = os.path.join(self.arguments.build_root, 'vm-' + suite)
        image.build(base, TOP, build_dir, os.path.join(self.logs, suite + '.build'))
        self.bases[suite] = base, build_dir
        say('   %s: image and build in %d s' % (suite, time.monotonic() - began))

    def flavour(self, name, files):
        began = time.monotonic()
        say('   vm:%s: %d bats files' % (name, len(files)))
        for again in (True, False):
            files = self.attempt(name, files, again)
            if not files or self.ending:
                break
        say('   vm:%s: %d s' % (name, time.monotonic() - began))

    def run(self, names, explicit):
        """Everything: first images and builds, then the machines, some at a time."""
        todo, broken = queue.Queue(), set()
        for name in names:
            files, suite = self.files(name, explicit), flavours.FLAVOURS[name]['suite']
            if not files:
                continue
            try:
                if suite not in self.bases and suite not in broken:
                    self.prepare(suite)
            except image.Failure as e:
                broken.add(suite)
                say(str(e))
                self.results.fail('vm: %s: %s' % (suite, str(e).splitlines()[0]))
            if suite in broken:
                self.results.fail('vm:%s did not run: it has no image or no build' % name)
            else:
                todo.put((name, files))
        jobs = number('COFFER_VM_JOBS', min(len(os.sched_getaffinity(0)), 3))
        threads = [threading.Thread(target=self.work, args=(todo,), daemon=True) for _ in range(max(jobs, 1))]
        for t in threads:
            t.start()
        try:
            for t in threads:
                while t.is_alive():
                    t.join(1)
        finally:
            self.end()
            for t in threads:
                t.join(20)

    def work(self, todo):
        while not self.ending:
            try:
                name, files = todo.get_nowait()
            except queue.Empty:
                return
            try:
                self.flavour(name, files)
            except Exception as e:  # pylint: disable=broad-except
                traceback.print_exc()
                self.results.fail('vm:%s: %s' % (name, e))

    def attempt(self, name, files, again):
        """One boot. Returns the files that a second one should run."""
        what = flavours.FLAVOURS[name]
        base, build_dir = self.bases[what['suite']]
        work = self.cache.run_directory()
        try:
            guest = Guest(name, files, work)
            disk = self.disk(name, files, build_dir, work)
            why = self.boot(guest, base, disk, number('COFFER_VM_FLAVOUR_LIMIT', what['limit']))
        finally:
            shutil.rmtree(work, ignore_errors=True)
        for file, (status, seconds) in guest.ended.items():
            guest.write(file, status, seconds, self.results)
        left = [f for f in files if f not in guest.ended]
        if not why:
            for file in left:
                self.results.fail('vm:%s: %s has no result' % (name, file))
            return []
        oops = self.oops(name)
        # What the emulator does to a kernel says nothing about coffer.
        if again and not self.ending and (not guest.up or 'int3' in oops):
            say('   vm:%s: %s (%s); once more' % (name, why, oops or 'nothing on its console'))
            return left
        console = os.path.join(self.logs, name + '.console')
        if why == OVER and LENIENT:
            for file in left:
                self.results.put('skip', 'vm:%s: %s: no time left for it' % (name, file))
                if file in guest.began:
                    guest.write(file, 'unfinished', int(time.monotonic() - guest.began[file]), self.results)
            return []
        if not guest.up:
            self.results.fail('vm:%s: %s; %s; see %s' % (name, why, oops or 'no panic', console))
        for file in left:
            if file not in guest.began:
                self.results.fail('vm:%s: %s did not run: %s' % (name, file, why))
                continue
            names = flavours.test_names(os.path.join(TOP, file), self.arguments.filter)
            n = guest.tests(file)
            test = names[n] if n < len(names) else 'after the last test'
            self.results.fail('vm:%s: %s in %s, test %d: %s%s; see %s' % (
                name, why, file, n + 1, test, ' (%s)' % oops if oops else '', console))
            guest.write(file, 'unfinished', int(time.monotonic() - guest.began[file]), self.results)
        return []


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--build-root', required=True)
    parser.add_argument('--results', required=True)
    parser.add_argument('--file', default='')
    parser.add_argument('--filter', default='')
    parser.add_argument('--rebuild', action='store_true', default=bool(os.environ.get('COFFER_VM_REBUILD')))
    parser.add_argument('flavours', nargs='*')
    arguments = parser.parse_args()
    arguments.build_root = os.path.abspath(arguments.build_root)
    results = Results(arguments.results, os.path.dirname(os.path.abspath(arguments.results)))
    for name in arguments.flavours:
        if name not in flavours.FLAVOURS:
            parser.error('unknown flavour %s; there are: %s' % (name, ' '.join(flavours.FLAVOURS)))
    if os.uname().machine != 'x86_64':
        results.put('skip', 'vm: the machines are made for x86-64 only')
        return 0
    missing = [p for p in ('mmdebstrap', 'qemu-system-x86_64', 'mkfs.ext4', 'unshare', 'chroot') if not shutil.which(p)]
    if missing:
        results.fail('vm: not installed: ' + ' '.join(missing))
        return 0
    cache = image.Cache(os.environ.get('COFFER_VM_CACHE') or '/var/cache/coffer-vm', lambda t: say('   ' + t))
    runner = Runner(arguments, cache, results)
    for number_ in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number_, lambda n, frame: sys.exit(128 + n))
    runner.run(arguments.flavours or [n for n, f in flavours.FLAVOURS.items() if not f.get('named')], bool(arguments.flavours))
    return 0


if __name__ == '__main__':
    sys.exit(main())
