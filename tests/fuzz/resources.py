# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random valid linux.resources. See generate.py."""


def chance(rng, p):
    return rng.random() < p


def memory(rng, host):
    m = {}
    limit = rng.randint(64, 512) << 20
    if chance(rng, 0.7):
        m['limit'] = limit
    if chance(rng, 0.4):
        m['reservation'] = rng.choice([-1, 0, 32 << 20])
    if chance(rng, 0.4):
        m['swap'] = rng.choice([-1, 0, limit + (rng.randint(0, 100) << 20)]) if 'limit' in m else 0
        if not host.v2 and not host.file('memory', 'memory.memsw.limit_in_bytes'):
            m['swap'] = 0
    if chance(rng, 0.3):
        m['kernel'] = rng.choice([-1, 0, 1 << 28])
    if chance(rng, 0.3):
        m['kernelTCP'] = rng.choice([-1, 0, 1 << 28])
    if chance(rng, 0.3):
        m['swappiness'] = 60 if host.v2 else rng.randint(0, 100)
    if chance(rng, 0.3):
        m['disableOOMKiller'] = False if host.v2 else chance(rng, 0.5)
    if chance(rng, 0.3):
        m['useHierarchy'] = True
    if chance(rng, 0.3):
        m['checkBeforeUpdate'] = chance(rng, 0.5)
    return m


def cpu(rng, host, realtime):
    c = {}
    if chance(rng, 0.2):
        c['idle'] = rng.randint(0, 1)
    elif chance(rng, 0.7):
        c['shares'] = rng.randint(2, 262144)
    if chance(rng, 0.6):
        c['period'] = rng.randint(10000, 1000000)
        if chance(rng, 0.8):
            c['quota'] = rng.choice([-1, 0, c['period'] // 2 + 1000])
            if chance(rng, 0.5):
                c['burst'] = rng.randint(0, c['quota']) if c['quota'] > 0 else 0
    if realtime or chance(rng, 0.2):
        c['realtimePeriod'] = rng.randint(500000, 1000000) if host.realtime() else 0
        c['realtimeRuntime'] = rng.randint(1000, 5000) if host.realtime() else 0
    return c


def cpuset(rng, host, c):
    if chance(rng, 0.2):
        one = rng.choice(host.cpus)
        c['cpus'] = rng.choice(['%d' % one, '%d-%d' % (one, one), '%d,%d' % (one, one)])
    if chance(rng, 0.2):
        c['mems'] = host.nodes


def block_io(rng, host):
    b = {}
    ways = ('throttleReadBpsDevice', 'throttleWriteBpsDevice', 'throttleReadIOPSDevice', 'throttleWriteIOPSDevice')
    for key in ways:
        if chance(rng, 0.4):
            b[key] = []
            if host.block and chance(rng, 0.8):
                b[key] = [{'major': host.block[0], 'minor': host.block[1], 'rate': rng.choice([0, rng.randint(1 << 20, 1 << 34)])}]
                if 'IOPS' in key:
                    b[key][0]['rate'] = rng.randint(1000, 1 << 31)
    # 0 asks for nothing, and is what there is where no scheduler has weights.
    weights = not host.v2 and (host.file('blkio', 'blkio.weight') or host.file('blkio', 'blkio.bfq.weight'))
    if chance(rng, 0.3):
        b['weight'] = rng.choice([0, rng.randint(10, 1000)]) if weights else 0
    if chance(rng, 0.3):
        b['leafWeight'] = 0
    if chance(rng, 0.3):
        b['weightDevice'] = []
        if host.weight_device():
            b['weightDevice'] = [{'major': host.block[0], 'minor': host.block[1], 'weight': rng.randint(10, 1000), 'leafWeight': 0}]
    return b


def devices(rng, host):
    rules = [{'allow': False, 'access': 'rwm'}]
    for _ in range(rng.randint(0, 4)):
        rule = {'allow': chance(rng, 0.8), 'type': rng.choice('cba'), 'access': rng.choice(['r', 'w', 'm', 'rw', 'rwm', 'mr'])}
        if rule['type'] == 'a':
            rule['allow'] = False
        else:
            rule['major'] = rng.choice([-1, 1, 5, 10, 254])
            if chance(rng, 0.8):
                rule['minor'] = rng.choice([-1, 3, 5, 200])
        rules.append(rule)
    # The program that runs opens nothing but what coffer adds itself.
    return rules


def resources(rng, host, realtime):
    """@realtime: the process asks for such scheduling."""
    r = {}
    if host.controller('memory') and chance(rng, 0.4):
        r['memory'] = memory(rng, host)
    if host.controller('cpu') and (realtime or chance(rng, 0.4)):
        r['cpu'] = cpu(rng, host, realtime)
    if host.controller('cpuset') and chance(rng, 0.3):
        cpuset(rng, host, r.setdefault('cpu', {}))
    if host.controller('pids') and chance(rng, 0.4):
        r['pids'] = rng.choice([{}, {'limit': -1}, {'limit': rng.randint(0, 4)}, {'limit': rng.randint(20, 30000)}])
    if host.controller('io' if host.v2 else 'blkio') and chance(rng, 0.3):
        r['blockIO'] = block_io(rng, host)
    if chance(rng, 0.2):
        r['hugepageLimits'] = []
        if host.controller('hugetlb'):
            r['hugepageLimits'] = [{'pageSize': s, 'limit': rng.randint(0, 8) << 21} for s in host.page_sizes if chance(rng, 0.6)]
    if chance(rng, 0.2):
        r['network'] = {'classID': 0, 'priorities': []}
        if host.controller('net_cls') and not host.v2:
            r['network']['classID'] = rng.getrandbits(32)
        if host.controller('net_prio') and not host.v2:
            r['network']['priorities'] = [{'name': 'lo', 'priority': rng.randint(0, 9)}]
    if chance(rng, 0.1):
        r['rdma'] = {name: {'hcaHandles': 3, 'hcaObjects': 10000} for name in host.rdma}
    if chance(rng, 0.2):
        r['unified'] = {'memory.high': 'max', 'pids.max': '100'} if host.v2 and chance(rng, 0.7) else {}
    if chance(rng, 0.4):
        r['devices'] = devices(rng, host)
    return r
