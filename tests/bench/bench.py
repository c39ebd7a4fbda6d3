#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares coffer with the floor program and with the runtimes of this machine.

All candidates are measured interleaved, in random order, in one go: only figures of one run may be
compared. Needs root. Everything happens in a private mount namespace with cgroup v2 on
/sys/fs/cgroup and tmpfs state roots, in cgroups below one directory of our own.
"""

import argparse
import json
import os
import platform
import random
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # no caches in the source tree
# ruff: noqa: E402
import bundles
import candidates
import counters
import load
import report
import seccompgen

PAUSE = 0.010
IDLE = 0.050
PRIVATE = "COFFER_BENCH_PRIVATE"


class Stopwatch:
    """Client of the `measure` program."""

    FIELDS = ["status", "wall_ns", "user_us", "system_us", "maxrss_kb", "minflt", "majflt", "vcsw",
              "icsw"]

    def __init__(self, program, errors):
        self.program = program
        self.process = subprocess.Popen([program, "fifo"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=errors, text=True)
        self.real_time = self.process.stdout.readline().strip() == "rt=yes"

    def _ask(self, fields):
        self.process.stdin.write("\x1f".join(fields) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().split()

    def run(self, candidate, command):
        return self.run_command(command, "run-memlock" if candidate.memlock else "run")

    def run_command(self, command, request="run"):
        values = dict(zip(self.FIELDS, map(int, self._ask([request] + command))))
        values["wall_ms"] = values["wall_ns"] / 1e6
        values["cpu_ms"] = (values["user_us"] + values["system_us"]) / 1e3
        return values

    def reap(self, milliseconds=0):
        return int(self._ask(["reap", str(milliseconds)])[0])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Failure(Exception):
    pass


class Round:
    """Runs the cases of one candidate and variant and stores the samples."""

    def __init__(self, bench, number):
        self.bench, self.number = bench, number

    def _measure(self, candidate, case, command, gap):
        time.sleep(gap)
        result = self.bench.stopwatch.run(candidate, command)
        if result["status"] != 0:
            raise Failure("%s: %s: exit %d" % (case or "a step", " ".join(command), result["status"]))
        if case and case in self.bench.cases:
            self._keep(candidate, case, result)
        return result

    def _keep(self, candidate, case, result):
        self.bench.samples.setdefault(case, {}).setdefault(candidate.name, {})[self.number] = {
            key: result[key] for key in ("wall_ms", "cpu_ms", "minflt", "maxrss_kb")}

    def run(self, c, userns):
        suffix = "-userns" if userns else ""
        self._measure(c, "run" + suffix, c.command("run", c.new_id(), userns=userns), IDLE)

    def lifecycle(self, c, userns):
        suffix = "-userns" if userns else ""
        container = c.new_id()
        self._measure(c, "create" + suffix, c.command("create", container, userns=userns), IDLE)
        self._measure(c, "state" + suffix, c.command("state", container), PAUSE)
        self._measure(c, "start" + suffix, c.command("start", container), IDLE)
        self.bench.stopwatch.reap(1000)
        self._measure(c, "delete" + suffix, c.command("delete", container), PAUSE)

    def force(self, c, userns):
        suffix = "-userns" if userns else ""
        container = c.new_id()
        command = c.command("create", container, program="/bin/pause", userns=userns)
        self._measure(c, None, command, 0)
        self._measure(c, None, c.command("start", container), 0)
        self._measure(c, "delete-force" + suffix, c.command("delete-force", container), IDLE)
        self.bench.stopwatch.reap(200)

    def enter(self, c, userns):
        """`exec` into a running container: several, as making the container costs more."""
        suffix = "-userns" if userns else ""
        container = c.new_id()
        create = c.command("create", container, program="/bin/pause", userns=userns)
        self._measure(c, None, create, 0)
        try:
            self._measure(c, None, c.command("start", container), 0)
            command = c.command("exec", container, userns=userns)
            best = min((self._measure(c, None, command, PAUSE) for _ in range(3)),
                       key=lambda r: r["wall_ms"])
            self._keep(c, "exec" + suffix, best)
        finally:
            self._measure(c, None, c.command("delete-force", container), 0)
            self.bench.stopwatch.reap(200)

    def seccomp_warm(self, c, userns):
        command = c.command("run", c.new_id(), seccomp=self.bench.profile)
        self._measure(c, "run-seccomp-warm", command, IDLE)

    def seccomp_cold(self, c, userns):
        kept = c.state
        c.use_state("%s-cold%d" % (kept, self.number))
        try:
            command = c.command("run", c.new_id(), seccomp=self.bench.profile)
            self._measure(c, "run-seccomp-cold", command, IDLE)
        finally:
            shutil.rmtree(c.state, ignore_errors=True)
            c.state = kept


STEPS = {
    "run": (Round.run, False), "run-userns": (Round.run, True),
    "lifecycle": (Round.lifecycle, False), "lifecycle-userns": (Round.lifecycle, True),
    "force": (Round.force, False), "force-userns": (Round.force, True),
    "exec": (Round.enter, False), "exec-userns": (Round.enter, True),
    "seccomp-warm": (Round.seccomp_warm, False), "seccomp-cold": (Round.seccomp_cold, False),
}
CASES = {
    "run": "run", "run-userns": "run-userns", "run-seccomp-warm": "seccomp-warm",
    "run-seccomp-cold": "seccomp-cold",
    **{v: "lifecycle" for v in ("create", "start", "state", "delete")}, "delete-force": "force",
    **{v + "-userns": "lifecycle-userns" for v in ("create", "start", "state", "delete")},
    "delete-force-userns": "force-userns", "exec": "exec", "exec-userns": "exec-userns",
}
SHORT = ["run", "run-userns", "exec", "create", "state", "start", "delete", "delete-force"]


class Bench:
    def __init__(self, options, top):
        self.options = options
        self.top = top
        self.samples = {}
        self.broken = {}
        self.cases = options.cases
        self.profile = seccompgen.profile()
        self.cgroup = "coffer-bench-%d" % os.getpid()
        os.mkdir("/sys/fs/cgroup/" + self.cgroup)
        seccomp_file = os.path.join(top, "filter.bpf")
        with open(seccomp_file, "wb") as f:
            f.write(seccompgen.compiled())
        programs = {"true": self.program("nolibc-true"),
                    "pause": self.program("nolibc-pause")}
        self.errors = open(os.path.join(top, "errors"), "w+", encoding="utf-8")
        self.bundles = bundles.Bundles(os.path.join(top, "bundles"), programs, self.cgroup)
        paths = {"floor": self.program("floor"), "coffer": options.coffer, "crun": options.crun,
                 "runc": options.runc}
        self.candidates = candidates.find(options.candidates, paths, os.path.join(top, "state"),
                                          self.bundles, seccomp_file)
        self.stopwatch = Stopwatch(self.program("measure"), self.errors)

    def program(self, name):
        """A program of the tests in the build directory."""
        for part in ("", "tests/bench", "tests/tools", "bench", "tools"):
            path = os.path.join(self.options.build, part, name)
            if os.access(path, os.X_OK):
                return os.path.abspath(path)
        sys.exit("bench: %s is not built in %s (see --build)" % (name, self.options.build))

    def names(self):
        return [c.name for c in self.candidates]

    def check(self):
        """Each candidate must be able to run each step; what cannot is left out, in sight."""
        for c in self.candidates:
            for step in self.steps():
                method, userns = STEPS[step]
                try:
                    method(Round(self, -1), c, userns)
                except (Failure, ValueError) as e:
                    self.broken.setdefault(step, {})[c.name] = str(e)
                    self.errors.flush()
                    print("bench: %s cannot do `%s`: %s" % (c.name, step, e), file=sys.stderr)
                    print(self.last_error(), file=sys.stderr)
        self.samples.clear()

    def last_error(self):
        with open(os.path.join(self.top, "errors"), encoding="utf-8", errors="replace") as f:
            return "".join(f.readlines()[-3:]).rstrip()

    def steps(self):
        return [s for s in STEPS if any(CASES[c] == s for c in self.cases)]

    def rounds(self):
        order = [(c, s) for c in self.candidates for s in self.steps()
                 if c.name not in self.broken.get(s, {})]
        begin = time.monotonic()
        for number in range(self.options.rounds):
            random.shuffle(order)
            for c, step in order:
                method, userns = STEPS[step]
                try:
                    method(Round(self, number), c, userns)
                except Failure as e:
                    print("bench: %s (round %d)\n%s" % (e, number, self.last_error()),
                          file=sys.stderr)
                time.sleep(PAUSE)
            if sys.stderr.isatty():
                print("\rround %d of %d, %.0f s " % (number + 1, self.options.rounds,
                                                     time.monotonic() - begin),
                      end="", file=sys.stderr)
        if sys.stderr.isatty():
            print(file=sys.stderr)

    def counters(self):
        found = {}
        for c in self.candidates:
            for userns in (False, True):
                key = c.name + ("+userns" if userns else "")
                try:
                    found[key] = counters.collect(c, self.stopwatch, self.top, userns)
                except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as e:
                    print("bench: counters of %s: %s" % (key, e), file=sys.stderr)
        return found

    def close(self):
        for c in self.candidates:
            kept = os.listdir(c.state) if os.path.isdir(c.state) else []
            for container in kept:
                if container.startswith(c.name):
                    self.stopwatch.run(c, c.command("delete-force", container))
        self.stopwatch.reap(200)
        self.stopwatch.close()
        for base, _, _ in sorted(os.walk("/sys/fs/cgroup/" + self.cgroup), reverse=True):
            try:
                os.rmdir(base)
            except OSError as e:
                print("bench: left behind %s: %s" % (base, e), file=sys.stderr)


def private_namespace(top):
    """Second start, inside `unshare -m`: the mounts that nobody outside sees."""
    with open("/proc/self/mounts", encoding="ascii") as f:
        cgroup = [line.split()[2] for line in f if line.split()[1] == "/sys/fs/cgroup"]
    if not cgroup or cgroup[-1] != "cgroup2":
        subprocess.run(["mount", "-t", "cgroup2", "none", "/sys/fs/cgroup"], check=True)
    os.makedirs(top, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", top], check=True)
    # Some runtimes give their standard streams to the container's user: let it be a null device of ours.
    null = os.path.join(top, "null")
    os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.chmod(null, 0o666)
    subprocess.run(["mount", "--bind", null, "/dev/null"], check=True)


def parse_arguments():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--coffer", help="path of coffer (default: the one in PATH)")
    p.add_argument("--crun", help="path of crun")
    p.add_argument("--runc", help="path of runc")
    p.add_argument("--build", default=here,
                   help="build directory (or the directory of the built floor, measure, ...)")
    p.add_argument("--candidates", type=lambda s: s.split(","),
                   help="only these: " + ",".join(candidates.ORDER))
    p.add_argument("--rounds", type=int, default=50)
    p.add_argument("--quick", action="store_true", help="5 rounds, the short list of cases")
    p.add_argument("--cases", type=lambda s: s.split(","), help="among: " + ", ".join(CASES))
    p.add_argument("--json", help="write samples, summary and counters to this file")
    p.add_argument("--svg", help="write the plot here (default: beside --json)")
    p.add_argument("--load", action="store_true",
                   help="instead: 100 containers at parallelism 1, 8 and 32, and 100 exec probes")
    p.add_argument("--no-counters", action="store_true")
    p.add_argument("--counters-only", action="store_true",
                   help="only coffer's counters; exit 1 when a limit is broken")
    options = p.parse_args()
    if options.quick:
        options.rounds = min(options.rounds, 5)
    options.cases = options.cases or (SHORT if options.quick else list(CASES))
    unknown = [c for c in options.cases if c not in CASES]
    if unknown:
        p.error("unknown case %s" % unknown[0])
    return options


def counters_only(bench):
    found = bench.counters()
    print(report.counter_table(found))
    if "coffer" not in found or "coffer+userns" not in found:
        print("bench: no counters of coffer", file=sys.stderr)
        return 1, found
    broken = counters.broken_limits(found["coffer"], found["coffer+userns"])
    for sentence in broken:
        print("LIMIT BROKEN: " + sentence)
    if not broken:
        print("all counter limits hold")
    return (1 if broken else 0), found


def compare(bench, options):
    names = bench.names()
    print("kernel %s, %d cpus, real-time policy: %s, rounds: %d" %
          (platform.release(), os.cpu_count(), "yes" if bench.stopwatch.real_time else "no",
           options.rounds))
    print("state roots: tmpfs; payload: two instructions; candidates: " + ", ".join(
        "%s (%s)" % (c.name, c.path) for c in bench.candidates))
    bench.check()
    bench.rounds()
    bench.samples = {case: bench.samples[case] for case in CASES if case in bench.samples}
    rows = report.summary(bench.samples, names)
    print(report.table(rows, names))
    found = {}
    if not options.no_counters:
        found = bench.counters()
        print()
        print(report.counter_table(found))
    print()
    print(report.ascii_plot(rows))
    if "coffer" in names:
        print()
        print(report.targets(bench.samples, "coffer"))
    svg = options.svg or (os.path.splitext(options.json)[0] + ".svg" if options.json else None)
    if svg:
        title = "Container operations, %d rounds, %s" % (options.rounds, platform.release())
        with open(svg, "w", encoding="utf-8") as f:
            f.write(report.svg_plot(rows, names, title))
    return rows, found


def main():
    options = parse_arguments()
    # A signal that the caller ignores (nohup) is passed on by every program, and costs calls to say so.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    if os.geteuid() != 0:
        sys.exit("bench: needs root")
    if not options.no_counters and not shutil.which("strace"):
        sys.exit("bench: the counters need strace (or --no-counters)")
    if PRIVATE not in os.environ:
        top = tempfile.mkdtemp(prefix="coffer-bench-")
        # The mapped root of the user namespace cases must be able to reach the root filesystem.
        os.chmod(top, 0o755)
        try:
            sys.exit(subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable]
                                    + sys.argv, env={**os.environ, PRIVATE: top},
                                    check=False).returncode)
        finally:
            os.rmdir(top)
    top = os.environ.pop(PRIVATE)
    private_namespace(top)
    status = 0
    rows = []
    if options.counters_only:
        options.candidates = ["coffer"]
    bench = Bench(options, top)
    try:
        if options.counters_only:
            status, found = counters_only(bench)
        elif options.load:
            found, status = load.compare(bench.candidates, bench.stopwatch)
        else:
            rows, found = compare(bench, options)
        if options.json:
            with open(options.json, "w", encoding="utf-8") as f:
                json.dump({"kernel": platform.release(), "rounds": options.rounds,
                           "real_time": bench.stopwatch.real_time, "summary": rows,
                           "counters": found, "samples": bench.samples}, f, indent=1)
    finally:
        bench.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
