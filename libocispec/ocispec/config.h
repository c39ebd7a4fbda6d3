/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Types and functions of the config.json and its parts: the build generates them from schema/.
 * The generated header has another name because the folder of generated headers ends up in the
 * include path, where a features.h would hide that of the C library.
 */

#include "ocispec-config.h"
