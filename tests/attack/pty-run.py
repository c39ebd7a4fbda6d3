#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a command attached to a fresh terminal as a session of its own, as a login shell would, and
prints what the command wrote. Afterwards it prints `INJECTED <repr>` with every byte that waits in
the terminal's input queue: nobody typed anything, so it must be empty."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
import tty


def become_session_leader():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def main():
    master, slave = pty.openpty()
    tty.setraw(slave)
    process = subprocess.Popen(sys.argv[1:], stdin=slave, stdout=slave, stderr=slave,
                               start_new_session=True, preexec_fn=become_session_leader)
    output = b""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            output += os.read(master, 65536)
        elif process.poll() is not None:
            break
    else:
        process.kill()
    injected = b""
    if select.select([slave], [], [], 0.2)[0]:
        injected = os.read(slave, 4096)
    sys.stdout.write(output.decode("utf-8", "replace"))
    print("INJECTED %r" % injected)
    print("STATUS %d" % process.wait())


if __name__ == "__main__":
    main()
