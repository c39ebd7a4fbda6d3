# SPDX-License-Identifier: LGPL-2.1-or-later
"""The generated source: constant tables for the runtime, without pointers that need relocation."""

from .emit_types import NOTICE, parse_prototype, write_prototype
from .model import SCALARS


class Keys:
    """All keys in one string; a key that is part of another text shares its bytes."""

    def __init__(self):
        self.text = ''

    def add(self, key):
        """Offset of the key in the string."""
        at = self.text.find(key + '\0')
        if at < 0:
            at = len(self.text)
            self.text += key + '\0'
        return at


class Ranges:
    """Number ranges, each once."""

    def __init__(self):
        self.rows = []

    def add(self, field):
        """Index of the range of a field; 0 for what is not a number."""
        if field.low is None:
            return 0
        row = (field.low, field.high)
        if row not in self.rows:
            self.rows.append(row)
        return self.rows.index(row)


def signed(number):
    """A C literal for the lower bound."""
    return 'INT64_MIN' if number == -(1 << 63) else f'INT64_C({number})'


def item_kind(field):
    """Kind of the value itself or of the elements."""
    return 'OCISPEC_' + (SCALARS[field.item][1] if field.scalar else 'OBJECT')


def row(model, kind, field, keys, ranges):
    """One line of the field table."""
    shapes = {'one': item_kind(field), 'array': 'OCISPEC_ARRAY', 'map': 'OCISPEC_MAP'}
    index = list(model.types).index(field.item) if not field.scalar else 0
    if kind is None:
        offset, aux = '0', 'sizeof(void *)'
    else:
        offset = f'offsetof(struct {kind.struct}, {field.name})'
        aux = '0'
        if field.shape == 'array':
            aux = f'offsetof(struct {kind.struct}, n_{field.name})'
        elif field.has_flag:
            aux = f'offsetof(struct {kind.struct}, has_{field.name})'
    flags = ['OCISPEC_REQUIRED'] if field.required else []
    flags += ['OCISPEC_HAS_FLAG'] if field.has_flag else []
    return (f'    {{{keys.add(field.key)}, {len(field.key)}, {shapes[field.shape]}, {offset}, {aux},\n'
            f'     {index}, {item_kind(field)}, {" | ".join(flags) or 0}, {ranges.add(field)}, {field.max}}},')


def functions(model, first_root):
    """The public functions: one call each into the runtime."""
    lines = []
    for number, root in enumerate(model.roots.values()):
        at = f'&schema, {first_root + number}'
        array = root.shape == 'array'
        lines += ['', parse_prototype(model, root), '{', '    void *value;', '    size_t n;', '    int r;', '',
                  f'    r = ocispec_parse({at}, json, len, limits, &value, &n, ret_doc, err);',
                  '    if (r < 0)', '        return r;', '    *ret = value;']
        lines += ['    *ret_n = n;'] if array else []
        lines += ['    return 0;', '}', '', write_prototype(model, root), '{',
                  f'    return ocispec_write({at}, value, {"n" if array else 0}, flags, ret, ret_len);', '}']
    return lines


def source(model, sources, header):
    """Text of the C file."""
    keys, ranges, fields, types = Keys(), Ranges(), [], []
    for kind in model.types.values():
        required = sum(1 << i for i, f in enumerate(kind.fields) if f.required)
        types.append(f'    {{{len(fields)}, {len(kind.fields)}, sizeof(struct {kind.struct}), '
                     f'UINT64_C(0x{required:x})}},')
        fields += [f'    /* {kind.name} */\n' * (i == 0) + row(model, kind, f, keys, ranges)
                   for i, f in enumerate(kind.fields)]
    first_root = len(fields)
    fields += [row(model, None, root, keys, ranges) for root in model.roots.values()]
    if not ranges.rows:
        ranges.rows.append((0, 0))
    lines = ['/* SPDX-License-Identifier: LGPL-2.1-or-later */', NOTICE.format(', '.join(sources)), '',
             f'#include "{header}"', '', '#include "runtime/schema.h"', '', 'static const char keys[] =']
    lines += [f'    "{part}\\0"' for part in keys.text.split('\0')[:-1]]
    lines[-1] += ';'
    lines += ['', 'static const struct ocispec_range ranges[] = {']
    lines += [f'    {{{signed(low)}, UINT64_C({high})}},' for low, high in ranges.rows]
    lines += ['};', '', 'static const struct ocispec_field fields[] = {'] + fields
    lines += ['};', '', 'static const struct ocispec_type types[] = {'] + types
    lines += ['};', '', 'static const struct ocispec_schema schema = {keys, ranges, fields, types};']
    return '\n'.join(lines + functions(model, first_root)) + '\n'
