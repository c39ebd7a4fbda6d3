# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many at once: 100 containers created, started and deleted at several degrees of parallelism, and 100 probes by
exec in one container. Wall time, and CPU time of everything that was waited for."""

import concurrent.futures
import os
import resource
import subprocess
import threading
import time

COUNT = 100
PARALLEL = (1, 8, 32)
BUNDLES = threading.Lock()  # a command line may write the bundle that it names


def quiet(candidate, stopwatch, verb, container, **options):
    with BUNDLES:
        command = candidate.command(verb, container, **options)
        if "--bundle" in command and candidate.name != "floor":
            # A bundle names its cgroup, which no two containers may have.
            command[command.index("--bundle") + 1] = candidate.bundles.get(candidate.name, tag=container, **options)
    if candidate.memlock:
        command = [stopwatch.program, "exec-memlock"] + command
    # No pipe: the container would keep it open.
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
                   timeout=300)


def life(candidate, stopwatch, container):
    quiet(candidate, stopwatch, "create", container, program="/bin/pause")
    quiet(candidate, stopwatch, "start", container)
    quiet(candidate, stopwatch, "delete-force", container)


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(work):
    begin, cpu = time.monotonic(), cpu_seconds()
    work()
    return {"wall_s": time.monotonic() - begin, "cpu_s": cpu_seconds() - cpu}


def lives(candidate, stopwatch, parallel):
    ids = [candidate.new_id() for _ in range(COUNT)]
    with concurrent.futures.ThreadPoolExecutor(parallel) as pool:
        list(pool.map(lambda container: life(candidate, stopwatch, container), ids))


def probes(candidate, stopwatch):
    """One after the other, as a kubelet does it; without the interpreter between them."""
    container = candidate.new_id()
    quiet(candidate, stopwatch, "create", container, program="/bin/pause")
    quiet(candidate, stopwatch, "start", container)
    try:
        command = candidate.command("exec", container)
        results = [stopwatch.run(candidate, command) for _ in range(COUNT)]
        broken = [r["status"] for r in results if r["status"] != 0]
        if broken:
            raise subprocess.CalledProcessError(broken[0], command)
        found = {"wall_s": sum(r["wall_ms"] for r in results) / 1e3, "cpu_s": sum(r["cpu_ms"] for r in results) / 1e3,
                 "maxrss_kb": max(r["maxrss_kb"] for r in results),
                 "minflt": sum(r["minflt"] for r in results) // COUNT}
    finally:
        quiet(candidate, stopwatch, "delete-force", container)
        stopwatch.reap(500)
    return found


def compare(candidates, stopwatch):
    """Prints a table; what a candidate cannot do is said and left out. Returns figures, and 1 if coffer cannot."""
    found, status = {}, 0
    print("%d containers (create, start, delete --force) and %d probes, %d cpus" % (COUNT, COUNT, os.cpu_count()))
    print("%-24s %-8s %9s %9s %9s %9s" % ("case", "", "wall s", "cpu s", "peak KB", "faults"))
    cases = [("parallel %d" % n, lambda c, n=n: timed(lambda: lives(c, stopwatch, n))) for n in PARALLEL]
    cases.append(("exec probes", lambda c: probes(c, stopwatch)))
    for name, run in cases:
        for c in candidates:
            try:
                data = run(c)
            except (OSError, subprocess.SubprocessError) as e:
                print("%-24s %-8s failed: %s" % (name, c.name, e))
                status |= c.name == "coffer"
                continue
            found.setdefault(name, {})[c.name] = data
            print("%-24s %-8s %9.2f %9.2f %9s %9s" % (name, c.name, data["wall_s"], data["cpu_s"],
                                                      data.get("maxrss_kb", ""), data.get("minflt", "")))
        print(ratios(name, found.get(name, {})))
    return found, int(status)


def ratios(name, data, ours="coffer"):
    """One line: our wall and CPU time against everybody else's."""
    if ours not in data:
        return "%-24s no figures of %s" % (name, ours)
    return "%-24s %s is " % (name, ours) + ", ".join(
        "%.2f x (cpu %.2f x) %s" % (data[ours]["wall_s"] / d["wall_s"], data[ours]["cpu_s"] / d["cpu_s"], other)
        for other, d in data.items() if other != ours and d["wall_s"] and d["cpu_s"])
