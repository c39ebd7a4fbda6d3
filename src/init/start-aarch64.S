/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Entry of coffer-init on aarch64: the kernel jumps here with the argument count at the stack
 * pointer and the argument vector behind it. Container side, no C library.
 */

        .text
        .globl  _start
        .type   _start, %function
_start:
        mov     x29, #0
        mov     x30, #0
        mov     x0, sp
        and     sp, x0, #-16
        bl      cf_init_start
        brk     #1
        .size   _start, . - _start

        .section .note.GNU-stack, "", %progbits
