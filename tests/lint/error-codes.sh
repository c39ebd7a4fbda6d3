#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every error code of the source is in the table of docs/errors.md, and the other way round.
#
# usage: error-codes.sh SOURCE_TREE [BUILD]
#
# A code is what is passed for a parameter named `code`, assigned to a member `.code`, or stored by base/err.c.
exec python3 - "$1" <<'END'
import os
import re
import sys

top = sys.argv[1]
LITERAL = re.compile(r'"([a-z0-9]+(?:-[a-z0-9]+)*)"')


def split_arguments(text, start):
    """Arguments of the call whose opening parenthesis is before @start."""
    arguments, current, depth, i = [], '', 0, start
    while i < len(text):
        c = text[i]
        if c in '"\'':
            end = i + 1
            while end < len(text) and text[end] != c:
                end += 2 if text[end] == '\\' else 1
            current += text[i:end + 1]
            i = end + 1
            continue
        if c in ')]}' and depth == 0:
            return arguments + [current]
        if c == ',' and depth == 0:
            arguments.append(current)
            current = ''
        else:
            depth += (c in '([{') - (c in ')]}')
            current += c
        i += 1
    return arguments + [current]


def reporters(text):
    """Functions with a parameter `const char *code`: name -> its position."""
    found = {}
    for match in re.finditer(r'\b(\w+)\s*\(', text):
        if match.group(1) in ('if', 'while', 'for', 'switch', 'return'):
            continue
        for position, argument in enumerate(split_arguments(text, match.end())):
            if re.fullmatch(r'\s*const char \*code\s*', argument):
                found[match.group(1)] = position
    return found


sources = {}
for folder, _, names in os.walk(os.path.join(top, 'src')):
    for name in names:
        if name.endswith(('.c', '.h')):
            path = os.path.join(folder, name)
            with open(path, encoding='utf-8') as f:
                sources[os.path.relpath(path, top)] = re.sub(r'/\*.*?\*/', '', f.read(), flags=re.S)

everywhere = {}
for path, text in sources.items():
    if path.endswith('.h'):
        everywhere.update(reporters(text))

used = {}
for path, text in sources.items():
    if not path.endswith('.c'):
        continue
    for name, position in {**everywhere, **reporters(text)}.items():
        for match in re.finditer(r'\b' + name + r'\s*\(', text):
            arguments = split_arguments(text, match.end())
            if len(arguments) > position:
                for code in LITERAL.findall(arguments[position]):
                    used.setdefault(code, path)
    for match in re.finditer(r'\.code\s*=\s*([^,;}]*)', text):
        for code in LITERAL.findall(match.group(1)):
            used.setdefault(code, path)
for code in re.findall(r'[?:]\s*"([a-z0-9-]+)"', sources.get('src/base/err.c', '')):
    used.setdefault(code, 'src/base/err.c')

listed, bad = set(), []
with open(os.path.join(top, 'docs/errors.md'), encoding='utf-8') as f:
    in_tables = False
    for number, line in enumerate(f, 1):
        if line.startswith('## '):
            in_tables = line.rstrip() == '## Codes'
        if not in_tables:
            continue
        match = re.match(r'\|((?: `[a-z0-9-]+`,?)+) \|', line)
        for code in re.findall(r'`([a-z0-9-]+)`', match.group(1)) if match else []:
            if code in listed:
                bad.append(f'docs/errors.md:{number}: `{code}` is there twice')
            listed.add(code)
bad += [f'{used[code]}: `{code}` is not in docs/errors.md' for code in sorted(set(used) - listed)]
bad += [f'docs/errors.md: `{code}` is not in the source' for code in sorted(listed - set(used))]
for line in bad:
    print(line)
print(f'{len(used)} error codes, {len(bad)} wrong')
sys.exit(1 if bad else 0)
END
