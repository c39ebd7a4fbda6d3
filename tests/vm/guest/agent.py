#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs inside the virtual machine, as root, and runs the bats files of the plan.

The second disk, mounted on /coffer, holds the tree's tests, a build and plan.json. Everything is told on
the virtio port `coffer`, one line each, so that nothing is lost when the machine dies:

  up TEXT                   booted, with what
  begin FILE                a bats file starts
  line FILE TEXT            a line of its output
  end FILE STATUS SECONDS   it has ended
  note TEXT                 something to show
  done                      all have run; the machine goes off
"""
import glob
import json
import os
import queue
import subprocess
import sys
import threading
import time

TOP = '/coffer'


def quiet(*command):
    return subprocess.call(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def output(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout


def wait_for(seconds, condition):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)


def read(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return ''


class Port:
    """Whole lines from several threads."""
    def __init__(self, path):
        self.file = open(path, 'wb', buffering=0)
        self.lock = threading.Lock()

    def tell(self, *words):
        with self.lock:
            self.file.write((' '.join(str(w) for w in words) + '\n').encode(errors='replace'))


def hierarchy():
    kind = output('stat', '-fc', '%T', '/sys/fs/cgroup').strip()
    if kind == 'cgroup2fs':
        return 'cgroup v2 with ' + read('/sys/fs/cgroup/cgroup.controllers')
    rows = [l.split() for l in read('/proc/cgroups').splitlines()[1:]]
    return 'cgroup v1 with ' + ' '.join(r[0] for r in rows if r[1] != '0')


def security():
    words = []
    if read('/sys/module/apparmor/parameters/enabled') == 'Y':
        words.append('AppArmor')
    if os.path.exists('/sys/fs/selinux/enforce'):
        words.append('SELinux ' + ('enforcing' if read('/sys/fs/selinux/enforce') == '1' else 'permissive')
                     + ('' if os.path.exists('/sys/fs/selinux/class/process') else ', no policy loaded'))
    return ', '.join(words) or 'no label module'


def prepare():
    # A scheduler that knows weights, on the disk of the tests, for the rules of block I/O.
    quiet('modprobe', 'bfq')
    for path in glob.glob('/sys/block/vdb/queue/scheduler'):
        try:
            with open(path, 'w') as f:
                f.write('bfq')
        except OSError:
            pass
    for module in ('loop', 'overlay', 'fuse'):
        quiet('modprobe', module)
    quiet('loginctl', 'enable-linger', 'vmrun')
    wait_for(60, lambda: os.path.exists('/run/user/1000/bus'))


def run_file(port, plan, file):
    name = os.path.relpath(file, TOP)
    began = time.monotonic()
    port.tell('begin', name)
    command = [os.path.join(TOP, 'tests/limit.py'), str(plan['file_limit']), 'bats', '--tap']
    if plan.get('filter'):
        command += ['--filter', plan['filter']]
    environment = dict(os.environ, COFFER=TOP + '/build/src/cli/coffer', COFFER_TESTBIN=TOP + '/build/tests/tools',
                       COFFER_BUILD=TOP + '/build', BUSYBOX='/usr/bin/busybox', COFFER_VM=plan['flavour'],
                       BATS_TEST_TIMEOUT=str(plan['test_limit']),
                       TMPDIR=plan['tmpdir'])
    with subprocess.Popen(command + [file], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment, cwd='/root') as bats:
        for line in bats.stdout:
            port.tell('line', name, line.decode(errors='replace').rstrip('\n'))
        status = bats.wait()
    port.tell('end', name, status, int(time.monotonic() - began))


def worker(port, plan, files):
    while True:
        try:
            file = files.get_nowait()
        except queue.Empty:
            return
        run_file(port, plan, file)


def main():
    os.environ.update(PATH='/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME='/root', LANG='C.UTF-8')
    with open('/proc/self/oom_score_adj', 'w') as f:
        f.write('0')
    quiet('modprobe', 'virtio_console')
    wait_for(60, lambda: os.path.exists('/dev/virtio-ports/coffer'))
    port = Port('/dev/virtio-ports/coffer')
    with open(TOP + '/plan.json') as f:
        plan = json.load(f)
    os.makedirs(plan['tmpdir'], exist_ok=True)
    os.chmod(plan['tmpdir'], 0o1777)
    prepare()
    systemd = (output('systemctl', '--version').split() + ['', '?'])[1]
    port.tell('up', '%ss, Linux %s, systemd %s, %s, %s' % (
        read('/proc/uptime').split('.')[0], os.uname().release, systemd, hierarchy(), security()))
    files = queue.Queue()
    for name in plan['files']:
        files.put(os.path.join(TOP, name))
    threads = [threading.Thread(target=worker, args=(port, plan, files)) for _ in range(plan['workers'])]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    failed = output('systemctl', '--failed', '--no-legend', '--plain').split('\n')
    for line in failed:
        if line.strip():
            port.tell('note', 'failed unit: ' + line.split()[0])
    port.tell('done')
    os.sync()
    subprocess.call(['systemctl', '--force', '--force', 'poweroff'])


if __name__ == '__main__':
    sys.exit(main())
