# SPDX-License-Identifier: LGPL-2.1-or-later
"""The list of failures that are the program's, or the machine's.

Blocks of `key: value` lines, separated by empty lines; a line that starts with blanks goes on with the one before:

  program: NAME
  host: all, v1 or v2                    (which cgroups the host has; v1 is hybrid, too)
  fails: TEXT                            (part of "#NUMBER DESCRIPTION" of the test, or of the program's last words)
  spec: FILE.md: "SENTENCE"              (what the program contradicts)
                                         (`*`, with `machine` only: whatever it says)
  machine: FACT                          (instead of spec: what has to be missing for this, see FACTS)
  deviation: TITLE                       (instead of spec: one of those in docs/conformance.md)
  race: yes                              (it fails now and then)
  why: TEXT

Every other block must have matched something at the end, so that the list cannot grow old. One with `machine` counts
only where the fact is missing.
"""
import glob
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def has_capability(number):
    with open('/proc/self/status') as f:
        bounding = next(line for line in f if line.startswith('CapBnd'))
    return bool(int(bounding.split()[1], 16) >> number & 1)


def has_v1(controller):
    return any(controller in line.split()[-1].split(',') for line in open('/proc/self/mountinfo') if ' - cgroup ' in line)


def has_profile(name):
    try:
        with open('/sys/kernel/security/apparmor/profiles') as f:
            return any(line.split()[0] == name for line in f)
    except OSError:
        return False


FACTS = {
    'cgroup v1': lambda: any(' - cgroup ' in line for line in open('/proc/self/mountinfo')),
    'CAP_SYS_RESOURCE': lambda: has_capability(24),
    'controller hugetlb': lambda: has_v1('hugetlb'),
    'controller net_cls': lambda: has_v1('net_cls'),
    'blkio.leaf_weight': lambda: bool(glob.glob('/sys/fs/cgroup/blkio*/*/blkio.leaf_weight')),
    # The file is still there in some kernels that have no such limit any more.
    'kernel memory limits': lambda: tuple(int(n) for n in os.uname().release.split('.')[:1]) < (6,),
    'AppArmor profile acme_secure_profile': lambda: has_profile('acme_secure_profile'),
}


class Rule:
    def __init__(self, fields):
        self.race = fields.get('race') == 'yes'
        self.program, self.fails, self.used = fields['program'], fields['fails'], 0
        self.because = fields.get('spec') or 'deviation: ' + fields['deviation'] if 'machine' not in fields else \
            'no ' + fields['machine']

    def fits(self, text):
        return self.fails == '*' or self.fails in text


def deviations():
    with open(os.path.join(HERE, '../../docs/conformance.md')) as f:
        return f.read().partition('## Deviations')[2].partition('\n## ')[0]


def load(path, host, error):
    rules = []
    with open(path) as f:
        text = f.read()
    for number, block in enumerate(text.split('\n\n')):
        fields, last = {}, None
        for line in block.splitlines():
            if line.startswith('#') or not line.strip():
                continue
            if line[0] in ' \t' and last:
                fields[last] += ' ' + line.strip()
                continue
            last, _, value = line.partition(':')
            if last in fields:
                error('expected-failures: %s twice in one block' % last)
            fields[last] = value.strip()
        if not fields:
            continue
        name = fields.get('program', 'block %d' % (number + 1))
        for key in ('program', 'host', 'fails', 'why'):
            if not fields.get(key):
                error('expected-failures: %s has no `%s`' % (name, key))
        if len({'spec', 'machine', 'deviation'} & set(fields)) != 1:
            error('expected-failures: %s needs one of `spec`, `machine`, `deviation`' % name)
        if fields['fails'] == '*' and 'machine' not in fields:
            error('expected-failures: %s: `*` says nothing' % name)
        if 'machine' in fields and fields['machine'] not in FACTS:
            error('expected-failures: %s: unknown fact `%s`' % (name, fields['machine']))
        if 'deviation' in fields and '**%s**' % fields['deviation'] not in deviations():
            error('expected-failures: %s: docs/conformance.md has no deviation `%s`' % (name, fields['deviation']))
        if 'spec' in fields and ('.md' not in fields['spec'] or fields['spec'].count('"') < 2):
            error('expected-failures: %s: `spec` is no quoted sentence of a file' % name)
        extra = set(fields) - {'program', 'host', 'fails', 'spec', 'machine', 'deviation', 'race', 'why'}
        if extra or fields['host'] not in ('all', 'v1', 'v2'):
            error('expected-failures: %s: bad `%s`' % (name, ' '.join(extra) or 'host'))
        if fields['host'] in ('all', host) and not (fields.get('machine') and FACTS[fields['machine']]()):
            rules.append(Rule(fields))
    return rules
