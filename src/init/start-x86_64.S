/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Entry of coffer-init on x86-64: the kernel jumps here with the argument count at the stack
 * pointer and the argument vector behind it. Container side, no C library.
 */

        .text
        .globl  _start
        .type   _start, @function
_start:
        xorl    %ebp, %ebp
        movq    %rsp, %rdi
        andq    $-16, %rsp
        call    cf_init_start
        hlt
        .size   _start, . - _start

        .section .note.GNU-stack, "", @progbits
