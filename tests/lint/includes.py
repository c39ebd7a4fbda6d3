#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include whom: downward only. A new edge edits this table, so that it shows in review.

usage: includes.py SOURCE_TREE [BUILD]
"""
import os
import re
import sys

L0 = {'sys', 'base'}                    # sys: header-only wrappers of system calls, knows nothing
L1 = L0 | {'path'}
L2 = L1 | {'spec', 'facts', 'wire', 'state'}
# L3 modules: planners and effects of one area each. Sideways only to userns and to the plan's own types.
L3_BASE = L1 | {'spec', 'facts', 'wire', 'plan', 'userns'}

ALLOWED = {
    'sys': set(),
    'base': {'sys'},
    'path': {'sys', 'base'},
    'wire': {'sys', 'base'},
    'spec': L1,
    'facts': L1,
    'state': L1 | {'cgroup'},              # the record names cgroups
    'plan': L1 | {'spec', 'facts', 'wire', 'cgroup', 'ns', 'userns'},
    'userns': L3_BASE,
    'ns': L3_BASE,
    'cgroup': L3_BASE,
    'mount': L3_BASE | {'cgroup', 'ns'},
    'seccomp': L3_BASE,
    'security': L3_BASE,
    'process': L3_BASE,
    'hook': L3_BASE,
    'net': L3_BASE,
    'init': L1 | {'wire', 'mount', 'ns', 'seccomp', 'security', 'process', 'hook', 'net'},
    'audit': L1 | {'userns', 'cgroup', 'security'},  # reads and judges; never part of a container's making
    'container': {'base', 'sys', 'path', 'spec', 'facts', 'wire', 'state', 'plan', 'userns', 'ns', 'cgroup', 'mount',
                  'seccomp', 'security', 'process', 'hook', 'net', 'init', 'api', 'audit'},
    'doctor': {'base', 'sys', 'facts', 'state', 'userns', 'seccomp', 'container'},   # reads, tries and judges; changes nothing
    'api': {'base', 'container', 'doctor', 'cgroup', 'facts', 'spec', 'state', 'seccomp'},
    'cli': set(),                          # public headers only
}
# The child side of a module belongs to coffer-init: it may see its context, and nothing of the host's plan.
CHILD_EXTRA = {'init'}
CHILD_FORBIDDEN = {'plan', 'spec', 'facts', 'state', 'cgroup', 'container', 'userns'}
# Planners are pure: no system calls, no path walking.
PLAN_FORBIDDEN = {'state', 'container', 'init'}
PLAN_FORBIDDEN_SYSTEM = {'unistd.h', 'dirent.h', 'sys/socket.h', 'sys/mount.h', 'pthread.h'}

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def is_child(name):
    return name.endswith('-child.c') or name == 'child.h'


def is_plan(name):
    return name.endswith('-plan.c')


def main():
    top = sys.argv[1]
    src = os.path.join(top, 'src')
    bad = []
    for folder, _, names in sorted(os.walk(src)):
        for name in sorted(names):
            if not name.endswith(('.c', '.h')):
                continue
            path = os.path.join(folder, name)
            module = os.path.relpath(folder, src).split(os.sep)[0]
            if module == 'include':
                continue
            where = os.path.relpath(path, top)
            if module not in ALLOWED:
                bad.append(f'{where}: folder `{module}` is not in the table')
                continue
            for number, line in enumerate(open(path, encoding='utf-8'), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = match.group(2)
                if match.group(1) == '<':
                    if is_plan(name) and target in PLAN_FORBIDDEN_SYSTEM:
                        bad.append(f'{where}:{number}: a planner includes <{target}>')
                    continue
                first = target.split('/')[0] if '/' in target else None
                if first == 'coffer':
                    continue
                if first == 'ocispec':
                    if module in ('base', 'sys', 'path', 'wire', 'init', 'cli') or is_child(name):
                        bad.append(f'{where}:{number}: generated types do not belong here')
                    continue
                if first is None:
                    if target in ('config.h',) or os.path.exists(os.path.join(folder, target)) or \
                            target.startswith('ocispec-') or target.startswith('cf_rec') or \
                            (module == 'state' and 'record' in target):
                        continue
                    bad.append(f'{where}:{number}: include "{target}" without its folder')
                    continue
                if first == module:
                    continue
                allowed = ALLOWED[module] | (CHILD_EXTRA if is_child(name) else set())
                if first not in allowed:
                    bad.append(f'{where}:{number}: {module} must not include {first} ("{target}")')
                elif is_child(name) and first in CHILD_FORBIDDEN:
                    bad.append(f'{where}:{number}: child-side code must not include {first} ("{target}")')
                elif is_plan(name) and first in PLAN_FORBIDDEN:
                    bad.append(f'{where}:{number}: a planner must not include {first} ("{target}")')
    for line in bad:
        print(line)
    print(f'{len(bad)} wrong includes')
    return 1 if bad else 0


sys.exit(main())
