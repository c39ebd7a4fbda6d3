#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/conformance.md and docs/conformance-must.md against the schema and the tests.

usage: conformance.py SOURCE_DIR [BUILD_DIR [SPEC_DIR]]

Every field of config.json that the schema knows (libocispec/schema) has a row in the table of fields or in that of
resources; a row for an object covers what is in it. Every file that a row names exists, and every test that is named
in it is there under that name. There are at most three deviations. Each file of the specification has as many rows in
conformance-must.md as the numbers at its end say; with SPEC_DIR, a directory with the
text of the specification, those numbers are compared with the sentences in it.
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


WORDS = re.compile(r'\b(MUST|SHOULD|REQUIRED|SHALL|RECOMMENDED)\b')


def sentences(path):
    """The sentences of a text of the specification that hold one of the words."""
    blocks, code = [''], False
    with open(path, encoding='utf-8') as f:
        lines = f.read().split('\n')
    for line in lines:
        if line.strip().startswith('```'):
            code = not code
        elif code:
            continue
        elif line.startswith('#') or not line.strip():
            blocks.append('')
        elif re.match(r'\s*(\*|-|\d+\.|\||`[\w ]+`\s*\|)\s?', line):
            blocks.append(line.strip())
        else:
            blocks[-1] += ' ' + line.strip()
    parts = [s for text in blocks for s in re.split(r'(?<=[.:])\s+(?=[A-Z`*])', unlinked(text))]
    return [s for s in parts if WORDS.search(s)]


def unlinked(text):
    return re.sub(r'\[([^][]*)\](\([^)]*\)|\[[^]]*\])', r'\1', text)


def check_counts(text, rows, spec_dir):
    """The table at the end of conformance-must.md: file, sentences, rows, and what is left out by reason."""
    counted = set()
    for number, cells, section in rows_of(text):
        if section != LEFT_OUT or cells[0] == 'file':
            continue
        where = 'docs/conformance-must.md:%d' % number
        name, (total, with_row, *without) = cells[0].strip('`'), map(int, cells[1:])
        counted.add(name)
        if rows.get(name, 0) != with_row:
            bad.append('%s: %s has %d rows, not %d' % (where, name, rows.get(name, 0), with_row))
        if with_row + sum(without) != total:
            bad.append('%s: %d rows and %d left out are not %d sentences' % (where, with_row, sum(without), total))
        if spec_dir:
            found = len(sentences(os.path.join(spec_dir, name)))
            if found != total:
                bad.append('%s: %s has %d sentences, not %d' % (where, name, found, total))
    if counted != set(rows) or len(counted) != 6:
        bad.append('docs/conformance-must.md: sections %s, but numbers for %s' % (sorted(rows), sorted(counted)))


LEFT_OUT = 'What is left out'
table = read('docs/conformance.md')
# Its row only points to the table of resources.
have = covered(table) - {'linux.resources'}
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
n_rows = {}
for number, cells, section in rows_of(must):
    if cells[0] == 'the text' or section == LEFT_OUT:
        continue
    n_must += 1
    n_rows[section] = n_rows.get(section, 0) + 1
    if not re.search(r'MUST|SHOULD|REQUIRED|RECOMMENDED', cells[0]):
        bad.append('docs/conformance-must.md:%d: no word of a requirement' % number)
    if len(cells) != 3 or not cells[2]:
        bad.append('docs/conformance-must.md:%d: three columns, the last with a test or the reason why there is none' % number)
n += check_names('docs/conformance-must.md', must)
check_counts(must, n_rows, sys.argv[3] if len(sys.argv) > 3 else '')
deviations = re.findall(r'^\* \*\*', table.partition('## Deviations')[2].partition('\n## ')[0], re.M)
if len(deviations) > 3:
    bad.append('docs/conformance.md: %d deviations, at most 3 are allowed' % len(deviations))
for line in bad:
    print(line)
print('%d fields, %d requirements, %d names of files and tests, %d wrong' % (len(known), n_must, n, len(bad)))
sys.exit(1 if bad or len(known) < 150 or n_must < 300 else 0)
