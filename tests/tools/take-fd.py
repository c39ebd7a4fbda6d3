#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes one connection on a stream socket and prints its payload, what each descriptor is, and the pid of a pidfd.

usage: take-fd.py SOCKET
"""
import array
import os
import socket
import sys

os.chdir(os.path.dirname(sys.argv[1]))
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.bind(os.path.basename(sys.argv[1]))
s.listen(1)
s.settimeout(30)
conn, _ = s.accept()
data, control, _, _ = conn.recvmsg(4096, 1024)
print('payload=[' + data.decode() + ']')
for level, kind, payload in control:
    fds = array.array('i')
    fds.frombytes(payload)
    for fd in fds:
        print('fd=' + os.readlink(f'/proc/self/fd/{fd}'))
        for line in open(f'/proc/self/fdinfo/{fd}'):
            if line.startswith('Pid:'):
                print('pid=' + line.split()[1])
