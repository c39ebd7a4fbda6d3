# SPDX-License-Identifier: LGPL-2.1-or-later
"""The disk images of the virtual machines, and builds of the tree that fit them.

An image is made from Debian packages with mmdebstrap, once for each suite, and kept in a cache
outside the source tree. Its key is a hash of the package list and of everything that goes into it, so
a changed recipe makes a new one; the old one of the suite is removed when no machine uses it.

Next to the disk lies the directory that it was made from. The tree is compiled in there, by the
compiler of that suite at the full speed of this machine: a program built against the C library of
this machine need not run on an older suite.
"""
import contextlib
import fcntl
import hashlib
import inspect
import lzma
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

PACKAGES = '''systemd systemd-sysv dbus dbus-user-session libpam-systemd udev kmod linux-image-amd64
busybox-static iproute2 procps psmisc util-linux mount passwd uidmap file attr acl gawk jq python3 bats strace
libcap2-bin e2fsprogs apparmor gcc libc6-dev meson ninja-build pkg-config libyajl-dev libseccomp-dev libcap-dev
libsystemd-dev libcriterion-dev'''.split()
# What only one suite is used for.
MORE = {'trixie': 'selinux-policy-default podman conmon netavark catatonit docker.io docker-cli tini iptables'.split()}

# Nothing that runs by itself and costs emulated time.
MASKED = '''getty@tty1.service serial-getty@ttyS0.service apt-daily.timer apt-daily-upgrade.timer
dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer man-db.timer systemd-firstboot.service
systemd-networkd.service systemd-networkd-wait-online.service systemd-pcrphase.service systemd-hwdb-update.service
systemd-update-done.service ldconfig.service systemd-journal-catalog-update.service
systemd-tpm2-setup.service systemd-tpm2-setup-early.service docker.service docker.socket containerd.service
podman-auto-update.timer podman-clean-transient.service podman-restart.service podman.socket'''.split()

# The initial RAM disk: modules for the disk, then the real root.
INIT = r'''#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
for m in $(/bin/busybox cat /modules); do /bin/busybox insmod "/m/$m"; done
i=0
while [ ! -b /dev/vda ] && [ $i -lt 100 ]; do /bin/busybox sleep 0.1; i=$((i+1)); done
/bin/busybox mount -t ext4 -o rw /dev/vda /root || { echo 'initrd: no root disk'; exit 1; }
/bin/busybox umount /proc /sys
exec /bin/busybox switch_root /root /sbin/init
'''
MODULES = '''virtio_pci virtio_blk virtio_console crc32c_generic crc32c_intel crc32c_cryptoapi libcrc32c
ext4'''.split()

# Old kernels and new mkfs: no feature that the kernel of an older suite lacks.
MKFS = ['mkfs.ext4', '-q', '-F', '-m', '0', '-O', '^metadata_csum_seed,^orphan_file']

# uid 1000, with a range of subordinate ids and a login session of its own.
USER = 'vmrun'


class Failure(Exception):
    pass


def logged(command, log):
    """Runs a command with its output in a file. If this program is told to end, the command ends first, tidily."""
    with open(log, 'w') as f:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.STDOUT)
    try:
        return child.wait()
    except BaseException:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise


def guest_file(name):
    with open(os.path.join(HERE, 'guest', name)) as f:
        return f.read()


def mirror():
    """Where packages come from: COFFER_VM_MIRROR, else what apt itself uses for Debian; '' leaves it to mmdebstrap."""
    chosen = os.environ.get('COFFER_VM_MIRROR')
    if chosen:
        return chosen
    try:
        out = subprocess.check_output(['apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'],
                                      text=True)
    except (OSError, subprocess.CalledProcessError):
        return ''
    return next((u for u in out.split() if u.rstrip('/').endswith('/debian')), '')


def newc(entries):
    """A cpio archive (newc) of (name, mode, bytes)."""
    out = []
    for ino, (name, mode, data) in enumerate(entries + [('TRAILER!!!', 0, b'')], 1):
        n = name.encode() + b'\0'
        numbers = (ino, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(n), 0)
        head = b'070701' + b''.join(b'%08X' % v for v in numbers) + n
        out.append(head + b'\0' * (-len(head) % 4) + data + b'\0' * (-len(data) % 4))
    return b''.join(out)


def module_name(path):
    return os.path.basename(path).split('.ko')[0].replace('-', '_')


def module_bytes(path):
    if path.endswith('.xz'):
        with lzma.open(path) as f:
            return f.read()
    if path.endswith('.zst'):
        return subprocess.check_output(['zstd', '-dcq', path])
    with open(path, 'rb') as f:
        return f.read()


def write_initrd(root, release, path):
    directory = os.path.join(root, 'usr/lib/modules', release)
    needs, where, order = {}, {}, []
    with open(os.path.join(directory, 'modules.dep')) as f:
        for line in f:
            file, rest = line.rstrip('\n').split(':')
            where[module_name(file)] = file
            needs[module_name(file)] = [module_name(x) for x in rest.split()]

    def add(name):
        if name in where and name not in order:
            for other in needs[name]:
                add(other)
            order.append(name)
    for name in MODULES:
        add(name)
    with open(os.path.join(root, 'usr/bin/busybox'), 'rb') as f:
        busybox = f.read()
    entries = [(d, 0o40755, b'') for d in ('bin', 'm', 'dev', 'root')]
    entries += [('init', 0o100755, INIT.encode()), ('bin/busybox', 0o100755, busybox),
                ('modules', 0o100644, '\n'.join(m + '.ko' for m in order).encode())]
    entries += [('m/%s.ko' % m, 0o100644, module_bytes(os.path.join(directory, where[m]))) for m in order]
    with open(path, 'wb') as f:
        f.write(newc(entries))


def configure(root):
    """What the packages do not bring."""
    def put(path, text, mode=0o644):
        path = os.path.join(root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, 'w') as f:
            f.write(text)
        os.chmod(path, mode)
    put('etc/systemd/system/coffer-vm.service', guest_file('coffer-vm.service'))
    put('etc/fstab', '/dev/vda / ext4 defaults 0 0\n/dev/vdb /coffer ext4 defaults 0 0\n')
    os.makedirs(os.path.join(root, 'coffer'), exist_ok=True)
    put('etc/hostname', 'coffer-vm\n')
    put('etc/hosts', '127.0.0.1 localhost coffer-vm\n')
    put('etc/machine-id', '0123456789abcdef0123456789abcdef\n')
    if os.path.isdir(os.path.join(root, 'etc/selinux')):
        put('etc/selinux/config', 'SELINUX=permissive\nSELINUXTYPE=default\n')
    units = os.path.join(root, 'etc/systemd/system')
    os.makedirs(os.path.join(units, 'multi-user.target.wants'), exist_ok=True)
    os.symlink('/etc/systemd/system/coffer-vm.service', os.path.join(units, 'multi-user.target.wants/coffer-vm.service'))
    for unit in MASKED:
        if not os.path.lexists(os.path.join(units, unit)):
            os.symlink('/dev/null', os.path.join(units, unit))
    subprocess.check_call(['chroot', root, 'useradd', '-m', '-u', '1000', '-s', '/bin/bash', USER], stderr=subprocess.DEVNULL)
    put('etc/subuid', USER + ':100000:65536\n')
    put('etc/subgid', USER + ':100000:65536\n')


class Cache:
    def __init__(self, directory, say):
        self.directory = os.path.abspath(directory)
        self.say = say
        self.locks = []
        os.makedirs(self.directory, exist_ok=True)

    def temporary(self, prefix):
        return tempfile.mkdtemp(prefix=prefix, dir=self.directory)

    def run_directory(self):
        """For one boot; one whose owner was killed goes with the next image()."""
        with self.lock():
            path = self.temporary('run.')
            self.use(path)
            return path

    def use(self, path):
        """Keeps others from removing a directory of the cache until this process ends."""
        used = open(os.path.join(path, 'used'), 'a')
        fcntl.flock(used, fcntl.LOCK_SH)
        self.locks.append(used)

    def path(self, suite):
        recipe = [INIT, guest_file('coffer-vm.service'), ' '.join(MASKED), ' '.join(MODULES),
                  ' '.join(MKFS), USER] + sorted(PACKAGES + MORE.get(suite, []))
        recipe += [inspect.getsource(f) for f in (configure, write_initrd, newc, Cache.make)]
        return os.path.join(self.directory, '%s-%s' % (suite, hashlib.sha256('\n'.join(recipe).encode()).hexdigest()[:12]))

    @contextlib.contextmanager
    def lock(self):
        """One builder at a time."""
        with open(os.path.join(self.directory, 'lock'), 'w') as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            yield

    def image(self, suite, rebuild=False):
        """The directory of the suite's image (disk.img, vmlinuz, initrd, root/); in use until this process ends."""
        with self.lock():
            # Nobody builds now: what is left of a build has no owner.
            path = self.path(suite)
            self.remove_old(suite, path, rebuild)
            if not os.path.exists(os.path.join(path, 'disk.img')):
                self.make(suite, path)
            self.use(path)
            return path

    def remove_old(self, suite, keep, rebuild):
        for name in os.listdir(self.directory):
            path = os.path.join(self.directory, name)
            if not name.startswith((suite + '-', 'build-', 'run.')) or (path == keep and not rebuild):
                continue
            try:
                with open(os.path.join(path, 'used'), 'a') as used:
                    fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            except OSError:
                pass  # in use

    def make(self, suite, path):
        packages = sorted(PACKAGES + MORE.get(suite, []))
        self.say('making the %s image (%d packages named) ...' % (suite, len(packages)))
        work = self.temporary('build-%s.' % suite)
        try:
            root, log = os.path.join(work, 'root'), os.path.join(work, 'mmdebstrap.log')
            os.chmod(work, 0o755)
            command = ['mmdebstrap', '--quiet', '--variant=minbase', '--format=directory',
                       '--include=' + ','.join(packages), '--aptopt=Apt::Install-Recommends "false"',
                       '--aptopt=Acquire::Check-Valid-Until "false"', '--dpkgopt=path-exclude=/usr/share/man/*',
                       '--dpkgopt=path-exclude=/usr/share/locale/*', '--dpkgopt=path-exclude=/usr/share/doc/*',
                       suite, root] + [m for m in [mirror()] if m]
            if logged(command, log):
                with open(log) as f:
                    raise Failure('mmdebstrap failed:\n' + f.read()[-3000:])
            configure(root)
            release = sorted(os.listdir(os.path.join(root, 'usr/lib/modules')))[-1]
            shutil.copy(os.path.join(root, 'boot/vmlinuz-' + release), os.path.join(work, 'vmlinuz'))
            write_initrd(root, release, os.path.join(work, 'initrd'))
            with open(os.path.join(work, 'disk.img'), 'wb') as f:
                f.truncate(8 << 30)
            subprocess.check_call(MKFS + ['-L', 'root', '-d', root, os.path.join(work, 'disk.img')])
            os.rename(work, path)
        finally:
            shutil.rmtree(work, ignore_errors=True)


TARGETS = ['src/cli/coffer', 'tests/tools/testinit', 'tests/tools/nolibc-true', 'tests/tools/recvtty',
           'tests/tools/step-adversary', 'tests/tools/idmap-mount', 'tests/tools/picture']


def build(image, source, build_dir, log):
    """Compiles the tree at `source` inside the image's root directory, into build_dir of this machine."""
    root = os.path.join(image, 'root')
    marker = os.path.join(build_dir, '.image')
    fits = os.path.exists(marker)
    if fits:
        with open(marker) as f:
            fits = f.read() == image + ' ' + source
    if not fits:
        shutil.rmtree(build_dir, ignore_errors=True)
        os.makedirs(build_dir)
        for name in ('coffer/source', 'coffer/build'):
            os.makedirs(os.path.join(root, name), exist_ok=True)
    # A mount namespace of its own: nothing is left mounted, however this ends.
    script = r'''set -e
        mount --bind "$1" "$2/coffer/source"
        mount -o remount,bind,ro "$2/coffer/source"
        mount --bind "$3" "$2/coffer/build"
        mount --rbind /dev "$2/dev"
        mount -t proc proc "$2/proc"
        export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
        shift_build='[ -e /coffer/build/build.ninja ] || meson setup /coffer/build /coffer/source -Dtests=enabled
            exec ninja -C /coffer/build "$@"'
        root=$2; shift 3
        exec chroot "$root" /bin/sh -ec "$shift_build" sh "$@" '''
    if logged(['unshare', '--mount', '--propagation', 'private', 'bash', '-c', script, 'bash', source, root,
               build_dir] + TARGETS, log):
        with open(log) as f:
            lines = [l for l in f if 'error' in l.lower() or 'FAILED' in l]
            raise Failure('the build for %s failed (all of it in %s):\n%s' % (os.path.basename(image), log, ''.join(lines[:30])))
    with open(marker, 'w') as f:
        f.write(image + ' ' + source)


def disk_of(directory, path, spare):
    """An ext4 disk at `path` with a copy of the directory and `spare` bytes besides."""
    size = int(subprocess.check_output(['du', '-sxk', directory]).split()[0]) << 10
    with open(path, 'wb') as f:
        f.truncate(size * 5 // 4 + spare)
    subprocess.check_call(MKFS + ['-d', directory, path])
