# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random valid configurations: every field, with values that this host can do. See configs.py."""
import resources
from resources import chance

CAPS = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_KILL', 'CAP_SETGID', 'CAP_SETUID', 'CAP_SETPCAP',
        'CAP_NET_BIND_SERVICE', 'CAP_NET_RAW', 'CAP_SYS_CHROOT', 'CAP_MKNOD', 'CAP_AUDIT_WRITE', 'CAP_SETFCAP']
CALLS = ['mkdir', 'rmdir', 'chroot', 'ptrace', 'kexec_load', 'swapon', 'reboot', 'add_key', 'bpf', 'acct', 'no_such_call']
MASKED = ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware', '/proc/no-such-file', '/etc/hosts']
OPERATORS = ['SCMP_CMP_EQ', 'SCMP_CMP_NE', 'SCMP_CMP_LT', 'SCMP_CMP_LE', 'SCMP_CMP_GT', 'SCMP_CMP_GE', 'SCMP_CMP_MASKED_EQ']
ACTIONS = ['SCMP_ACT_ERRNO', 'SCMP_ACT_ERRNO', 'SCMP_ACT_LOG', 'SCMP_ACT_KILL_THREAD', 'SCMP_ACT_TRAP', 'SCMP_ACT_TRACE', 'SCMP_ACT_ALLOW']
LIMITS = {'RLIMIT_CORE': (0, 0), 'RLIMIT_NOFILE': (64, 256), 'RLIMIT_STACK': (1 << 20, 8 << 20),
          'RLIMIT_FSIZE': (1 << 20, 1 << 30), 'RLIMIT_CPU': (50, 100), 'RLIMIT_AS': (1 << 30, 1 << 31),
          'RLIMIT_MEMLOCK': (0, 4096), 'RLIMIT_SIGPENDING': (5, 10), 'RLIMIT_NICE': (0, 0), 'RLIMIT_RTTIME': (1 << 20, 1 << 30),
          'RLIMIT_RTPRIO': (0, 0), 'RLIMIT_LOCKS': (7, 9), 'RLIMIT_DATA': (1 << 28, 1 << 30), 'RLIMIT_NPROC': (500, 1000),
          'RLIMIT_RSS': (1 << 28, 1 << 30), 'RLIMIT_MSGQUEUE': (0, 1000)}
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


def namespaces(rng, userns, scene):
    types = ['mount', 'pid'] + some(rng, ['ipc', 'uts', 'network', 'cgroup', 'time'])
    if userns:
        # A new network for a new user: the host's sysfs cannot be mounted there, but nothing else is lost.
        types = sorted(set(types) | {'network', 'ipc', 'user'})
    rng.shuffle(types)
    spaces = [{'type': t} for t in types]
    for space in spaces:
        if not userns and space['type'] in scene.joinable and chance(rng, 0.15):
            space['path'] = scene.joinable[space['type']]
    return spaces


def capabilities(rng):
    bounding = some(rng, CAPS)
    permitted = some(rng, bounding)
    inheritable = some(rng, permitted)
    sets = {'bounding': bounding, 'permitted': permitted, 'inheritable': inheritable,
            'effective': some(rng, permitted), 'ambient': some(rng, inheritable)}
    return {k: sets[k] for k in (sets if chance(rng, 0.7) else ['bounding'])}


def scheduler(rng, userns):
    """Only the host's own users may have more than the others have."""
    policies = ['SCHED_OTHER', 'SCHED_BATCH', 'SCHED_IDLE']
    s = {'policy': rng.choice(policies if userns else policies + ['SCHED_FIFO', 'SCHED_RR', 'SCHED_DEADLINE'])}
    if s['policy'] in ('SCHED_OTHER', 'SCHED_BATCH') and chance(rng, 0.7):
        s['nice'] = rng.randint(0 if userns else -20, 19)
    if s['policy'] in ('SCHED_FIFO', 'SCHED_RR'):
        s['priority'] = rng.randint(1, 99)
    if s['policy'] == 'SCHED_DEADLINE':
        s['period'] = rng.randint(50, 100) * 1000000
        s['deadline'] = s['period'] - rng.randint(0, 9) * 1000000
        s['runtime'] = rng.randint(1, 5) * 1000000
        s['flags'] = ['SCHED_FLAG_RESET_ON_FORK'] + some(rng, ['SCHED_FLAG_DL_OVERRUN', 'SCHED_FLAG_RECLAIM'])
    elif chance(rng, 0.3):
        s['flags'] = some(rng, ['SCHED_FLAG_RESET_ON_FORK'])
    return s


def user(rng):
    ids = rng.choice([0, 0, 1, 1000, 65534])
    u = {'uid': ids if ids != 1000 else rng.randint(1, 65535), 'gid': rng.choice([0, 5, 65535])}
    if chance(rng, 0.4):
        u['umask'] = rng.randint(0, 0o777)
    if chance(rng, 0.4):
        u['additionalGids'] = some(rng, range(1, 60), 40)
    if chance(rng, 0.1):
        u['username'] = text(rng)
    return u


def process(rng, userns, host):
    who = user(rng)
    p = {'cwd': rng.choice(['/', '/tmp', '/root', '//tmp/../tmp', '/bin'] if who['uid'] == 0 else ['/', '/tmp', '/bin']),
         'user': who,
         'env': ['PATH=/bin:/usr/bin'] + some(rng, ['TERM=xterm', 'A=', 'B=b=c', 'LONG=' + 'x' * 400, 'HOME=/tmp', 'Ä=ö'])}
    if chance(rng, 0.2):
        p['terminal'] = chance(rng, 0.7)
    if chance(rng, 0.3):
        p['consoleSize'] = {'height': rng.randint(0, 1000), 'width': rng.randint(0, 1000)}
    if chance(rng, 0.1):
        p['commandLine'] = text(rng)
    if chance(rng, 0.7):
        p['noNewPrivileges'] = chance(rng, 0.5)
    if chance(rng, 0.7):
        p['capabilities'] = capabilities(rng)
    if chance(rng, 0.5):
        p['rlimits'] = [{'type': t, 'soft': LIMITS[t][0], 'hard': LIMITS[t][1]} for t in some(rng, LIMITS)]
    if chance(rng, 0.3):
        p['oomScoreAdj'] = rng.randint(own_oom_score_adj(), 1000)
    if chance(rng, 0.4):
        p['scheduler'] = scheduler(rng, userns)
    if chance(rng, 0.3):
        p['ioPriority'] = rng.choice([{'class': 'IOPRIO_CLASS_BE', 'priority': rng.randint(0, 7)},
                                      {'class': 'IOPRIO_CLASS_IDLE', 'priority': 0},
                                      {'class': 'IOPRIO_CLASS_BE' if userns else 'IOPRIO_CLASS_RT', 'priority': rng.randint(0, 7)}])
    if chance(rng, 0.2):
        p['execCPUAffinity'] = rng.choice([{'initial': '0'}, {'final': '0'}, {'initial': '0', 'final': '0'}])
    if host.apparmor and chance(rng, 0.2):
        p['apparmorProfile'] = 'unconfined'
    status = rng.choice([0, 0, 0, 1, 7, 255])
    p['args'] = rng.choice([['true'], ['/bin/true']]) if status == 0 else ['sh', '-c', 'exit %d' % status]
    return p, status


def own_oom_score_adj():
    with open('/proc/self/oom_score_adj') as f:
        return max(0, int(f.read()))


def mounts(rng, scene, names, userns, terminal):
    bind_options = some(rng, ['nosuid', 'nodev', 'relatime', 'rprivate'], 3) + rng.choice([['ro'], ['rw'], ['rro'], []])
    tmpfs_options = some(rng, ['nosuid', 'nodev', 'noexec', 'size=1m', 'mode=1777', 'nr_inodes=100', 'noatime', 'nosymfollow'], 5)
    fixed = [{'destination': '/proc', 'type': 'proc', 'source': 'proc',
              'options': some(rng, ['nosuid', 'noexec', 'nodev'])},
             {'destination': '/dev', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['nosuid', 'mode=755', 'size=65536k']}]
    pts = {'destination': '/dev/pts', 'type': 'devpts', 'source': 'devpts',
           'options': ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']}
    if terminal or chance(rng, 0.4):
        fixed.append(pts)
    more = [{'destination': '/dev/shm', 'type': 'tmpfs', 'source': 'shm', 'options': tmpfs_options},
            {'destination': '/tmp', 'type': 'tmpfs', 'options': ['mode=1777'] + (['tmpcopyup'] if chance(rng, 0.3) else [])},
            {'destination': '/made/deep/' + word(rng), 'type': 'tmpfs', 'source': 'x', 'options': tmpfs_options},
            {'destination': 'relative/' + word(rng), 'type': 'tmpfs', 'source': 'x'},
            {'destination': '/mnt', 'type': 'bind', 'source': scene.volume, 'options': ['bind'] + bind_options},
            {'destination': '/mnt/' + word(rng), 'source': scene.volume + '/sub', 'options': ['rbind'] + bind_options},
            {'destination': '/etc/hosts', 'type': 'none', 'source': scene.volume + '/file', 'options': ['bind', 'ro']},
            {'destination': '/run/file', 'type': 'bind', 'source': scene.volume + '/file', 'options': ['bind'] + bind_options}]
    more.append({'destination': '/idmapped', 'type': 'bind', 'source': scene.volume, 'options': ['rbind'] + bind_options,
                 'uidMappings': mappings(rng), 'gidMappings': mappings(rng)})
    if userns:
        more.append({'destination': '/idmap', 'type': 'bind', 'source': scene.volume,
                     'options': ['bind', rng.choice(['idmap', 'ridmap'])] + bind_options})
    if 'cgroup' in names:
        more.append({'destination': '/cgroups', 'type': 'cgroup', 'source': 'cgroup', 'options': ['nosuid', 'noexec', 'nodev', 'ro']})
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
        if chance(rng, 0.5):
            h['args'] = ['true', text(rng)]
        if chance(rng, 0.5):
            h['env'] = ['A=' + word(rng)]
        if chance(rng, 0.5):
            h['timeout'] = rng.randint(20, 100)
        return h
    kinds = some(rng, ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'], 3)
    return {k: [hook() for _ in range(rng.randint(0, 2))] for k in kinds}


def rule(rng, name, actions):
    r = {'names': [name], 'action': rng.choice(actions)}
    if r['action'] in ('SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE') and chance(rng, 0.5):
        r['errnoRet'] = rng.randint(0, 130)
    if chance(rng, 0.4):
        r['args'] = [{'index': rng.randint(0, 5), 'value': rng.getrandbits(64), 'op': rng.choice(OPERATORS)}]
        if r['args'][0]['op'] == 'SCMP_CMP_MASKED_EQ':
            r['args'][0]['valueTwo'] = rng.getrandbits(64) & r['args'][0]['value']
    return r


def seccomp(rng, scene):
    """No action but ALLOW and LOG for what the program calls."""
    s = {'defaultAction': rng.choice(['SCMP_ACT_ALLOW', 'SCMP_ACT_ALLOW', 'SCMP_ACT_LOG']), 'syscalls': []}
    if scene.host.calls and chance(rng, 0.3):
        s['defaultAction'] = rng.choice(['SCMP_ACT_ERRNO', 'SCMP_ACT_KILL', 'SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_TRAP', 'SCMP_ACT_TRACE'])
        s['syscalls'] = [{'names': [c for c in scene.host.calls if c not in CALLS], 'action': 'SCMP_ACT_ALLOW'}]
        if s['defaultAction'] in ('SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE') and chance(rng, 0.6):
            s['defaultErrnoRet'] = rng.randint(0, 130)
    if chance(rng, 0.7):
        s['architectures'] = ['SCMP_ARCH_X86_64'] + some(rng, ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'])
    if chance(rng, 0.4):
        s['flags'] = some(rng, ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW', 'SECCOMP_FILTER_FLAG_TSYNC'])
    s['syscalls'] += [rule(rng, name, ACTIONS) for name in some(rng, CALLS, 4)]
    if chance(rng, 0.2):
        s['listenerPath'] = scene.agent
        s['syscalls'].append({'names': ['settimeofday'], 'action': 'SCMP_ACT_NOTIFY'})
        if chance(rng, 0.5):
            s['listenerMetadata'] = text(rng)
        s['flags'] = some(rng, ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'])
    return s


def device(rng):
    kind = rng.choice('ccubp')
    d = {'path': rng.choice(['/dev/', '/dev/made/', '/nodes/']) + 'x' + word(rng), 'type': kind}
    if kind != 'p':
        d['major'], d['minor'] = (7, rng.randint(0, 9)) if kind == 'b' else (1, rng.choice([3, 5, 7]))
    if chance(rng, 0.7):
        d['fileMode'] = rng.randint(0, 0o777)
    if chance(rng, 0.7):
        d['uid'], d['gid'] = rng.randint(0, 65535), rng.randint(0, 65535)
    return d


def memory_policy(rng, host):
    m = {'mode': rng.choice(['MPOL_DEFAULT', 'MPOL_LOCAL', 'MPOL_PREFERRED', 'MPOL_BIND', 'MPOL_INTERLEAVE', 'MPOL_PREFERRED_MANY'])}
    if m['mode'] not in ('MPOL_DEFAULT', 'MPOL_LOCAL'):
        m['nodes'] = host.nodes
        if chance(rng, 0.5):
            m['flags'] = rng.choice([[], ['MPOL_F_STATIC_NODES'], ['MPOL_F_RELATIVE_NODES']])
    return m


def config(rng, scene):
    """Return: configuration, exit status of its program, whether to go by create and start."""
    userns = chance(rng, 0.5)
    host = scene.host
    spaces = namespaces(rng, userns, scene)
    names = {n['type'] for n in spaces if 'path' not in n}
    proc, status = process(rng, userns, host)
    policy = proc.get('scheduler', {}).get('policy')
    realtime = policy in ('SCHED_FIFO', 'SCHED_RR')
    linux = {'namespaces': spaces, 'cgroupsPath': '/%s/%s' % (scene.cgroups, word(rng))}
    c = {'ociVersion': rng.choice(['1.0.0', '1.0.2', '1.1.0', '1.2.1', '1.3.0', '1.0.2-dev']), 'process': proc,
         'root': {'path': 'rootfs'}, 'mounts': mounts(rng, scene, names, userns, 'terminal' in proc), 'linux': linux}
    if userns:
        linux['uidMappings'], linux['gidMappings'] = mappings(rng), mappings(rng)
    if chance(rng, 0.3):
        c['root']['readonly'] = chance(rng, 0.7)
    if 'uts' in names and chance(rng, 0.7):
        c['hostname'] = word(rng, 40)
        if chance(rng, 0.5):
            c['domainname'] = word(rng, 40)
    if chance(rng, 0.3):
        c['hooks'] = hooks(rng)
    if chance(rng, 0.4):
        c['annotations'] = {word(rng, 30): text(rng) for _ in range(rng.randint(0, 5))}
    if chance(rng, 0.4):
        linux['maskedPaths'] = some(rng, MASKED)
    if chance(rng, 0.4):
        linux['readonlyPaths'] = some(rng, READONLY)
    if chance(rng, 0.3):
        linux['rootfsPropagation'] = rng.choice(['private', 'slave', 'unbindable', 'shared'])
    if chance(rng, 0.3):
        linux['devices'] = [device(rng) for _ in range(rng.randint(0, 3))]
    if realtime or chance(rng, 0.5):
        linux['resources'] = resources.resources(rng, host, realtime)
        # These hooks run inside, beside the container's first process.
        inside = any(c.get('hooks', {}).get(k) for k in ('createContainer', 'startContainer'))
        if inside and linux['resources'].get('pids', {}).get('limit') in (0, 1):
            linux['resources']['pids']['limit'] = 2
        if policy == 'SCHED_DEADLINE': # such a process must be able to go everywhere
            linux['resources'].get('cpu', {}).pop('cpus', None)
    if chance(rng, 0.3):
        linux['seccomp'] = seccomp(rng, scene)
    if chance(rng, 0.2):
        linux['personality'] = {'domain': rng.choice(['LINUX', 'LINUX32'])}
        if chance(rng, 0.3):
            linux['personality']['flags'] = []
    if chance(rng, 0.1):
        linux['mountLabel'] = 'system_u:object_r:container_file_t:s0'
    if 'network' in names and host.network and chance(rng, 0.1):
        linux['netDevices'] = {scene.NIC: rng.choice([{}, {'name': 'eth5'}, {'name': 'c' + word(rng)}])}
    if 'time' in names and chance(rng, 0.6):
        linux['timeOffsets'] = {k: {'secs': rng.randint(0, 10000), 'nanosecs': rng.randint(0, 999999999)}
                                for k in some(rng, ['monotonic', 'boottime'])}
    sysctls = []
    if 'network' in names:
        sysctls += [('net.ipv4.ip_forward', '1'), ('net.ipv4.ping_group_range', '0 1'), ('net.core.somaxconn', '128')]
    if 'ipc' in names:
        sysctls += [('kernel.msgmax', '8000'), ('kernel.shmmni', '1000'), ('kernel.sem', '250 32000 32 128')]
    if chance(rng, 0.3):
        linux['sysctl'] = dict(some(rng, sysctls))
    if chance(rng, 0.2):
        linux['memoryPolicy'] = memory_policy(rng, host)
    return c, status, proc.get('terminal', False) or chance(rng, 0.3)


def host_id(maps, inside):
    for m in maps:
        if m['containerID'] <= inside < m['containerID'] + m['size']:
            return m['hostID'] + inside - m['containerID']
    raise ValueError(inside)
