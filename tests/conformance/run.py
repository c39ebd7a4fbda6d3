#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the validation programs of the OCI runtime tools against a runtime: the tier `conformance`.

usage: run.py --programs DIR --runtime COMMAND [--results FILE] [--limit SECONDS] [--keep DIR] [--referee] [PROGRAM...]

Each program runs alone, in namespaces and cgroups of its own (sandbox.py), with a time limit. A test of a
program fails, or a program fails as a whole: it ends with another status than 0, says no result, or leaves
something behind. What is in the list `expected-failures` must fail, everything else must not. What tests/run
counts is in the results file, words separated by tabs:

  pass TEXT | fail TEXT | skip TEXT | expected TEXT

What a program skips because its own configuration says nothing about it is only counted. With --referee the list is not looked at, and only the outcomes are shown: for another runtime.
"""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import expected
import sandbox

HERE = os.path.dirname(os.path.abspath(__file__))
UNCONFIGURED = re.compile(r' not set$| unconfigured |^syscall action|^linux.rootfsPropagation|^no ')
NOT_PROGRAMS = ('runtimetest',)


def programs_of(directory):
    return sorted(n for n in os.listdir(directory)
                  if os.access(os.path.join(directory, n), os.X_OK) and n not in NOT_PROGRAMS and
                  os.path.isfile(os.path.join(directory, n)))


# ---- inside of the namespaces ----
def inside(arguments):
    """Runs one program, cleans up behind it and reports, as JSON on a descriptor."""
    program, scratch = arguments.program[0], arguments.inside
    wanted = sandbox.from_text(arguments.hierarchies)
    sandbox.enter(scratch, wanted)
    report = os.fdopen(arguments.report, 'w')
    state = os.path.join(scratch, 'state')
    os.mkdir(state)
    work, tmp = os.path.join(scratch, 'work'), os.path.join(scratch, 'tmp')
    os.mkdir(work)
    os.mkdir(tmp, 0o1777)
    os.chmod(tmp, 0o1777)
    for name in os.listdir(arguments.programs):
        if name.startswith('rootfs-') or name == 'runtimetest':
            shutil.copy2(os.path.join(arguments.programs, name), work)
    wrapper = os.path.join(scratch, 'runtime')
    with open(wrapper, 'w') as f:
        f.write('#!/bin/sh\nexec %s --root "%s" "$@"\n' % (arguments.runtime, state))
    os.chmod(wrapper, 0o755)
    environment = dict(os.environ, RUNTIME=wrapper, TMPDIR=tmp)
    with open(os.path.join(scratch, 'out'), 'w') as out, open(os.path.join(scratch, 'err'), 'w') as err:
        child = subprocess.Popen([os.path.join(arguments.programs, program)], cwd=work, env=environment, stdin=subprocess.DEVNULL,
                                 stdout=out, stderr=err)
        # Orphans come to this process, the first of its namespace.
        status, end = None, time.monotonic() + arguments.limit
        while status is None and time.monotonic() < end:
            try:
                pid, code = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == child.pid:
                status = os.waitstatus_to_exitcode(code)
            elif pid == 0:
                time.sleep(0.02)
    over = status is None
    if over:
        os.kill(child.pid, signal.SIGKILL)
    left = []
    for name in os.listdir(state):
        if os.path.isdir(os.path.join(state, name)) and not name.startswith('.'):
            done = subprocess.run([wrapper, 'delete', '--force', name], capture_output=True, text=True, timeout=30)
            if done.returncode:
                left.append('delete --force %s: %s' % (name, done.stderr.strip()))
    # Not of the runtime: helpers that a program started and forgot.
    for name in os.listdir('/proc'):
        if name.isdigit() and int(name) != os.getpid():
            try:
                executable = os.readlink('/proc/%s/exe' % name)
            except OSError:
                continue
            if 'coffer' not in executable and 'memfd' not in executable and 'runtimetest' not in executable:
                os.kill(int(name), signal.SIGKILL)
    reap(0.2)
    left += sandbox.leftovers(wanted)
    with open('/proc/self/mountinfo') as f:
        left += ['mount ' + line.split()[4] for line in f if ' %s/' % scratch in line]
    json.dump({'status': status, 'over': over, 'left': left}, report)
    report.close()
    return 0


def reap(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.02)
        except ChildProcessError:
            return


# ---- outside ----
def parse(text):
    """The top level of a TAP stream: [(ok, description, skip reason or None)], and the plan or None.

    Some programs count nothing, and only print an error if there is one: that is their single test."""
    tests, plan = [], None
    errors = []
    for line in text.splitlines():
        if line.startswith('    "error": '):
            errors.append(json.loads(line[len('    "error": '):].rstrip(',')))
        if line.startswith('1..'):
            plan = int(line[3:].split()[0])
            continue
        for word in ('ok ', 'not ok '):
            if line.startswith(word):
                rest = line[len(word):]
                number, _, what = rest.partition(' ')
                if not number.isdigit():
                    break
                what = what.removeprefix('- ').strip()
                skip = what.partition('# SKIP')[2].strip() if '# SKIP' in what else None
                tests.append((word == 'ok ', what or 'test ' + number, skip))
                break
    if not tests and (plan == 0 or not text.strip()):
        return [(not errors, 'error: ' + ' '.join(errors) if errors else 'no error', None)], 1
    return tests, plan


def judge(tests, plan, report, err):
    """What failed, as a list of texts."""
    failed = ['#%d %s' % (n + 1, what) for n, (ok, what, skip) in enumerate(tests) if not ok and skip is None]
    if report is None:
        return failed + ['the sandbox broke: ' + err]
    if report['over']:
        failed.append('over the time limit')
    elif report['status'] != 0:
        failed.append('status %d: %s' % (report['status'], ' '.join(err.split())))
        tests[:] = [t for t in tests if t[1] != 'no error']
    elif not tests:
        failed.append('no result')
    elif plan and plan != len(tests):
        failed.append('%d of %d tests have a result' % (len(tests), plan))
    return failed + ['left behind: ' + text for text in report['left']]


def run_one(program, arguments):
    """Gives (tests, failed texts, output)."""
    scratch = tempfile.mkdtemp(prefix='coffer-conformance-')
    os.chmod(scratch, 0o755)
    groups = sandbox.Groups(os.path.basename(scratch))
    reader, writer = os.pipe()
    try:
        line = [sys.executable, '-B', os.path.abspath(__file__), '--inside', scratch, '--report', str(writer),
                '--hierarchies', sandbox.to_text(sandbox.hierarchies()), '--programs', arguments.programs,
                '--runtime', arguments.runtime, '--limit', str(arguments.limit), program]
        log = open(os.path.join(scratch, 'log'), 'w')
        child = subprocess.Popen(sandbox.command(line), preexec_fn=groups.join, pass_fds=(writer,), stdin=subprocess.DEVNULL,
                                 stdout=log, stderr=log)
        os.close(writer)
        writer = -1
        groups.move_out(child.pid)
        try:
            child.wait(arguments.limit + 60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        log.close()

        def text_of(name):
            try:
                with open(os.path.join(scratch, name), errors='replace') as f:
                    return f.read()
            except OSError:
                return ''
        with os.fdopen(reader) as f:
            reader = -1
            said = f.read()
        report = json.loads(said) if said else None
        out, err = text_of('out'), text_of('err' if report else 'log')
        tests, plan = parse(out)
        failed = judge(tests, plan, report, err)
        failed += ['left behind: ' + path for path in groups.remove()]
        if arguments.keep:
            with open(os.path.join(arguments.keep, program), 'w') as f:
                f.write('%s\n---- standard error\n%s\n---- failed\n%s\n' % (out, err, '\n'.join(failed)))
        return tests, failed, out + err
    finally:
        for fd in (reader, writer):
            if fd >= 0:
                os.close(fd)
        groups.remove()
        shutil.rmtree(scratch, ignore_errors=True)


def flavour():
    """v1, hybrid or v2: what the list calls the host."""
    kinds = {h.kind for h in sandbox.hierarchies()}
    return 'v2' if kinds == {'cgroup2'} else 'v1'


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('--programs', required=True)
    parser.add_argument('--runtime', required=True)
    parser.add_argument('--results', default='')
    parser.add_argument('--limit', type=float, default=120)
    parser.add_argument('--keep', default='')
    parser.add_argument('--referee', action='store_true')
    parser.add_argument('--inside', default='', help=argparse.SUPPRESS)
    parser.add_argument('--hierarchies', default='', help=argparse.SUPPRESS)
    parser.add_argument('--report', type=int, default=-1, help=argparse.SUPPRESS)
    parser.add_argument('program', nargs='*')
    arguments = parser.parse_args()
    if arguments.inside:
        return inside(arguments)
    arguments.programs = os.path.abspath(arguments.programs)
    if arguments.keep:
        os.makedirs(arguments.keep, exist_ok=True)
    known = programs_of(arguments.programs)
    for name in arguments.program:
        if name not in known:
            parser.error('unknown program ' + name)
    rules = [] if arguments.referee else expected.load(os.path.join(HERE, 'expected-failures'), flavour(), parser.error)
    for rule in rules:
        if rule.program not in known:
            parser.error('expected-failures: there is no program ' + rule.program)
    results = open(arguments.results or os.devnull, 'w')
    count = {'pass': 0, 'fail': 0, 'skip': 0, 'expected': 0}

    def put(kind, text, n=1):
        count[kind] += n
        results.write('%s\t%s\n' % (kind, ' '.join(text.split())))
        results.flush()
    good = 0
    for program in arguments.program or known:
        began = time.monotonic()
        tests, failed, output = run_one(program, arguments)
        before = count['fail']
        for ok, what, skip in tests:
            if skip is not None:
                count['skip'] += 1
                if not UNCONFIGURED.search(skip):
                    results.write('skip\t%s: %s\n' % (program, skip or what))
            elif ok:
                put('pass', '%s: %s' % (program, what))
        mine = [r for r in rules if r.program == program]
        for text in failed:
            rule = next((r for r in mine if r.fits(text)), None)
            if rule:
                rule.used += 1
            else:
                put('fail', '%s: %s' % (program, text))
        for rule in mine:
            if rule.used:
                put('expected', '%s: %s (%d; %s)' % (program, rule.fails, rule.used, rule.because), rule.used)
            if not rule.used and not rule.race:
                put('fail', '%s: expected to fail and does not: %s' % (program, rule.fails))
        bad = count['fail'] != before
        good += not bad
        n_expected = len([t for t in failed if any(r.fits(t) for r in mine)])
        print('%s %s (%d tests%s, %.1f s)' % ('FAIL' if bad else 'ok  ', program, len(tests),
                                              ', %d failures expected' % n_expected if n_expected else '',
                                              time.monotonic() - began), flush=True)
        if bad:
            for text in failed:
                print('     ' + text[:400])
            if not arguments.referee:
                print('\n'.join('     | ' + line for line in output.splitlines()[-40:]), flush=True)
    results.close()
    print('%d of %d programs as they should be; tests: %d passed, %d failed, %d expected failures, %d skipped' % (
        good, len(arguments.program or known), count['pass'], count['fail'], count['expected'], count['skip']))
    return 0 if count['fail'] == 0 and count['pass'] + count['expected'] > 0 else 1


if __name__ == '__main__':
    sys.exit(main())
