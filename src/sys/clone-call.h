/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * clone3 with CLONE_VM: the child runs a function on a stack of its own and shares the caller's memory
 * until it executes, as after vfork(2) but without stopping the caller. Nothing is copied, so a caller
 * with a large heap pays nothing for it. Host side.
 */

#include <stddef.h>

#include "sys/task.h"

/* Where it can be used: known architectures, and no sanitizer that tracks stacks. */
#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(__SANITIZE_ADDRESS__)
#define CF_HAVE_CLONE_CALL 1
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#undef CF_HAVE_CLONE_CALL
#define CF_HAVE_CLONE_CALL 0
#endif
#endif
#else
#define CF_HAVE_CLONE_CALL 0
#endif

#if CF_HAVE_CLONE_CALL
/**
 * cf_sys_clone3_call() - clone3(args, size); the child calls fn(arg) and never returns
 * @args: flags with CLONE_VM, stack and stack_size set
 * @fn: makes raw system calls only and ends in execve or exit; @arg and the stack must stay valid until then
 * Return: pid or -errno, in the caller only.
 */
long cf_sys_clone3_call(const struct cf_clone_args *args, size_t size, void (*fn)(const void *arg), const void *arg);
#endif
