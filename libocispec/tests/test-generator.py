#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests of the generator: names, and schemas that must be refused."""

import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from generate import emit_tables, emit_types  # noqa: E402
from generate.model import Model, SchemaError, c_name  # noqa: E402


def model(types, roots=None, **more):
    """A model of one schema given as dictionaries."""
    with tempfile.NamedTemporaryFile('w', suffix='.json') as file:
        json.dump({'prefix': 'x', 'types': types, 'roots': roots or {}, **more}, file)
        file.flush()
        return Model([file.name])


class Names(unittest.TestCase):
    """JSON keys to member names."""

    def test_names(self):
        for key, name in {'ociVersion': 'oci_version', 'execCPUAffinity': 'exec_cpu_affinity',
                          'disableOOMKiller': 'disable_oom_killer', 'blockIO': 'block_io', 'hostID': 'host_id',
                          'throttleReadIOPSDevice': 'throttle_read_iops_device', 'default': 'default_',
                          'l3CacheSchema': 'l3_cache_schema', 'systemd-scope': 'systemd_scope'}.items():
            self.assertEqual(c_name(key), name)


class Schemas(unittest.TestCase):
    """What the dialect takes and refuses."""

    def test_refused(self):
        for types in ({'a': {'x': 'float'}}, {'a': {'x': '[u32'}}, {'a': {'x': '[u32}'}}, {'a': {'x': ''}},
                      {'a': {'x': '{u32}'}}, {'a': {'x': '[bool]'}}, {'a': {'x': 'string max=3'}},
                      {'a': {'x': 'u16 max=65536'}}, {'a': {'x': 'u32 low=1'}}, {'a': {}}, {'string': {'x': 'u32'}},
                      {'a': {'b': 'a'}}, {'a': {'x': 'b'}, 'b': {'y': '[a]'}}, {'a': {'fooBar': 'u32', 'foo_bar': 'u32'}},
                      {'a': {f'k{i}': 'bool' for i in range(65)}}):
            with self.assertRaises(SchemaError, msg=str(types)):
                model(types)
        for root in ('string', '{a}', 'b', 'a!'):
            with self.assertRaises(SchemaError, msg=root):
                model({'a': {'x': 'u32'}}, {'r': root})
        with self.assertRaises(SchemaError):
            model({'a': {'x': 'u32'}}, extra=1)

    def test_output(self):
        made = model({'b': {'y': 'i32 min=-1 max=7 name=why'}, 'a': {'x': '[b]! max=3', 'm': '{b}', 's': '{string}'}},
                     {'a': 'a', 'list': '[b]'})
        header = emit_types.header(made, ['s.json'])
        for line in ('bool has_why; /* y */', 'struct x_b *x; /* required */', 'size_t n_x;', 'struct x_b_map *m;',
                     'struct ocispec_string_map *s;', 'size_t *ret_n,'):
            self.assertIn(line, header)
        self.assertLess(header.index('struct x_b {'), header.index('struct x_a {'))
        self.assertIn('{INT64_C(-1), UINT64_C(7)}', emit_tables.source(made, ['s.json'], 's.h'))


unittest.main()
