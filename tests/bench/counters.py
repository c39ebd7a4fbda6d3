# SPDX-License-Identifier: LGPL-2.1-or-later
"""Figures that do not depend on the machine: system calls, processes, executed images, page
faults, memory. They are taken from traces of single runs."""

import collections
import json
import os
import re
import subprocess
import tempfile
import time

# Hard limits of the default container; --counters-only fails when one is broken.
LIMIT_SYSCALLS = 280
LIMIT_EXEC_SYSCALLS = 162  # of these the dynamic loader needs 29, the bounding set 38
LIMIT_RSS_KB = 3 * 1024
LIMIT_INIT_PSS_KB = 100
LIMIT_PROCESSES = 2
LIMIT_IMAGES = 2
SLOW_SECONDS = 0.002

LINE = re.compile(r"^(\d+) +(?:[\d.]+ +)?(\w+)\((.*)$")
RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
RESULT = re.compile(r"\) += (-?\d+|0x[0-9a-f]+|\?)([^<]*)(?:<([\d.]+)>)?$")

# Calls that wait for somebody else by their nature: their time is not the kernel's own.
WAITING = {
    "wait4", "waitid", "poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait", "read",
    "recvmsg", "recvfrom", "futex", "pause", "nanosleep", "clock_nanosleep", "accept4", "openat",
    "restart_syscall", "rt_sigtimedwait", "rt_sigsuspend", "execve", "execveat", "exit",
    "exit_group", "vfork", "clone", "ioctl", "flock", "epoll_pwait2",
}
SLEEPS = {"nanosleep", "clock_nanosleep"}
POLLS = {"poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait"}


class Call:
    __slots__ = ("pid", "name", "args", "result", "seconds", "text")

    def __init__(self, pid, name, args, result, seconds, text):
        self.pid, self.name, self.args = pid, name, args
        self.result, self.seconds, self.text = result, seconds, text


def parse_trace(path):
    """The calls of an `strace -f -T` file, unfinished ones joined with their ends."""
    calls = []
    pending = {}
    with open(path, encoding="utf-8", errors="replace") as f:
        for raw in f:
            line = raw.rstrip("\n")
            m = RESUMED.match(line)
            if m:
                start = pending.pop(m.group(1), None)
                args = (start or "") + m.group(3)
                name = m.group(2)
                pid = m.group(1)
            else:
                m = LINE.match(line)
                if not m:
                    continue
                pid, name, args = m.groups()
                if args.endswith("<unfinished ...>"):
                    pending[pid] = args[: -len("<unfinished ...>")]
                    continue
            r = RESULT.search(args)
            result = r.group(1) if r else "?"
            note = r.group(2) if r else ""
            seconds = float(r.group(3)) if r and r.group(3) else 0.0
            calls.append(Call(pid, name, args, result, seconds, note))
    for pid, args in pending.items():
        calls.append(Call(pid, "unfinished", args, "?", 0.0, ""))
    return calls


def trace(candidate, command, stopwatch, directory):
    """Runs the command under strace; returns the parsed calls."""
    if candidate.memlock:
        command = [stopwatch.program, "exec-memlock"] + command
    handle, path = tempfile.mkstemp(dir=directory, suffix=".trace")
    os.close(handle)
    result = subprocess.run(["strace", "-f", "-T", "-s", "256", "-o", path] + command,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    if result.returncode != 0:
        raise RuntimeError("%s: exit %d: %s" % (command, result.returncode, result.stderr))
    calls = parse_trace(path)
    if candidate.memlock:
        # What the helper did before it executed the candidate does not count.
        execs = [i for i, c in enumerate(calls) if c.name == "execve"]
        calls = calls[execs[1]:]
    return calls


def failed(call):
    return call.result.startswith("-") or call.result == "?"


def analyse(calls):
    """The counters of one traced run."""
    names = collections.Counter(c.name for c in calls if c.name != "unfinished")
    pids = []
    for c in calls:
        if c.pid not in pids:
            pids.append(c.pid)
    threads = 0
    for c in calls:
        if c.name in ("clone", "clone3") and not failed(c) and "CLONE_THREAD" in c.args:
            threads += 1
    images = [c for c in calls if c.name in ("execve", "execveat")
              and (c.result == "0" or (c.result == "?" and c is not None))]
    slow = [c for c in calls if c.seconds > SLOW_SECONDS and c.name not in WAITING]
    sleeps = [c for c in calls if c.name in SLEEPS]
    sleeps += [c for c in calls if c.name in POLLS and c.result == "0" and "Timeout" in c.text
               and c.seconds > 0.0005]
    mountinfo = [c for c in calls if c.name in ("open", "openat", "openat2")
                 and re.search(r'/(mountinfo|mounts)"|"mountinfo"', c.args)]
    grace = [c for c in calls if c.name == "write" and re.search(r"cgroup\.procs", c.args)]
    return {
        "syscalls": sum(names.values()),
        "by_name": dict(names.most_common()),
        "processes": len(pids) - threads,
        "threads": threads,
        "images": len(images) - 1,
        "slow": ["%s(%s %.1f ms" % (c.name, c.args[:60], c.seconds * 1000) for c in slow],
        "longest_ms": max([c.seconds * 1000 for c in calls if c.name not in WAITING] or [0]),
        "sleeps": ["%s(%s" % (c.name, c.args[:60]) for c in sleeps],
        "mountinfo": ["%s(%s" % (c.name, c.args[:80]) for c in mountinfo],
        "cgroup_procs": len(grace),
    }


def state_pid(candidate, container):
    out = subprocess.run(candidate.command("state", container), capture_output=True, text=True,
                         check=True).stdout
    return json.loads(out)["pid"]


def memory_of(pid):
    """RSS and PSS of a process in KB."""
    values = {}
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
        for line in f:
            key, _, rest = line.partition(":")
            if key in ("Rss", "Pss"):
                values[key.lower()] = int(rest.split()[0])
    return values.get("rss", 0), values.get("pss", 0)


def collect(candidate, stopwatch, directory, userns):
    """All counters of one candidate and variant."""
    command = candidate.command("run", candidate.new_id(), userns=userns)
    time.sleep(0.05)
    data = analyse(trace(candidate, command, stopwatch, directory))
    result = stopwatch.run(candidate, candidate.command("run", candidate.new_id(), userns=userns))
    data["minflt"] = result["minflt"]
    data["maxrss_kb"] = result["maxrss_kb"]
    data["switches"] = result["vcsw"] + result["icsw"]
    container = candidate.new_id()
    result = stopwatch.run(candidate, candidate.command("create", container, userns=userns))
    if result["status"] == 0:
        data["init_rss_kb"], data["init_pss_kb"] = memory_of(state_pid(candidate, container))
        stopwatch.run(candidate, candidate.command("delete-force", container))
        stopwatch.reap(200)
    for verb in ("state", "start", "delete"):
        data[verb + "_syscalls"] = lifecycle_syscalls(candidate, stopwatch, directory, verb, userns)
    data["exec_syscalls"] = exec_syscalls(candidate, stopwatch, directory, userns)
    return data


def exec_syscalls(candidate, stopwatch, directory, userns):
    """System calls of `exec`, on both sides, up to the payload; None of who cannot do it."""
    container = candidate.new_id()
    stopwatch.run(candidate, candidate.command("create", container, "/bin/pause", userns))
    stopwatch.run(candidate, candidate.command("start", container))
    try:
        calls = trace(candidate, candidate.command("exec", container, userns=userns), stopwatch,
                      directory)
    except RuntimeError:
        return None
    finally:
        stopwatch.run(candidate, candidate.command("delete-force", container))
        stopwatch.reap(200)
    return sum(1 for c in calls if c.name != "unfinished") - 1


def lifecycle_syscalls(candidate, stopwatch, directory, verb, userns):
    """System calls of one verb on a container in the state it is meant for."""
    container = candidate.new_id()
    stopwatch.run(candidate, candidate.command("create", container, userns=userns))
    if verb == "delete":
        stopwatch.run(candidate, candidate.command("start", container))
        stopwatch.reap(500)
    calls = trace(candidate, candidate.command(verb, container), stopwatch, directory)
    if verb != "delete":
        stopwatch.run(candidate, candidate.command("delete-force", container))
    stopwatch.reap(200)
    # `start` also lets the payload go, whose one call is not the runtime's.
    first = calls[0].pid if calls else ""
    return sum(1 for c in calls if c.pid == first)


def broken_limits(plain, userns):
    """Sentences about every broken hard limit."""
    out = []

    def limit(name, data, key, most):
        if data.get(key) is None or data[key] > most:
            out.append("%s: %s is %s, the limit is %d" % (name, key, data.get(key), most))

    limit("run", plain, "syscalls", LIMIT_SYSCALLS)
    limit("exec", plain, "exec_syscalls", LIMIT_EXEC_SYSCALLS)
    for name, data in (("run", plain), ("run with user namespace", userns)):
        limit(name, data, "maxrss_kb", LIMIT_RSS_KB)
        limit(name, data, "init_pss_kb", LIMIT_INIT_PSS_KB)
        limit(name, data, "processes", LIMIT_PROCESSES)
        limit(name, data, "images", LIMIT_IMAGES)
        for key, what in (("sleeps", "sleeps"), ("mountinfo", "reads the mount table")):
            if data[key]:
                out.append("%s: %s: %s" % (name, what, "; ".join(data[key])))
        if data["cgroup_procs"]:
            out.append("%s: writes cgroup.procs, which waits for a grace period" % name)
    return out
