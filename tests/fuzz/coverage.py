# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which fields of the schema random configurations have. See configs.py."""
import json
import os
import re

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'libocispec', 'schema')


def types():
    """Type -> field -> (inner type or None, '' or '[' or '{', required)."""
    found = {}
    for name in ('config.json', 'config-linux.json'):
        with open(os.path.join(SCHEMA, name)) as f:
            found.update(json.load(f)['types'])
    out = {}
    for name, fields in found.items():
        out[name] = {}
        for key, kind in fields.items():
            if key == '#':
                continue
            bracket, inner, end = re.match(r'([\[{]?)(\w+)([\]}]?!?)', kind).groups()
            out[name][key] = (inner if inner in found else None, bracket, end.endswith('!'))
    return out


TYPES = types()


def all_fields(name='config', prefix=''):
    """Paths of all fields; neither indices nor keys of maps are in them."""
    for key, (inner, _, _) in TYPES[name].items():
        yield prefix + key
        if inner:
            yield from all_fields(inner, prefix + key + '.')


def walk(value, name='config', prefix='', path=''):
    """What a configuration has: (path as all_fields(), path as errors write it, object, key, required)."""
    for key, child in value.items():
        if key not in TYPES[name]:
            continue
        inner, bracket, required = TYPES[name][key]
        field, at = prefix + key, path + key
        yield field, at, value, key, required
        if not inner:
            continue
        if bracket == '[':
            below = [('%s[%d].' % (at, i), v) for i, v in enumerate(child)]
        elif bracket == '{':
            below = [('%s.%s.' % (at, k), v) for k, v in child.items()]
        else:
            below = [(at + '.', child)]
        for where, v in below:
            yield from walk(v, inner, field + '.', where)


def fields_of(config):
    return {field for field, *_ in walk(config)}


def judge(seen, missing):
    """Return: a line about it, and what is wrong with it as texts."""
    every = set(all_fields())

    def excused(field):
        return any(field == m or field.startswith(m + '.') for m in missing)
    wrong = ['never drawn: ' + f for f in sorted(every - seen) if not excused(f)]
    wrong += ['drawn, but said to be missing on this host: ' + f for f in sorted(seen) if excused(f)]
    wrong += ['said to be missing, but no field: ' + m for m in sorted(missing) if m not in every]
    line = '%d of %d fields of the schema' % (len(seen), len(every))
    if missing:
        line += '; not here: ' + ', '.join('%s (%s)' % (m, why) for m, why in sorted(missing.items()))
    return line, wrong
