#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns the linked coffer-init into a C source (see image.h).

Everything that is not loaded (symbols, debug data, section headers) is left out, so the result does
not depend on -g and the sealed copy that is made for each container stays small.

usage: embed.py PROGRAM NAME OUTPUT
NAME: init or enter, as image.h has it
"""

import struct
import sys

PT_LOAD = 1
PT_INTERP = 3


def loaded_part(data):
    """The bytes up to the end of the last loaded segment, with section headers forgotten."""
    if data[:4] != b"\x7fELF" or data[4] != 2:
        sys.exit("embed.py: not a 64 bit ELF file")
    order = "<" if data[5] == 1 else ">"
    phoff = struct.unpack_from(order + "Q", data, 32)[0]
    phentsize, phnum = struct.unpack_from(order + "HH", data, 54)
    end = phoff + phentsize * phnum
    for i in range(phnum):
        base = phoff + i * phentsize
        kind = struct.unpack_from(order + "I", data, base)[0]
        offset = struct.unpack_from(order + "Q", data, base + 8)[0]
        filesz = struct.unpack_from(order + "Q", data, base + 32)[0]
        if kind == PT_INTERP:
            sys.exit("embed.py: coffer-init must not need a program interpreter")
        if kind == PT_LOAD:
            end = max(end, offset + filesz)
    out = bytearray(data[:end])
    struct.pack_into(order + "Q", out, 40, 0)  # e_shoff
    struct.pack_into(order + "HHH", out, 58, 0, 0, 0)  # e_shentsize, e_shnum, e_shstrndx
    return bytes(out)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as f:
        image = loaded_part(f.read())
    lines = []
    for at in range(0, len(image), 24):
        lines.append(",".join(str(b) for b in image[at : at + 24]) + ",")
    name = "cf_%s_image" % sys.argv[2]
    with open(sys.argv[3], "w", encoding="ascii") as f:
        f.write("/* Made by embed.py. */\n\n")
        f.write('#include "init/image.h"\n\n')
        f.write("const unsigned char %s[] __attribute__((aligned(16))) = {\n" % name)
        f.write("\n".join(lines))
        f.write("\n};\n\n")
        f.write("const unsigned long %s_size = sizeof(%s);\n" % (name, name))


if __name__ == "__main__":
    main()
