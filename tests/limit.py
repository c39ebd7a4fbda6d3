#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a command with a time limit, and leaves no process of it behind.

usage: limit.py SECONDS COMMAND [ARG...]

timeout(1) reaches one process group; containers, and every nested timeout(1), have groups of their
own. Here all orphans of the command come back to this process, which is their subreaper, and at the
end everything below it is killed. The exit status is the command's, or 124 after the limit.
"""
import ctypes
import os
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def descendants():
    """Pids below this process, from one look at /proc."""
    children = {}
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open(f'/proc/{name}/stat', 'rb') as f:
                fields = f.read().rpartition(b')')[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append((int(name), fields[0] == b'Z'))
    found, todo = [], [os.getpid()]
    while todo:
        for pid, zombie in children.get(todo.pop(), []):
            todo.append(pid)
            if not zombie:
                found.append(pid)
    return found


def reap(wanted, flags):
    """Reaps one child; returns the exit status if it was the wanted one, False if nothing is there."""
    try:
        pid, status = os.waitpid(-1, flags)
    except ChildProcessError:
        return False
    if pid == 0:
        return False
    return os.waitstatus_to_exitcode(status) if pid == wanted else None


def kill_all():
    """Kills everything below, until nothing is left; how many it were."""
    killed = set()
    for _ in range(200):
        pids = descendants()
        while reap(0, os.WNOHANG) is not False:
            pass
        if not pids:
            break
        for pid in pids:
            killed.add(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.02)
    return len(killed)


class Timeout(Exception):
    pass


def on_alarm(signum, frame):
    raise Timeout


def on_end(signum, frame):
    kill_all()
    os._exit(128 + signum)


def main():
    seconds, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        try:
            os.execvp(command[0], command)
        except OSError as e:
            print(f'limit.py: {command[0]}: {e.strerror}', file=sys.stderr)
        os._exit(127)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, on_end)
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(seconds)
    status = None
    try:
        while status is None:
            status = reap(child, 0)
        signal.alarm(0)
    except Timeout:
        print(f'# killed after {seconds} s: {" ".join(command)}', flush=True)
        status = 124
    left = kill_all()
    if left and status != 124:
        print(f'# {left} processes were left behind and have been killed', flush=True)
    return status if status >= 0 else 128 - status


sys.exit(main())
