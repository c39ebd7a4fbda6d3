# SPDX-License-Identifier: LGPL-2.1-or-later
"""The schema dialect of libocispec: reading schema files into types and fields.

The dialect is described in libocispec/README.md. Everything here is checked at build time, so the
C runtime can trust the tables that come out of it.
"""

import json
import re

SCALARS = {
    # name: (C type, kind in C, lowest, highest); the bounds are None for what is not a number
    'bool': ('bool', 'BOOL', None, None),
    'i32': ('int32_t', 'I32', -(1 << 31), (1 << 31) - 1),
    'u32': ('uint32_t', 'U32', 0, (1 << 32) - 1),
    'i64': ('int64_t', 'I64', -(1 << 63), (1 << 63) - 1),
    'u64': ('uint64_t', 'U64', 0, (1 << 64) - 1),
    'u16': ('uint16_t', 'U16', 0, (1 << 16) - 1),
    'string': ('char *', 'STRING', None, None),
}

C_KEYWORDS = {
    'auto', 'break', 'case', 'char', 'const', 'continue', 'default', 'do', 'double', 'else', 'enum', 'extern',
    'float', 'for', 'goto', 'if', 'inline', 'int', 'long', 'register', 'restrict', 'return', 'short', 'signed',
    'sizeof', 'static', 'struct', 'switch', 'typedef', 'union', 'unsigned', 'void', 'volatile', 'while',
}

FIELD_LIMIT = 64  # the parser keeps the keys it has seen in one 64-bit word
EXPRESSION = re.compile(r'(?P<open>[\[{]?)(?P<item>[a-z][a-z0-9_]*)(?P<close>[\]}]?)(?P<required>!?)')


class SchemaError(Exception):
    """A schema file says something the dialect does not allow."""


def c_name(key):
    """The member name of a JSON key: execCPUAffinity -> exec_cpu_affinity."""
    name = re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', key)
    name = re.sub(r'([A-Z]+)([A-Z][a-z])', r'\1_\2', name)
    name = re.sub(r'[^A-Za-z0-9]', '_', name).lower()
    return name + '_' if name in C_KEYWORDS else name


class Field:
    """One key of an object: shape is 'one', 'array' or 'map'; item a scalar or the name of a type."""

    def __init__(self, where, key, text):
        words = text.split()
        match = EXPRESSION.fullmatch(words[0]) if words else None
        shapes = {'': 'one', '[]': 'array', '{}': 'map'}
        if not match or match['open'] + match['close'] not in shapes:
            raise SchemaError(f'{where}.{key}: cannot read the type `{text}`')
        self.where = f'{where}.{key}'
        self.key = key
        self.name = c_name(key)
        self.shape = shapes[match['open'] + match['close']]
        self.item = match['item']
        self.required = bool(match['required'])
        self.scalar = self.item in SCALARS
        self.low, self.high = SCALARS[self.item][2:] if self.scalar else (None, None)
        self.max = 0
        for word in words[1:]:
            self._option(*word.partition('=')[::2])
        if self.shape == 'map' and self.scalar and self.item != 'string':
            raise SchemaError(f'{self.where}: a map holds strings or objects')
        if self.shape == 'array' and self.item == 'bool':
            raise SchemaError(f'{self.where}: arrays of booleans are not supported')

    def _option(self, name, value):
        if name == 'name':
            self.name = value
        elif name == 'max' and self.shape != 'one':
            self.max = int(value)
        elif name in ('min', 'max') and self.low is not None:
            number = int(value)
            if not self.low <= number <= self.high:
                raise SchemaError(f'{self.where}: {name} does not fit the type')
            self.low, self.high = (number, self.high) if name == 'min' else (self.low, number)
        else:
            raise SchemaError(f'{self.where}: unknown option `{name}`')

    @property
    def has_flag(self):
        """Whether the struct has a bool has_x beside the member."""
        return self.shape == 'one' and self.scalar and self.item != 'string' and not self.required


class Type:
    """One object type and the C struct it becomes."""

    def __init__(self, name, prefix, body):
        self.name = name
        self.struct = f'{prefix}_{name}'
        self.doc = body.get('#', '')
        self.fields = [Field(name, key, text) for key, text in body.items() if key != '#']
        members = [f.name for f in self.fields]
        if len(set(members)) != len(members):
            raise SchemaError(f'{name}: two keys give the same member name')
        if not self.fields or len(self.fields) > FIELD_LIMIT:
            raise SchemaError(f'{name}: an object needs 1 to {FIELD_LIMIT} keys')


class Model:
    """All schema files of one output."""

    def __init__(self, paths):
        self.prefix, self.doc, self.types, self.roots = None, '', {}, {}
        for path in paths:
            self._load(path)
        self._check()
        self.types = self._ordered()

    def _load(self, path):
        with open(path, encoding='utf-8') as file:
            text = json.load(file)
        unknown = set(text) - {'prefix', 'doc', 'roots', 'types'}
        if unknown:
            raise SchemaError(f'{path}: unknown keys {sorted(unknown)}')
        if self.prefix not in (None, text['prefix']):
            raise SchemaError(f'{path}: the files have different prefixes')
        self.prefix = text['prefix']
        self.doc = self.doc or text.get('doc', '')
        for name, body in text.get('types', {}).items():
            if name in self.types or name in SCALARS:
                raise SchemaError(f'{path}: type `{name}` is defined twice')
            self.types[name] = Type(name, self.prefix, body)
        for name, expression in text.get('roots', {}).items():
            self.roots[name] = Field('roots', name, expression)

    def _check(self):
        for field in [f for t in self.types.values() for f in t.fields] + list(self.roots.values()):
            if not field.scalar and field.item not in self.types:
                raise SchemaError(f'{field.where}: no type `{field.item}`')
        for root in self.roots.values():
            if root.scalar or root.shape == 'map' or root.required:
                raise SchemaError(f'{root.where}: a root is an object or an array of objects')

    def _ordered(self):
        """Types with the ones they use first; a type that contains itself is refused."""
        done, busy = {}, set()

        def visit(name):
            if name in done:
                return
            if name in busy:
                raise SchemaError(f'type `{name}` contains itself')
            busy.add(name)
            for field in self.types[name].fields:
                if not field.scalar:
                    visit(field.item)
            busy.discard(name)
            done[name] = self.types[name]

        for name in self.types:
            visit(name)
        return done

    def map_types(self):
        """Names of the types that some map holds, in the order of the types."""
        used = {f.item for t in self.types.values() for f in t.fields if f.shape == 'map' and not f.scalar}
        return [name for name in self.types if name in used]
