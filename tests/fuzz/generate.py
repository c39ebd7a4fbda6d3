# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random valid configurations: every field, with values that this host can do. See configs.py."""
import os

CAPS = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_KILL', 'CAP_SETGID', 'CAP_SETUID', 'CAP_SETPCAP',
        'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW', 'CAP_SYS_CHROOT', 'CAP_MKNOD', 'CAP_AUDIT_WRITE', 'CAP_SETFCAP']
CALLS = ['mkdir', 'rmdir', 'chroot', 'ptrace', 'kexec_load', 'swapon', 'reboot', 'add_key', 'bpf', 'acct', 'no_such_call']
MASKED = ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware', '/proc/no-such-file', '/etc/hosts']
READONLY = ['/proc/sys', '/proc/irq', '/proc/bus', '/tmp', '/no/such/path']
HOST_FIRST = 1300000000


def some(rng, items, most=None):
    items = list(items)
    return rng.sample(items, rng.randint(0, min(len(items), most if most is not None else len(items))))


def word(rng, size=8):
    return ''.join(rng.choice('abcdefghijklmnopqrstuvwxyz0123456789') for _ in range(rng.randint(1, size)))


def text(rng):
    return rng.choice(['', word(rng), 'ä €𝄞', 'a b\tc', '"quoted\\"', '%s%n', word(rng, 200)])


def mappings(rng):
    """One to five extents of 65536 ids altogether, without gaps in the container."""
    cuts = sorted(rng.sample(range(1, 65536), rng.randint(0, 4)))
    starts = [0] + cuts
    ends = cuts + [65536]
    order = list(range(len(starts)))
    rng.shuffle(order)
    # The extents lie in another order on the host, with gaps between them.
    host, at = {}, HOST_FIRST
    for i in order:
        host[i] = at
        at += ends[i] - starts[i] + rng.randint(0, 9)
    return [{'containerID': starts[i], 'hostID': host[i], 'size': ends[i] - starts[i]} for i in range(len(starts))]


def namespaces(rng, userns):
    types = ['mount', 'pid'] + some(rng, ['ipc', 'uts', 'network', 'cgroup', 'time'])
    if userns:
        # A new network for a new user: the host's sysfs cannot be mounted there, but nothing else is lost.
        types = sorted(set(types) | {'network', 'ipc', 'user'})
    rng.shuffle(types)
    return [{'type': t} for t in types]


def process(rng, userns):
    ids = rng.choice([0, 0, 1, 1000, 65534])
    p = {'cwd': rng.choice(['/', '/tmp', '/root', '//tmp/../tmp', '/bin']),
         'user': {'uid': ids if ids != 1000 else rng.randint(1, 65535), 'gid': rng.choice([0, 5, 65535])},
         'env': ['PATH=/bin:/usr/bin'] + some(rng, ['TERM=xterm', 'A=', 'B=b=c', 'LONG=' + 'x' * 400, 'HOME=/tmp'])}
    if ids:
        p['cwd'] = rng.choice(['/', '/tmp', '/bin'])
    if rng.random() < 0.4:
        p['user']['umask'] = rng.randint(0, 0o777)
    if rng.random() < 0.4:
        p['user']['additionalGids'] = some(rng, range(1, 60), 40)
    if rng.random() < 0.3:
        p['user']['username'] = word(rng)
    if rng.random() < 0.3:
        p['commandLine'] = 'ignored on this platform'
    if rng.random() < 0.3:
        p['consoleSize'] = {'height': rng.randint(0, 1000), 'width': rng.randint(0, 1000)}
    if rng.random() < 0.7:
        p['noNewPrivileges'] = rng.random() < 0.5
    if rng.random() < 0.7:
        bounding = some(rng, CAPS)
        permitted = some(rng, bounding)
        inheritable = some(rng, permitted)
        sets = {'bounding': bounding, 'permitted': permitted, 'inheritable': inheritable,
                'effective': some(rng, permitted), 'ambient': some(rng, inheritable)}
        p['capabilities'] = {k: sets[k] for k in (sets if rng.random() < 0.7 else ['bounding'])}
    if rng.random() < 0.5:
        limits = {'RLIMIT_CORE': (0, 0), 'RLIMIT_NOFILE': (64, 256), 'RLIMIT_STACK': (1 << 20, 8 << 20),
                  'RLIMIT_FSIZE': (1 << 20, 1 << 30), 'RLIMIT_CPU': (50, 100), 'RLIMIT_AS': (1 << 30, 1 << 31),
                  'RLIMIT_MEMLOCK': (0, 4096), 'RLIMIT_SIGPENDING': (5, 10), 'RLIMIT_NICE': (0, 0),
                  'RLIMIT_RTPRIO': (0, 0), 'RLIMIT_LOCKS': (7, 9), 'RLIMIT_DATA': (1 << 28, 1 << 30)}
        p['rlimits'] = [{'type': t, 'soft': limits[t][0], 'hard': limits[t][1]} for t in some(rng, limits)]
    if rng.random() < 0.3:
        p['oomScoreAdj'] = rng.randint(own_oom_score_adj(), 1000)
    if rng.random() < 0.3:
        p['scheduler'] = rng.choice([{'policy': 'SCHED_OTHER', 'nice': rng.randint(0, 19)},
                                     {'policy': 'SCHED_BATCH', 'nice': rng.randint(0, 19)}, {'policy': 'SCHED_IDLE'},
                                     {'policy': 'SCHED_OTHER', 'flags': ['SCHED_FLAG_RESET_ON_FORK']}])
    if rng.random() < 0.3:
        p['ioPriority'] = rng.choice([{'class': 'IOPRIO_CLASS_BE', 'priority': rng.randint(0, 7)},
                                      {'class': 'IOPRIO_CLASS_IDLE', 'priority': 0}])
    if rng.random() < 0.2:
        p['execCPUAffinity'] = rng.choice([{'initial': '0'}, {'final': '0'}, {'initial': '0', 'final': '0'}])
    status = rng.choice([0, 0, 0, 1, 7, 255])
    p['args'] = rng.choice([['true'], ['/bin/true']]) if status == 0 else ['sh', '-c', 'exit %d' % status]
    return p, status


def own_oom_score_adj():
    with open('/proc/self/oom_score_adj') as f:
        return max(0, int(f.read()))


def mounts(rng, scene, names):
    bind_options = some(rng, ['nosuid', 'nodev', 'relatime', 'rprivate'], 3) + rng.choice([['ro'], ['rw'], ['rro'], []])
    tmpfs_options = some(rng, ['nosuid', 'nodev', 'noexec', 'size=1m', 'mode=1777', 'nr_inodes=100', 'noatime', 'nosymfollow'], 5)
    fixed = [{'destination': '/proc', 'type': 'proc', 'source': 'proc',
              'options': some(rng, ['nosuid', 'noexec', 'nodev'])},
             {'destination': '/dev', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['nosuid', 'mode=755', 'size=65536k']}]
    more = [{'destination': '/dev/pts', 'type': 'devpts', 'source': 'devpts',
             'options': ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']},
            {'destination': '/dev/shm', 'type': 'tmpfs', 'source': 'shm', 'options': tmpfs_options},
            {'destination': '/tmp', 'type': 'tmpfs', 'options': ['mode=1777'] + (['tmpcopyup'] if rng.random() < 0.3 else [])},
            {'destination': '/made/deep/' + word(rng), 'type': 'tmpfs', 'source': 'x', 'options': tmpfs_options},
            {'destination': 'relative/' + word(rng), 'type': 'tmpfs', 'source': 'x'},
            {'destination': '/mnt', 'type': 'bind', 'source': scene.volume, 'options': ['bind'] + bind_options},
            {'destination': '/mnt/' + word(rng), 'source': scene.volume + '/sub', 'options': ['rbind'] + bind_options},
            {'destination': '/etc/hosts', 'type': 'none', 'source': scene.volume + '/file', 'options': ['bind', 'ro']},
            {'destination': '/run/file', 'type': 'bind', 'source': scene.volume + '/file', 'options': ['bind'] + bind_options}]
    if 'network' in names:
        more.append({'destination': '/sys', 'type': 'sysfs', 'source': 'sysfs', 'options': ['nosuid', 'noexec', 'nodev', 'ro']})
    if 'ipc' in names:
        more.append({'destination': '/dev/mqueue', 'type': 'mqueue', 'source': 'mqueue', 'options': ['nosuid', 'noexec', 'nodev']})
    chosen = some(rng, more)
    # The volume hides what is mounted below it before: it goes first, and its own directory is not made in it read-only.
    chosen.sort(key=lambda m: (m['destination'].startswith('/mnt/'), m['destination'] == '/mnt'))
    if any(m['destination'] == '/mnt' for m in chosen):
        chosen = [m for m in chosen if not m['destination'].startswith('/mnt/')]
    return fixed + chosen


def hooks(rng):
    def hook():
        h = {'path': '/bin/true'}
        if rng.random() < 0.5:
            h['args'] = ['true', text(rng)]
        if rng.random() < 0.5:
            h['env'] = ['A=' + word(rng)]
        if rng.random() < 0.5:
            h['timeout'] = rng.randint(20, 100)
        return h
    kinds = some(rng, ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'], 3)
    return {k: [hook() for _ in range(rng.randint(0, 2))] for k in kinds}


def resources(rng):
    r = {}
    have = set()
    with open('/proc/cgroups') as f:
        have = {line.split()[0] for line in f if not line.startswith('#') and line.split()[3] == '1'}
    if 'memory' in have and rng.random() < 0.3:
        r['memory'] = {'limit': rng.randint(64, 512) << 20}
        if rng.random() < 0.4:
            r['memory']['reservation'] = 32 << 20
    if 'cpu' in have and rng.random() < 0.3:
        r['cpu'] = {'shares': rng.randint(2, 262144)}
        if rng.random() < 0.5:
            r['cpu'].update({'period': rng.randint(10000, 1000000)})
            r['cpu']['quota'] = rng.choice([-1, r['cpu']['period'] // 2 + 1000])
    if 'pids' in have and rng.random() < 0.4:
        r['pids'] = {'limit': rng.choice([-1, rng.randint(20, 30000)])}
    if rng.random() < 0.3:
        r['devices'] = [{'allow': False, 'access': 'rwm'}, {'allow': True, 'type': 'c', 'major': 1, 'minor': 3, 'access': 'rw'}]
    return r


def seccomp(rng):
    s = {'defaultAction': 'SCMP_ACT_ALLOW'}
    if rng.random() < 0.7:
        s['architectures'] = ['SCMP_ARCH_X86_64'] + some(rng, ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'])
    s['syscalls'] = []
    for name in some(rng, CALLS, 4):
        rule = {'names': [name], 'action': 'SCMP_ACT_ERRNO'}
        if rng.random() < 0.5:
            rule['errnoRet'] = rng.randint(0, 130)
        if rng.random() < 0.4:
            rule['args'] = [{'index': rng.randint(0, 5), 'value': rng.getrandbits(64), 'op': rng.choice(
                ['SCMP_CMP_EQ', 'SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_GT', 'SCMP_CMP_GE'])}]
        s['syscalls'].append(rule)
    return s


def config(rng, scene):
    """Return: configuration, exit status of its program, whether to go by create and start."""
    userns = rng.random() < 0.5
    spaces = namespaces(rng, userns)
    names = {n['type'] for n in spaces}
    proc, status = process(rng, userns)
    linux = {'namespaces': spaces, 'cgroupsPath': '/%s/%s' % (scene.cgroups, word(rng))}
    c = {'ociVersion': rng.choice(['1.0.0', '1.0.2', '1.1.0', '1.2.1', '1.3.0', '1.0.2-dev']), 'process': proc,
         'root': {'path': 'rootfs'}, 'mounts': mounts(rng, scene, names), 'linux': linux}
    if userns:
        linux['uidMappings'], linux['gidMappings'] = mappings(rng), mappings(rng)
        # Files of the image belong to ids that are not mapped: it is read, and mount points are there already.
        os.system('chown -R %d:%d %s' % (host_id(linux['uidMappings'], 0), host_id(linux['gidMappings'], 0), scene.bundle + '/rootfs'))
    else:
        os.system('chown -R 0:0 %s' % (scene.bundle + '/rootfs'))
    if rng.random() < 0.3:
        c['root']['readonly'] = rng.random() < 0.7
    if 'uts' in names and rng.random() < 0.7:
        c['hostname'] = word(rng, 40)
        if rng.random() < 0.5:
            c['domainname'] = word(rng, 40)
    if rng.random() < 0.3:
        c['hooks'] = hooks(rng)
    if rng.random() < 0.4:
        c['annotations'] = {word(rng, 30): text(rng) for _ in range(rng.randint(0, 5))}
    if rng.random() < 0.4:
        linux['maskedPaths'] = some(rng, MASKED)
    if rng.random() < 0.4:
        linux['readonlyPaths'] = some(rng, READONLY)
    if rng.random() < 0.3:
        linux['rootfsPropagation'] = rng.choice(['private', 'slave', 'unbindable', 'shared'])
    if rng.random() < 0.3:
        linux['devices'] = [{'path': '/dev/' + word(rng), 'type': 'c', 'major': 1, 'minor': rng.choice([3, 5, 7]),
                             'fileMode': rng.randint(0, 0o777), 'uid': rng.randint(0, 65535), 'gid': rng.randint(0, 65535)}]
    if rng.random() < 0.5:
        linux['resources'] = resources(rng)
    if rng.random() < 0.3:
        linux['seccomp'] = seccomp(rng)
    if rng.random() < 0.2:
        linux['personality'] = {'domain': rng.choice(['LINUX', 'LINUX32'])}
    if 'time' in names and rng.random() < 0.6:
        linux['timeOffsets'] = {k: {'secs': rng.randint(0, 10000), 'nanosecs': rng.randint(0, 999999999)}
                                for k in some(rng, ['monotonic', 'boottime'])}
    sysctls = []
    if 'network' in names:
        sysctls += [('net.ipv4.ip_forward', '1'), ('net.ipv4.ping_group_range', '0 1'), ('net.core.somaxconn', '128')]
    if 'ipc' in names:
        sysctls += [('kernel.msgmax', '8000'), ('kernel.shmmni', '1000'), ('kernel.sem', '250 32000 32 128')]
    if rng.random() < 0.3:
        linux['sysctl'] = dict(some(rng, sysctls))
    if rng.random() < 0.2:
        linux['memoryPolicy'] = rng.choice([{'mode': 'MPOL_DEFAULT'}, {'mode': 'MPOL_LOCAL'}, {'mode': 'MPOL_PREFERRED', 'nodes': '0'}])
    return c, status, rng.random() < 0.3


def host_id(maps, inside):
    for m in maps:
        if m['containerID'] <= inside < m['containerID'] + m['size']:
            return m['hostID'] + inside - m['containerID']
    raise ValueError(inside)
