#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service manager's end of sd_notify(3): prints one line for every datagram, `fds=N` behind it.

usage: notify-manager.py ADDRESS [BARRIER_DELAY]   (ADDRESS: a path, or @name)
"""
import array
import os
import socket
import sys
import time

address = sys.argv[1]
delay = float(sys.argv[2]) if len(sys.argv) > 2 else 0
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if address.startswith('@'):
    s.bind('\0' + address[1:])
else:
    os.chdir(os.path.dirname(address))
    s.bind(os.path.basename(address))
print('listening', flush=True)
while True:
    data, control, _, _ = s.recvmsg(4096, 1024)
    fds = array.array('i')
    for level, kind, payload in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload)
    if fds:
        time.sleep(delay)
    print(repr(data.decode())[1:-1], f'fds={len(fds)}', flush=True)
    for fd in fds:
        os.close(fd)
