/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The coffer-init program as data of the library: what init/embed.py makes of the linked image.
 * Host side. The bytes end with the last loaded segment: no section headers, no debug data.
 */

/** The ELF file, aligned to 16 bytes. */
extern const unsigned char cf_init_image[];
/** Its size in bytes. */
extern const unsigned long cf_init_image_size;

/** The same without what builds a container, for processes that enter one. */
extern const unsigned char cf_enter_image[];
extern const unsigned long cf_enter_image_size;
