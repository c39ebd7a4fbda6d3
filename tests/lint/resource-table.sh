#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The table of resources in docs/conformance.md: every field of the schema has a row, every row a test that exists.
#
# usage: resource-table.sh SOURCE_TREE [BUILD]
#
# A test is `PREFIX/FILE` "NAME": a bats test of that name, or a Criterion test. "the same two" means those above.
exec python3 - "$1" <<'END'
import os
import re
import sys

top = sys.argv[1]
PLACES = {'u': 'tests/unit/test-', 'c': 'tests/cli/', 'v': 'tests/vm/', 'a': 'tests/attack/'}
TEST = re.compile(r'`([ucva])/([\w.-]+)` "([^"]+)"')
# Member by member as in the specification, less the lists' own members, which share their list's row.
FIELDS = '''devices memory.limit memory.reservation memory.swap memory.kernel memory.kernelTCP memory.swappiness
memory.disableOOMKiller memory.useHierarchy memory.checkBeforeUpdate cpu.shares cpu.quota cpu.period cpu.burst
cpu.realtimePeriod cpu.realtimeRuntime cpu.cpus cpu.mems cpu.idle pids.limit blockIO.weight blockIO.leafWeight
blockIO.weightDevice blockIO.throttleReadBpsDevice blockIO.throttleWriteBpsDevice blockIO.throttleReadIOPSDevice
blockIO.throttleWriteIOPSDevice hugepageLimits network.classID network.priorities rdma unified'''.split()


def names_in(path):
    """Names of the tests of a file; None if there is no such file."""
    try:
        with open(os.path.join(top, path), encoding='utf-8') as f:
            text = f.read()
    except FileNotFoundError:
        return None
    if path.endswith('.bats'):
        return set(re.findall(r'^@test "(.+)" \{$', text, re.M))
    return set(re.findall(r'^Test\(\w+, (\w+)', text, re.M))


bad, rows, seen, tests, above = [], 0, set(), set(), False
with open(os.path.join(top, 'docs/conformance.md'), encoding='utf-8') as f:
    section = ''
    for number, line in enumerate(f, 1):
        if line.startswith('## '):
            section = line[3:].strip()
        if section != 'Resources':
            continue
        where = f'docs/conformance.md:{number}'
        found = TEST.findall(line)
        for prefix, name, test in found:
            path = PLACES[prefix] + name
            names = names_in(path)
            tests.add((path, test))
            if names is None:
                bad.append(f'{where}: there is no {path}')
            elif test not in names:
                bad.append(f'{where}: {path} has no test "{test}"')
        if not line.startswith('| `'):
            continue
        rows += 1
        cells = [cell.strip() for cell in line.strip()[1:-1].split('|')]
        for field in re.findall(r'`([\w.]+)(?:\[\][\w.]*)?`', cells[0]):
            seen.add(field)
        if len(cells) != 5:
            bad.append(f'{where}: {len(cells)} columns instead of 5')
        if not found and 'the same two' not in cells[-1]:
            bad.append(f'{where}: no test')
        if 'the same two' in cells[-1] and not above:
            bad.append(f'{where}: no test above that could be the same')
        above = above or bool(found)
for field in FIELDS:
    if field not in seen:
        bad.append(f'docs/conformance.md: no row for linux.resources.{field}')
for line in bad:
    print(line)
print(f'{rows} rows of resources, {len(tests)} tests, {len(bad)} wrong')
sys.exit(1 if bad else 0)
END
