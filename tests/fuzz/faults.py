# SPDX-License-Identifier: LGPL-2.1-or-later
"""One fault in a valid configuration, and the fields that an error about it may name. See configs.py."""
import json

import coverage


def members(value, path=''):
    """Every place of a document: (container, key, path as errors write it)."""
    if isinstance(value, dict):
        for key, child in value.items():
            # Keys of string maps are the user's: errors write those with other than word characters in brackets.
            at = (path + '.' if path else '') + key
            yield value, key, at
            yield from members(child, at)
    elif isinstance(value, list):
        for i, child in enumerate(value):
            yield value, i, '%s[%d]' % (path, i)
            yield from members(child, '%s[%d]' % (path, i))


MAPS = ('annotations', 'linux.sysctl', 'linux.timeOffsets', 'linux.resources.unified')
def in_map(path):
    return any(path.startswith(m + '.') for m in MAPS)


def wrong_type(rng, c):
    places = [p for p in members(c) if not in_map(p[2])]
    holder, key, path = rng.choice(places)
    value = holder[key]
    wrong = [v for v in ('a string', 12, -12, 1.5, True, [], {}, [1], {'a': 1})
             if not (isinstance(v, str) and isinstance(value, str)) and not (isinstance(v, list) and isinstance(value, list))
             and not (isinstance(v, dict) and isinstance(value, dict)) and not (isinstance(v, bool) and isinstance(value, bool))
             and not (isinstance(v, int) and not isinstance(v, bool) and isinstance(value, int) and not isinstance(value, bool))]
    holder[key] = rng.choice(wrong)
    return {path}


def wrong_number(rng, c):
    places = [p for p in members(c) if isinstance(p[0][p[1]], int) and not isinstance(p[0][p[1]], bool)]
    holder, key, path = rng.choice(places)
    holder[key] = rng.choice([1 << 64, -(1 << 63) - 1, 1e300, 0.5, 10 ** 400, -10 ** 400])
    return {path}


def missing(rng, c):
    places = [(holder, key, path) for _, path, holder, key, required in coverage.walk(c) if required]
    holder, key, path = rng.choice(places)
    del holder[key]
    return {path}


# Words of a list: any other is a fault. Capabilities are not among them: unknown ones are left out with a warning.
WORDS = {
    'process.rlimits.type', 'process.scheduler.policy', 'process.scheduler.flags', 'process.ioPriority.class',
    'linux.namespaces.type', 'linux.devices.type', 'linux.rootfsPropagation', 'linux.personality.domain', 'linux.memoryPolicy.mode',
    'linux.memoryPolicy.flags', 'linux.resources.devices.type', 'linux.resources.devices.access', 'linux.seccomp.defaultAction',
    'linux.seccomp.architectures', 'linux.seccomp.flags', 'linux.seccomp.syscalls.action', 'linux.seccomp.syscalls.args.op'}


def unknown_word(rng, c):
    places = [p for p in coverage.walk(c) if p[0] in WORDS and p[2][p[3]]]
    if not places:
        return None
    field, path, holder, key, _ = rng.choice(places)
    if field == 'linux.namespaces.type': # one more: others may need this one
        spaces = c['linux']['namespaces']
        spaces.append(dict(holder))
        holder, path = spaces[-1], 'linux.namespaces[%d].type' % (len(spaces) - 1)
    if isinstance(holder[key], list):
        n = rng.randrange(len(holder[key]))
        holder, key, path = holder[key], n, '%s[%d]' % (path, n)
    holder[key] = rng.choice(['NONE', holder[key] + 'X', holder[key].lower() if holder[key].lower() != holder[key] else 'X', ' ' + holder[key]])
    # Flags are judged together, a limit is judged as a whole.
    return {path, path.rpartition('[')[0] if path.endswith(']') else path.rpartition('.')[0]}


def zero_byte(rng, c):
    places = [p for p in members(c) if isinstance(p[0][p[1]], str) and not in_map(p[2])]
    holder, key, path = rng.choice(places)
    holder[key] += 'a\0b'
    return {path}


def endless_text(rng, c):
    """Longer than any text may be."""
    places = [p for p in members(c) if isinstance(p[0][p[1]], str) and not in_map(p[2])]
    holder, key, path = rng.choice(places)
    holder[key] += 'a' * (1 << 20)
    return {path}


# ---- faults of the text: they return it, too ----

MARK = 'put-something-else-here'


def bad_utf8(rng, c):
    places = [p for p in members(c) if isinstance(p[0][p[1]], str) and not in_map(p[2])]
    holder, key, path = rng.choice(places)
    holder[key] += MARK
    bad = rng.choice([b'\xff', b'\xc3', b'\xc0\x80', b'\xed\xa0\x80', b'\xf5\x80\x80\x80', b'\x80', b'\\ud800'])
    return {path}, json.dumps(c).encode().replace(MARK.encode(), bad)


def key_twice(rng, c):
    places = [p for p in members(c) if isinstance(p[0], dict) and not in_map(p[2])]
    holder, key, path = rng.choice(places)
    holder[MARK] = holder[key]
    return {path}, json.dumps(c).encode().replace(MARK.encode(), key.encode())


def number_like_nothing(rng, c):
    places = [p for p in members(c) if isinstance(p[0][p[1]], int) and not isinstance(p[0][p[1]], bool)]
    holder, key, path = rng.choice(places)
    holder[key] = MARK
    value = rng.choice([b'1e400', b'-1e400', b'1E2', b'1.0', b'99999999999999999999', b'01', b'+1', b'.5', b'0x10', b'NaN', b'-'])
    fields = {path} if value[:1] in b'-19' and len(value) > 1 else {path, None}
    return fields, json.dumps(c).encode().replace(b'"' + MARK.encode() + b'"', value)


def too_deep(rng, c):
    """Under a key that nobody knows: what is skipped is checked all the same."""
    places = [('', c)] + [(p[2] + '.', p[0][p[1]]) for p in members(c) if isinstance(p[0][p[1]], dict) and p[2] not in MAPS and not in_map(p[2])]
    path, holder = rng.choice(places)
    holder['unheardOf'] = MARK
    depth = rng.choice([64, 65, 1000, 100000])
    one, end = rng.choice([(b'[', b']'), (b'{"a":', b'}')])
    return {path + 'unheardOf*'}, json.dumps(c).encode().replace(b'"' + MARK.encode() + b'"', one * depth + b'1' + end * depth)


def cut_off(rng, c):
    text = json.dumps(c).encode()
    return {None, '*'}, text[:rng.randrange(len(text))]


def litter(rng, c):
    text = json.dumps(c).encode()
    return {None}, rng.choice([text + b' x', text + text, text + b'\0', b'\xef\xbb\xbf' + text, b'/* a */' + text, text + b',', b'[' + text + b']',
                               text.replace(b'"', b"'"), b'null', b'""', b' '])


def put(path, value, *fields):
    """A fault that is a value at a path of dots."""
    def insert(rng, c):
        at = c
        *parents, last = path.split('.')
        for name in parents:
            at = at.setdefault(name, {})
        at[last] = value(rng) if callable(value) else value
        return set(fields or (path,))
    insert.__name__ = 'put %s: %.60r' % (path, value)
    return insert


def append(path, value, suffix='', extra=()):
    """A fault that is one more member of a list."""
    def insert(rng, c):
        at = c
        *parents, last = path.split('.')
        for name in parents:
            at = at.setdefault(name, {})
        items = at.setdefault(last, [])
        items.append(value(rng) if callable(value) else value)
        n = len(items) - 1
        return {'%s[%d]%s' % (path, n, suffix)} | {e.replace('%d', str(n)) for e in extra}
    insert.__name__ = 'append %s: %.60r' % (path, value)
    return insert


def unmapped_user(rng, c):
    if 'uidMappings' not in c['linux']:
        return None
    c['process']['user']['uid'] = rng.randint(65536, 4294967294)
    return {'process.user.uid'}


def overlap(rng, c):
    if 'uidMappings' not in c['linux']:
        return None
    which = rng.choice(['uidMappings', 'gidMappings'])
    items = c['linux'][which]
    one = rng.choice(items)
    items.append({'containerID': one['containerID'] + one['size'] - 1, 'hostID': 1400000000, 'size': 2})
    n = len(items) - 1
    return {'linux.%s[%d]%s' % (which, i, s) for i in range(n + 1) for s in ('', '.containerID', '.size', '.hostID')}


def maps_without_namespace(rng, c):
    if 'uidMappings' in c['linux']:
        return None
    c['linux']['uidMappings'] = [{'containerID': 0, 'hostID': 1, 'size': 1}]
    return {'linux.uidMappings', 'linux.uidMappings[0]', 'linux.namespaces'}


def gid_map_alone(rng, c):
    if 'uidMappings' not in c['linux']:
        return None
    del c['linux']['uidMappings']
    return {'linux.uidMappings', 'linux.gidMappings', 'process.user.uid'}


def hostname_without_uts(rng, c):
    c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'uts']
    c.pop('domainname', None)
    c['hostname'] = 'name'
    return {'hostname'}


def same_namespace_twice(rng, c):
    n = rng.choice(c['linux']['namespaces'])
    c['linux']['namespaces'].append(dict(n))
    return {'linux.namespaces[%d]%s' % (i, s) for i in range(len(c['linux']['namespaces'])) for s in ('', '.type')}


def without(kind, path, value, *fields):
    """What needs a namespace of its own, without it."""
    def insert(rng, c):
        c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != kind]
        return put(path, value, *fields)(rng, c)
    insert.__name__ = 'without %s: %s' % (kind, path)
    return insert


def too_many(path, value, most):
    """Longer than this list may be."""
    def insert(rng, c):
        put(path, [value(i) for i in range(most + 1)])(rng, c)
        return {path, '%s[%d]' % (path, most)}
    insert.__name__ = 'too many ' + path
    return insert


def same_limit_twice(rng, c):
    limits = c['process'].get('rlimits')
    if not limits:
        return None
    limits.append(dict(rng.choice(limits)))
    return {'process.rlimits[%d].type' % i for i in range(len(limits))} | {'process.rlimits[%d]' % i for i in range(len(limits))}


def policy_of_others(rng, c):
    field, value = rng.choice([('priority', 5), ('runtime', 1000000), ('deadline', 1000000), ('period', 1000000)])
    c['process']['scheduler'] = {'policy': rng.choice(['SCHED_OTHER', 'SCHED_BATCH', 'SCHED_IDLE']), field: value}
    return {'process.scheduler', 'process.scheduler.policy', 'process.scheduler.' + field}


BIND = {'destination': '/x', 'type': 'bind', 'source': '/tmp', 'options': ['bind']}
MAP = {'containerID': 0, 'hostID': 1, 'size': 1}

FAULTS = [
    wrong_type, wrong_type, wrong_type, wrong_type, wrong_number, wrong_number, missing, missing, unknown_word, unknown_word, zero_byte,
    endless_text, bad_utf8, bad_utf8, key_twice, key_twice, number_like_nothing, too_deep, cut_off, litter, same_limit_twice,
    policy_of_others, unmapped_user, overlap, maps_without_namespace,
    gid_map_alone, hostname_without_uts, same_namespace_twice,
    put('ociVersion', '2.0.0'), put('ociVersion', ''), put('ociVersion', 'one'),
    put('process.cwd', 'relative'), put('process.cwd', ''), put('process.args', [], 'process.args'),
    put('process.user.uid', 4294967295), put('process.user.gid', 4294967295), put('process.oomScoreAdj', 1001),
    put('process.oomScoreAdj', -1001), put('process.scheduler', {'policy': 'SCHED_NONE'}, 'process.scheduler.policy'),
    put('process.ioPriority', {'class': 'IOPRIO_CLASS_BE', 'priority': 8}, 'process.ioPriority.priority'),
    put('process.ioPriority', {'class': 'BE', 'priority': 1}, 'process.ioPriority.class'),
    put('process.execCPUAffinity', {'initial': '3-1'}, 'process.execCPUAffinity.initial'),
    append('process.env', 'NOEQUALSIGN'), append('process.env', '=x'),
    append('process.rlimits', {'type': 'RLIMIT_X', 'soft': 1, 'hard': 1}, '.type', ('process.rlimits[%d]',)),
    append('process.rlimits', {'type': 'RLIMIT_RSS', 'soft': 2, 'hard': 1}, '.soft', ('process.rlimits[%d]',)),
    append('process.user.additionalGids', 4294967295),
    put('root.path', 'no-such-directory'),
    append('mounts', {'destination': '/proc/sys/kernel', 'type': 'tmpfs'}, '.destination'),
    append('mounts', {'destination': '/x', 'type': 'bind', 'source': '/no/such/source', 'options': ['bind']}, '.source'),
    append('mounts', {'destination': '/x', 'type': 'no_such_fs', 'source': 'x'}, '.type', ('mounts[%d]',)),
    append('mounts', {'destination': '/x', 'type': 'tmpfs', 'source': 'x', 'options': ['no_such_option=1']}, '.options[0]', ('mounts[%d]', 'mounts[%d].options')),
    append('mounts', {'destination': '/x', 'type': 'bind', 'source': '/tmp', 'options': ['bind'],
                      'uidMappings': [{'containerID': 0, 'hostID': 1, 'size': 1}]}, '.gidMappings', ('mounts[%d].uidMappings', 'mounts[%d]')),
    put('hooks', {'createRuntime': [{'path': 'relative'}]}, 'hooks.createRuntime[0].path'),
    put('hooks', {'poststop': [{'path': '/bin/true', 'timeout': 0}]}, 'hooks.poststop[0].timeout'),
    put('hooks', {'prestart': [{'path': '/bin/true', 'timeout': -1}]}, 'hooks.prestart[0].timeout'),
    append('linux.namespaces', {'type': 'galaxy'}, '.type'),
    append('linux.namespaces', {'type': 'mount', 'path': 'relative'}, '.path', ('linux.namespaces[%d]', 'linux.namespaces[%d].type')),
    put('linux.cgroupsPath', '/a/../../b'), put('linux.rootfsPropagation', 'rshared,private'),
    put('linux.sysctl', {'vm.swappiness': '1'}, 'linux.sysctl["vm.swappiness"]', 'linux.sysctl.vm.swappiness', 'linux.sysctl[vm.swappiness]'),
    append('linux.maskedPaths', 'relative'), append('linux.readonlyPaths', 'relative'),
    append('linux.devices', {'path': 'relative', 'type': 'c', 'major': 1, 'minor': 3}, '.path'),
    append('linux.devices', {'path': '/dev/thing', 'type': 'q', 'major': 1, 'minor': 3}, '.type'),
    put('linux.personality', {'domain': 'LINUX64'}, 'linux.personality.domain'),
    put('linux.memoryPolicy', {'mode': 'MPOL_NONE'}, 'linux.memoryPolicy.mode'),
    put('linux.seccomp', {'defaultAction': 'SCMP_ACT_NONE'}, 'linux.seccomp.defaultAction'),
    put('linux.seccomp', {'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_Z80']}, 'linux.seccomp.architectures[0]'),
    put('linux.seccomp', {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': [], 'action': 'SCMP_ACT_ERRNO'}]}, 'linux.seccomp.syscalls[0].names'),
    put('linux.seccomp', {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['mkdir'], 'action': 'SCMP_ACT_ERRNO', 'args': [
        {'index': 6, 'value': 1, 'op': 'SCMP_CMP_EQ'}]}]}, 'linux.seccomp.syscalls[0].args[0].index'),
    put('linux.resources.memory', {'limit': -5}, 'linux.resources.memory.limit'),
    put('linux.resources.cpu', {'cpus': '1-'}, 'linux.resources.cpu.cpus'),
    put('linux.resources.devices', [{'allow': True, 'access': 'x'}], 'linux.resources.devices[0].access'),
    # Fields that contradict each other.
    put('linux.resources.memory', {'limit': 1 << 27, 'swap': 1 << 26}, 'linux.resources.memory.swap'),
    put('linux.resources.memory', {'swap': 1 << 26}, 'linux.resources.memory.swap'),
    put('linux.resources.memory', {'useHierarchy': False}, 'linux.resources.memory.useHierarchy'),
    put('linux.memoryPolicy', {'mode': 'MPOL_BIND'}, 'linux.memoryPolicy.nodes'),
    put('linux.memoryPolicy', {'mode': 'MPOL_LOCAL', 'nodes': '0'}, 'linux.memoryPolicy.nodes'),
    put('linux.memoryPolicy', {'mode': 'MPOL_BIND', 'nodes': '0', 'flags': ['MPOL_F_STATIC_NODES', 'MPOL_F_RELATIVE_NODES']}, 'linux.memoryPolicy.flags'),
    put('linux.seccomp', {'defaultAction': 'SCMP_ACT_NOTIFY'}, 'linux.seccomp.defaultAction'),
    put('linux.seccomp', {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': 'relative', 'syscalls': [{'names': ['acct'], 'action': 'SCMP_ACT_NOTIFY'}]},
        'linux.seccomp.listenerPath'),
    without('time', 'linux.timeOffsets', {'boottime': {'secs': 1}}, 'linux.timeOffsets', 'linux.timeOffsets.boottime'),
    without('ipc', 'linux.sysctl', {'kernel.msgmax': '1'}, 'linux.sysctl["kernel.msgmax"]', 'linux.sysctl.kernel.msgmax', 'linux.sysctl[kernel.msgmax]', 'linux.sysctl'),
    without('uts', 'domainname', 'd', 'domainname', 'hostname'),
    append('mounts', dict(BIND, uidMappings=[MAP], gidMappings=[MAP], options=['bind', 'idmap', 'ridmap', 'no_such_option']), '.options[3]',
           ('mounts[%d]', 'mounts[%d].options')),
    put('linux.timeOffsets', {'realtime': {'secs': 1}}, 'linux.timeOffsets*', 'linux.namespaces'),
    put('process.scheduler', {'policy': 'SCHED_FIFO', 'priority': 100}, 'process.scheduler.priority', 'process.scheduler'),
    put('process.scheduler', {'policy': 'SCHED_OTHER', 'nice': 20}, 'process.scheduler.nice', 'process.scheduler'),
    # Longer than they may be.
    put('hostname', 'h' * 65, 'hostname'), put('process.cwd', '/' + 'a/' * 2100),
    put('linux.cgroupsPath', '/' + 'c' * 256), put('root.path', 'r' * 5000),
    append('mounts', {'destination': '/' + 'd' * 256, 'type': 'tmpfs', 'source': 'x'}, '.destination', ('mounts[%d]',)),
    append('linux.devices', {'path': '/dev/' + 'd' * 256, 'type': 'c', 'major': 1, 'minor': 3}, '.path', ('linux.devices[%d]',)),
    too_many('mounts', lambda i: dict(BIND, destination='/%d' % i), 4096),
    too_many('hooks.poststop', lambda i: {'path': '/bin/true'}, 256),
    too_many('linux.devices', lambda i: {'path': '/dev/%d' % i, 'type': 'c', 'major': 1, 'minor': 3}, 1024),
    too_many('linux.maskedPaths', '/{}'.format, 4096),
    too_many('process.user.additionalGids', int, 65536),
    # Numbers that their field can hold, but nothing else can.
    append('linux.devices', {'path': '/dev/thing', 'type': 'c', 'major': 4096, 'minor': 3}, '.major', ('linux.devices[%d]',)),
    append('linux.devices', {'path': '/dev/thing', 'type': 'c', 'major': 1, 'minor': -2}, '.minor', ('linux.devices[%d]',)),
    append('linux.devices', {'path': '/dev/thing', 'type': 'c', 'major': 1, 'minor': 3, 'fileMode': 0o2000000}, '.fileMode', ('linux.devices[%d]',)),
    put('process.user.umask', 0o1000), put('linux.resources.cpu', {'idle': 2}, 'linux.resources.cpu.idle'),
    put('linux.resources.blockIO', {'weight': 1001}, 'linux.resources.blockIO.weight'),
    put('linux.resources.blockIO', {'throttleReadBpsDevice': [{'major': 4096, 'minor': 0, 'rate': 1}]},
        'linux.resources.blockIO.throttleReadBpsDevice[0].major'),
    put('linux.resources.memory', {'swappiness': 101}, 'linux.resources.memory.swappiness'),
    put('linux.resources.pids', {'limit': -2}, 'linux.resources.pids.limit'),
    put('linux.resources.unified', {'a/b': '1'}, 'linux.resources.unified*'),
    put('linux.resources.network', {'priorities': [{'name': 'a/b', 'priority': 1}]}, 'linux.resources.network.priorities[0].name'),
    put('linux.resources.rdma', {'a=b': {'hcaObjects': 1}}, 'linux.resources.rdma*'),
    put('linux.resources.rdma', {'dev': {}}, 'linux.resources.rdma.dev'),
    put('linux.intelRdt', {'closID': '../up'}, 'linux.intelRdt.closID'),
    put('linux.netDevices', {'a/b': {}}, 'linux.netDevices*'),
    put('linux.netDevices', {'lo': {'name': 'n' * 16}}, 'linux.netDevices.lo', 'linux.netDevices'),
    append('linux.readonlyPaths', '/' + 'p' * 256),
    put('linux.resources.hugepageLimits', [{'pageSize': '3XB', 'limit': 1}], 'linux.resources.hugepageLimits[0].pageSize'),
]


def insert(rng, c):
    """Puts one fault into @c. Return: its name, the fields an error may have (configs.fits()), and the text of the
    file where it is not that of @c."""
    while True:
        fault = rng.choice(FAULTS)
        fields = fault(rng, c)
        text = None
        if isinstance(fields, tuple):
            fields, text = fields
        if fields is not None:
            return fault.__name__, fields, text
