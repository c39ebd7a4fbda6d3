#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns schema files into a C header and source: main.py --out DIR --name NAME [--header LINE] SCHEMA..."""

import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from generate import emit_tables, emit_types  # noqa: E402
from generate.model import Model, SchemaError  # noqa: E402


def main():
    """Reads the command line, writes DIR/NAME.h and DIR/NAME.c."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--out', required=True, help='directory of the two files')
    parser.add_argument('--name', required=True, help='their name without the suffix')
    parser.add_argument('--header', help='how the source includes the header (default: NAME.h)')
    parser.add_argument('schemas', nargs='+')
    args = parser.parse_args()

    try:
        model = Model(args.schemas)
    except SchemaError as error:
        sys.exit(f'{args.schemas[0]}: {error}')
    names = [os.path.basename(path) for path in args.schemas]
    texts = {'.h': emit_types.header(model, names),
             '.c': emit_tables.source(model, names, args.header or args.name + '.h')}
    for suffix, text in texts.items():
        with open(os.path.join(args.out, args.name + suffix), 'w', encoding='utf-8') as file:
            file.write(text)


main()
