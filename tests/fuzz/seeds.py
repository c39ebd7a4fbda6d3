#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the seed corpora (corpus/TARGET/NAME): seeds.py COFFER-BINARY.

They are small and few and committed; whoever fuzzes for days keeps what was found elsewhere (docs/fuzzing.md).
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def put(target, name, data):
    path = os.path.join(HERE, 'corpus', target)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, name), 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def config(coffer, *options):
    with tempfile.TemporaryDirectory() as d:
        subprocess.run([coffer, 'spec', '--bundle', d, *options], check=True)
        with open(os.path.join(d, 'config.json')) as f:
            return json.load(f)


def rich(c):
    """One configuration with as many fields as a plan can have."""
    c['process'].update({
        'user': {'uid': 1, 'gid': 2, 'umask': 18, 'additionalGids': [3, 4]}, 'oomScoreAdj': 5,
        'rlimits': [{'type': 'RLIMIT_CORE', 'soft': 0, 'hard': 1}], 'ioPriority': {'class': 'IOPRIO_CLASS_BE', 'priority': 3},
        'scheduler': {'policy': 'SCHED_BATCH', 'nice': 3}, 'execCPUAffinity': {'initial': '0-1', 'final': '0'}})
    c['mounts'] += [{'destination': '/a', 'type': 'bind', 'source': '/b', 'options': ['rbind', 'ro', 'rprivate', 'idmap']},
                    {'destination': '/t', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['size=1k', 'mode=700', 'tmpcopyup']}]
    hook = {'path': '/bin/true', 'args': ['true'], 'env': ['A=b'], 'timeout': 3}
    c['hooks'] = {k: [hook] for k in ('prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop')}
    c['annotations'] = {'org.coffer.userns.nested': '3', 'a': 'b'}
    linux = c['linux']
    linux['namespaces'] += [{'type': 'user'}, {'type': 'time'}]
    linux['uidMappings'] = linux['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]
    linux['timeOffsets'] = {'monotonic': {'secs': 1, 'nanosecs': 2}}
    linux['sysctl'] = {'net.ipv4.ip_forward': '1', 'kernel.msgmax': '8192'}
    linux['devices'] = [{'path': '/dev/x', 'type': 'c', 'major': 1, 'minor': 3, 'fileMode': 438, 'uid': 0, 'gid': 0}]
    linux['personality'] = {'domain': 'LINUX32'}
    linux['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86_64'],
                        'syscalls': [{'names': ['mkdir'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 1,
                                      'args': [{'index': 0, 'value': 1, 'op': 'SCMP_CMP_EQ'}]}]}
    linux['resources'] = {'memory': {'limit': 1 << 26}, 'cpu': {'shares': 512, 'quota': 1000, 'period': 10000, 'cpus': '0-1'},
                          'pids': {'limit': 10}, 'devices': [{'allow': False, 'access': 'rwm'}], 'unified': {'a.b': 'c'},
                          'blockIO': {'weight': 10, 'throttleReadBpsDevice': [{'major': 1, 'minor': 2, 'rate': 3}]}}
    return c


DEFAULT_CAPS = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FSETID', 'CAP_FOWNER', 'CAP_MKNOD', 'CAP_NET_RAW', 'CAP_SETGID', 'CAP_SETUID',
                'CAP_SETFCAP', 'CAP_SETPCAP', 'CAP_NET_BIND_SERVICE', 'CAP_SYS_CHROOT', 'CAP_KILL', 'CAP_AUDIT_WRITE']
PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'


def processes():
    """The process files of engines' `exec`, in their form."""
    three = {k: DEFAULT_CAPS for k in ('bounding', 'effective', 'permitted')}
    put('process', 'containerd', json.dumps({
        'user': {'uid': 0, 'gid': 0, 'additionalGids': [0, 10]}, 'args': ['sh', '-c', 'cat /proc/self/status'],
        'env': [PATH, 'HOSTNAME=a1b2c3'], 'cwd': '/', 'capabilities': three, 'noNewPrivileges': True,
        'rlimits': [{'type': 'RLIMIT_NOFILE', 'hard': 1024, 'soft': 1024}], 'oomScoreAdj': 999}))
    put('process', 'docker', json.dumps({
        'terminal': True, 'consoleSize': {'height': 24, 'width': 80}, 'user': {'uid': 1000, 'gid': 1000, 'additionalGids': [1000]},
        'args': ['/bin/sh'], 'env': [PATH, 'HOSTNAME=f00', 'TERM=xterm', 'HOME=/home/ada'], 'cwd': '/srv',
        'capabilities': {'bounding': DEFAULT_CAPS}, 'apparmorProfile': 'docker-default', 'oomScoreAdj': 0}))
    put('process', 'podman', json.dumps({
        'terminal': False, 'user': {'uid': 0, 'gid': 0, 'umask': 18, 'additionalGids': [0]}, 'args': ['ls', '/'],
        'env': [PATH, 'TERM=xterm', 'container=podman', 'HOME=/root'], 'cwd': '/',
        'capabilities': {**three, 'inheritable': [], 'ambient': []},
        'rlimits': [{'type': 'RLIMIT_NOFILE', 'hard': 1048576, 'soft': 1048576}, {'type': 'RLIMIT_NPROC', 'hard': 4194304, 'soft': 4194304}],
        'selinuxLabel': 'system_u:system_r:container_t:s0:c1,c2'}))
    put('process', 'all', json.dumps({
        'user': {'uid': 1, 'gid': 2}, 'args': ['a'], 'cwd': '/', 'commandLine': 'c', 'noNewPrivileges': False,
        'scheduler': {'policy': 'SCHED_DEADLINE', 'runtime': 1, 'deadline': 2, 'period': 3, 'flags': ['SCHED_FLAG_RECLAIM']},
        'ioPriority': {'class': 'IOPRIO_CLASS_RT', 'priority': 7}, 'execCPUAffinity': {'initial': '0-3,7', 'final': '8191'}}))
    put('process', 'words', '!ls\n-l\neA=b\neA=c\ncCAP_KILL\ncCAP_CHOWN\nw/tmp\nulabel')


def limits():
    put('resources', 'docker', json.dumps({
        'memory': {'limit': 1 << 26, 'reservation': 1 << 25, 'swap': 1 << 27, 'kernel': 0, 'kernelTCP': 0},
        'cpu': {'shares': 512, 'quota': 50000, 'period': 100000, 'realtimePeriod': 0, 'realtimeRuntime': 0, 'cpus': '0-1', 'mems': '0'},
        'pids': {'limit': 100}, 'blockIO': {'weight': 300}}))
    put('resources', 'kubelet', json.dumps({
        'devices': [{'allow': False, 'access': 'rwm'}], 'memory': {'limit': 1 << 27}, 'cpu': {'shares': 102, 'quota': 10000, 'period': 100000},
        'hugepageLimits': [{'pageSize': '2MB', 'limit': 0}, {'pageSize': '1GB', 'limit': 0}],
        'unified': {'memory.oom.group': '1', 'memory.min': '0', 'memory.high': '104857600'}}))
    put('resources', 'stored', json.dumps({
        'cpu': {'burst': 1000, 'quota': -1, 'idle': 1}, 'memory': {'swappiness': 60, 'checkBeforeUpdate': True},
        'blockIO': {'leafWeight': 10, 'weightDevice': [{'major': 8, 'minor': 0, 'weight': 10, 'leafWeight': 10}],
                    'throttleReadBpsDevice': [{'major': 8, 'minor': 0, 'rate': 1}], 'throttleWriteBpsDevice': [],
                    'throttleReadIOPSDevice': [{'major': 8, 'minor': 16, 'rate': 2}], 'throttleWriteIOPSDevice': [{'major': 8, 'minor': 0, 'rate': 3}]},
        'network': {'classID': 7, 'priorities': [{'name': 'eth0', 'priority': 1}]}, 'rdma': {'mlx5_1': {'hcaHandles': 3, 'hcaObjects': 4}}}) + '\n' +
        json.dumps({'cpu': {'quota': 2000, 'period': 10000, 'burst': 500}, 'blockIO': {'throttleReadBpsDevice': [{'major': 8, 'minor': 0, 'rate': 9}]},
                    'rdma': {'mlx5_1': {'hcaObjects': 5}}, 'pids': {'limit': -1}}))


MOUNTINFO = (b'24 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro\n'
             b'34 24 0:29 / /sys/fs/cgroup/memory rw,nosuid master:3 - cgroup cgroup rw,memory\n'
             b'35 24 0:30 /a\\040b /sys/fs/cgroup/cpu,cpuacct ro,idmapped - cgroup cgroup rw,cpu,cpuacct\n'
             b'36 24 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n'
             b'37 24 0:32 / /sys/fs/resctrl rw - resctrl resctrl rw\n38 24 0:33 / /proc rw,nosuid - proc proc rw,subset=pid\n')


def texts_of_the_kernel():
    put('mounts', 'overlay', b'\0rw,lowerdir=/a\\072b:/c::/d,upperdir=/u,workdir=/w,redirect_dir=on,context="a:b:c1\\054c2",xino=off')
    put('mounts', 'overlay-plus', b'\0ro,seclabel,lowerdir+=/a,lowerdir+=/b,datadir+=/c,metacopy=on,nooverride_creds')
    put('mounts', 'mountinfo', b'\1' + MOUNTINFO)
    put('mounts', 'audit', b'\2' + MOUNTINFO)
    cgroups = b'\n9:name=systemd:/\n4:memory:/a/b\n2:cpu,cpuacct:/a b/c\n0::/user.slice\n'
    put('mounts', 'cgroups', b'\3' + MOUNTINFO + cgroups)
    put('mounts', 'cgroups-relative', b'\4' + MOUNTINFO + cgroups)
    put('mounts', 'resctrl', b'\5' + MOUNTINFO)
    put('proc', 'name', b'\0) Z 1 1 1')
    put('proc', 'stat', b'\x01' b'77 (a b) S 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 81234567 0 0\n')
    put('proc', 'status', b'\2Name:\tsh\nUmask:\t0022\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapPrm:\t000001ffffffffff\nCapEff:\t000001ffffffffff\n'
        b'CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n')
    put('proc', 'notify', b'\3STATUS=up\nREADY=1\nMAINPID=5')
    put('proc', 'keys', b'\4    0:     5 4/4 3/1000000 88/25000000\n 1000:     1 1/1 1/200 9/20000\n')


def command_line():
    put('words', 'duration', b'\x001h30m0.5s')
    put('words', 'signal', b'\1SIGRTMIN+3')
    put('words', 'bytes', b'\x02512m')
    put('words', 'cpus', b'\x030-3,7,8191')
    put('words', 'update', b'\4--memory=512m\n--cpu-quota\n-1\n-r=-\n--cpuset-cpus=0-1\nid')
    put('words', 'update-stop', b'\5--pids-limit\n100\nid\n--memory\n1')
    put('output', 'annotations', 'io.kubernetes.cri.name\nweb "1"\nkey\n\x1b[31mä\u202e\\\tx')
    put('output', 'bytes', b'a\nb\xff\xc3(\x7f\xed\xa0\x80=')
    rules = [{'names': ['mkdir', 'acct'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 5,
              'args': [{'index': 1, 'value': 7, 'valueTwo': 7, 'op': 'SCMP_CMP_MASKED_EQ'}, {'index': 1, 'value': 9, 'op': 'SCMP_CMP_GT'}]}]
    put('seccomp', 'profile', b'\0' + json.dumps({'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
                                                   'flags': ['SECCOMP_FILTER_FLAG_LOG'], 'syscalls': rules}).encode())
    put('seccomp', 'allow-list', b'\0' + json.dumps({'defaultAction': 'SCMP_ACT_ERRNO', 'defaultErrnoRet': 1, 'syscalls': [
        {'names': ['read', 'write', 'execve', 'exit_group', 'clone3'], 'action': 'SCMP_ACT_ALLOW'}]}).encode())
    instruction = struct.Struct('<HBBI')
    put('seccomp', 'program', b'\1' + b''.join(instruction.pack(*i) for i in (
        (0x20, 0, 0, 4), (0x15, 1, 0, 0xc000003e), (0x06, 0, 0, 0), (0x20, 0, 0, 0), (0x35, 0, 1, 0x40000000), (0x06, 0, 0, 0x50026), (0x06, 0, 0, 0x7fff0000))))
    put('seccomp', 'cache', b'\2cfbpf\r\n\0' + struct.pack('<II', 1, 1) + bytes(400))
    # Slot (serial, entry, kind, ranges), then its detail (ids, root, share).
    slot = struct.pack('<QQQqQHHHH16x', 0, 7, 0, 0, 0, 1, 1, 1, 9) + struct.pack('<II', 100000, 65536) * 8
    detail = struct.pack('<QQIIIHHHHI4xQQQ', 0, 0, 0, 1, 1, 3, 2, 1, 0, 0, 0, 0, 0)[:72]
    put('ledger', 'lease', b'\1' + slot[:128].ljust(128, b'\0') + detail + struct.pack('<IIII', 100000, 65536, 100000, 65536) + b'c1\0/\0\0')
    put('ledger', 'torn', b'\x42' + slot + detail)
    put('ledger', 'file', b'\x80coffer-ids\0\0\0\0\0\0\1\0\0\0\x80\0\0\0')


def main():
    coffer = sys.argv[1]
    processes()
    limits()
    texts_of_the_kernel()
    command_line()
    basic, rootless = config(coffer), config(coffer, '--rootless')
    texts = {'spec': basic, 'rootless': rootless, 'rich': rich(config(coffer))}
    for name, value in texts.items():
        text = json.dumps(value, separators=(',', ':'))
        put('config', name, text)
        put('ocispec', name, text)
    header = struct.Struct('<II')
    put('msg', 'ready', bytes([1]) + header.pack(7, 0) + b'\0' * 16)
    put('msg', 'fail', bytes([40]) + header.pack(11, 952) + b'\0' * 952)
    put('blob', 'change', b'\1\x10\0\xff')
    put('blob', 'raw', b'\0' * 65)
    put('passwd', 'root', b'\0\0\x07root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:\n')
    put('passwd', 'broken', b'\xe8\x03\x01:::\n\nx:x:99999999999:0:::\nada:x:1000:1:a:/h:\n')
    # corpus/record/created is the state.json of a created container.
    put('subid', 'subuid', b'\0ada:100000:65536\n1000:300000:1\nroot:1:2\n')
    put('subid', 'passwd', b'\1root:x:0:0::/:\nada:x:1000:1000::/home/ada:/bin/sh\n')
    put('subid', 'conf', b'\2# comment\npolicy = enforce\nwindow = 100000:65536\nsize = 65536\nuser = coffer\n')
    put('subid', 'map', b'\3' b'0-100000-65536#65536-200000-1')
    put('subid', 'auto', b'\4auto:65536')
    put('mount-opts', 'tmpfs', 'tmpfs\nnosuid\nnodev\nmode=755\nsize=65536k\ntmpcopyup')
    put('mount-opts', 'bind', 'bind\nrbind\nrro\nrnosuid\nrelatime\nrslave\nidmap=uids=0-1-2;gids=0-1-2')
    put('mount-opts', 'overlay', 'overlay\nlowerdir=/a:/b\nupperdir=/c\nworkdir=/d\nridmap')
    put('host-text', 'status', b'\0Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\nSigIgn:\t0000000000000000\n')
    put('host-text', 'mountinfo', b'\1' b'34 24 0:29 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory\n')
    put('host-text', 'variant', b"\2{'a': <['x', \"y\"]>, 'b': <uint64 3>}")
    put('host-text', 'psi', bytes([4 + 5 * 4]) + b'some avg10=0.00 avg60=1.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n')
    put('host-text', 'blkio', bytes([4 + 5 * 3]) + b'8:0 Read 1\n8:0 Write 2\nTotal 3\n')


if __name__ == '__main__':
    main()
