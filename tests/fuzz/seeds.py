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


def main():
    coffer = sys.argv[1]
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
