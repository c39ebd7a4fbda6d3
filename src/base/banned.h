/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls that this project does not make, turned into compile errors. Put on the command line
 * (-include base/banned.h) for host code. The system headers that declare them come first, so only
 * our own calls are hit; the macros take arguments, so names of fields and variables stay free.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CF_BANNED_DO(text) _Pragma(#text)
#define CF_BANNED(text) CF_BANNED_DO(GCC error text)

#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef strtok
#undef atoi
#undef atol
#undef system
#undef popen
#undef alloca
#undef mktemp
#undef tmpnam
#undef dup2
#undef strtol
#undef strtoul
#undef strtoll
#undef strtoull

#define strcpy(...) CF_BANNED("strcpy: use cf_str_copy()")
#define strcat(...) CF_BANNED("strcat: use cf_str_append()")
#define strncpy(...) CF_BANNED("strncpy: use cf_str_copy()")
#define strncat(...) CF_BANNED("strncat: use cf_str_append()")
#define sprintf(...) CF_BANNED("sprintf: use cf_format()")
#define vsprintf(...) CF_BANNED("vsprintf: use cf_vformat()")
#define strtok(...) CF_BANNED("strtok: it has hidden state")
#define atoi(...) CF_BANNED("atoi: use cf_num_parse_i32()")
#define atol(...) CF_BANNED("atol: use cf_num_parse_i64()")
#define strtol(...) CF_BANNED("strtol: use cf_num_parse_i64()")
#define strtoul(...) CF_BANNED("strtoul: use cf_num_parse_u64()")
#define strtoll(...) CF_BANNED("strtoll: use cf_num_parse_i64()")
#define strtoull(...) CF_BANNED("strtoull: use cf_num_parse_u64()")
#define system(...) CF_BANNED("system: no shell")
#define popen(...) CF_BANNED("popen: no shell")
#define alloca(...) CF_BANNED("alloca: unchecked stack")
#define mktemp(...) CF_BANNED("mktemp: use cf_io_replace_file_at()")
#define tmpnam(...) CF_BANNED("tmpnam: use cf_io_replace_file_at()")
#define dup2(...) CF_BANNED("dup2: use cf_sys_dup3()")

/* By name inside sys/ only, where the wrapper has another name. */
#define mount(...) CF_BANNED("mount: use sys/mountfd.h")
#define umount(...) CF_BANNED("umount: use cf_sys_umount2()")

#if !defined(CF_ALLOW_SIGNAL)
#undef signal
#define signal(...) CF_BANNED("signal: a library changes no signal handling")
#endif

#if !defined(CF_ALLOW_GETENV)
#undef getenv
#define getenv(...) CF_BANNED("getenv: the library does not look at the environment")
#endif
