# SPDX-License-Identifier: LGPL-2.1-or-later
"""One fault in a valid configuration, and the fields that an error about it may name. See configs.py."""


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
REQUIRED = {'ociVersion', 'process.cwd', 'process.user.uid', 'process.user.gid', 'root.path', 'linux.seccomp.defaultAction',
            'process.scheduler.policy', 'process.ioPriority.class', 'linux.memoryPolicy.mode'}


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
    holder[key] = rng.choice([1 << 64, -(1 << 63) - 1, 1e300, 0.5])
    return {path}


def missing(rng, c):
    places = [p for p in members(c) if p[2] in REQUIRED]
    holder, key, path = rng.choice(places)
    del holder[key]
    return {path}


def zero_byte(rng, c):
    places = [p for p in members(c) if isinstance(p[0][p[1]], str) and not in_map(p[2])]
    holder, key, path = rng.choice(places)
    holder[key] += 'a\0b'
    return {path}


def put(path, value, *fields):
    """A fault that is a value at a path of dots."""
    def insert(rng, c):
        at = c
        *parents, last = path.split('.')
        for name in parents:
            at = at.setdefault(name, {})
        at[last] = value(rng) if callable(value) else value
        return set(fields or (path,))
    insert.__name__ = 'put ' + path
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
    insert.__name__ = 'append ' + path + suffix
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


FAULTS = [
    wrong_type, wrong_type, wrong_type, wrong_number, missing, zero_byte, unmapped_user, overlap, maps_without_namespace,
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
    put('linux.resources.hugepageLimits', [{'pageSize': '3XB', 'limit': 1}], 'linux.resources.hugepageLimits[0].pageSize'),
]


def insert(rng, c):
    """Puts one fault into @c. Return: its name and the fields an error may have."""
    while True:
        fault = rng.choice(FAULTS)
        fields = fault(rng, c)
        if fields is not None:
            return fault.__name__, fields
