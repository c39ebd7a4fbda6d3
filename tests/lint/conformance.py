#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/conformance.md and docs/conformance-must.md against the schema and the tests.

usage: conformance.py SOURCE_DIR [BUILD_DIR]

Every field of config.json that the schema knows (libocispec/schema) has a row in the table of fields or in that of
resources; a row for an object covers what is in it. Every file that a row names exists, and every test that is named
in it is there under that name. There are at most three deviations.
"""
import json
import os
import re
import sys

PLACES = {'u/': 'tests/unit/test-', 'c/': 'tests/cli/', 'v/': 'tests/vm/', 'a/': 'tests/attack/', 'tests/': 'tests/', 'src/': 'src/', 'libocispec/': 'libocispec/'}
top = sys.argv[1]
bad = []


def read(path):
    with open(os.path.join(top, path), encoding='utf-8') as f:
        return f.read()


def fields():
    """The paths of all fields, without []."""
    types = json.loads(read('libocispec/schema/config.json'))['types']
    types.update(json.loads(read('libocispec/schema/config-linux.json'))['types'])
    found = []

    def walk(prefix, name):
        for key, kind in types[name].items():
            if key == '#':
                continue
            path = prefix + key
            found.append(path)
            inner = re.match(r'[\[{]?(\w+)[\]}]?', kind).group(1)
            if inner in types:
                walk(path + '.', inner)
    walk('', 'config')
    return found


def rows_of(text):
    """(line number, cells, section) of all rows of tables."""
    section = ''
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith('## '):
            section = line[3:].strip()
        if line.startswith('|') and not re.match(r'\|[-| ]*\|$', line):
            cells = [cell.strip() for cell in re.split(r'(?<!\\)\|', line)[1:-1]]
            yield number, cells, section


def covered(text):
    """The paths that the first cells name; `.x` stands for a sibling of the one before."""
    found = set()
    for _, cells, section in rows_of(text):
        if section not in ('Fields', 'Resources'):
            continue
        last = None
        for word in re.findall(r'`([^`]+)`', cells[0]):
            word = word.replace('[]', '')
            if word.startswith('.'):
                if not last:
                    continue
                parent = last if section == 'Resources' and last.count('.') == 0 else last.rpartition('.')[0]
                word = parent + word
            elif section == 'Resources' and not word.startswith('linux.'):
                word = 'linux.resources.' + word
            last = word.removesuffix('.*')
            found.add(last)
    return found


def names_in(path):
    text = read(path)
    if path.endswith('.bats'):
        return set(re.findall(r'^@test "(.+)" \{', text, re.M))
    return set(re.findall(r'^(?:Test|ParameterizedTest)\((?:[\w ]+\*\w+, )?\w+, (\w+)', text, re.M))


def check_names(document, text):
    count = 0
    for number, cells, _ in rows_of(text):
        for cell in cells:
            # A name of a test in double quotes belongs to the file in front of it.
            for prefix, name, test in re.findall(r'`(u/|c/|v/|a/|tests/|src/|libocispec/)([^`]*)`(?: "([^"]+)")?', cell):
                path = PLACES[prefix] + name
                where = '%s:%d' % (document, number)
                count += 1
                if '*' in path or not name:
                    continue
                if not os.path.exists(os.path.join(top, path)):
                    bad.append('%s: there is no %s' % (where, path))
                elif test and test not in names_in(path):
                    bad.append('%s: %s has no test "%s"' % (where, path, test))
    return count


table = read('docs/conformance.md')
have = covered(table)
known = fields()
for path in known:
    parts = path.split('.')
    if not any('.'.join(parts[:n]) in have for n in range(1, len(parts) + 1)):
        # An object whose fields all have rows needs none itself.
        if not any(other.startswith(path + '.') for other in known):
            bad.append('docs/conformance.md: no row for %s' % path)
n = check_names('docs/conformance.md', table)
must = read('docs/conformance-must.md')
n_must = 0
for number, cells, section in rows_of(must):
    if cells[0] == 'the text':
        continue
    n_must += 1
    if len(cells) != 3 or not cells[2]:
        bad.append('docs/conformance-must.md:%d: three columns, the last with a test or the reason why there is none' % number)
n += check_names('docs/conformance-must.md', must)
deviations = re.findall(r'^\* \*\*', table.partition('## Deviations')[2].partition('\n## ')[0], re.M)
if len(deviations) > 3:
    bad.append('docs/conformance.md: %d deviations, at most 3 are allowed' % len(deviations))
for line in bad:
    print(line)
print('%d fields, %d requirements, %d names of files and tests, %d wrong' % (len(known), n_must, n, len(bad)))
sys.exit(1 if bad or len(known) < 150 or n_must < 60 else 0)
