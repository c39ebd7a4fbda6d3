/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ELF note that tells packagers of a dependency that the linker cannot see, because the library is opened
 * with dlopen(3) when it is needed (systemd.io/ELF_DLOPEN_METADATA). Host side.
 */

#include <stdint.h>

/** CF_DL_NOTE() - the note of a file; @text: a JSON array of features, a literal */
#define CF_DL_NOTE(text)                                                                           \
    static const struct {                                                                          \
        uint32_t vendor_size, text_size, type;                                                     \
        char vendor[sizeof("FDO")];                                                                \
        _Alignas(uint32_t) char description[sizeof(text)];                                         \
    } dlopen_note __attribute__((used, aligned(4), section(".note.dlopen"))) = {                   \
        sizeof("FDO"), sizeof(text), 0x407c0c0au, "FDO", text,                                     \
    }
