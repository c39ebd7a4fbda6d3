/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A payload that waits for ever without any library, for the cases that need a running container.
 * Built with -nostdlib -static; it runs inside the container.
 */

/* As a whole in assembler: not every compiler can leave out a prologue on every processor. */
#if defined(__x86_64__)
__asm__(".globl _start\n_start: 1: movl $34, %eax\n\tsyscall\n\tjmp 1b");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: 1: mov x0, #0\n\tmov x1, #0\n\tmov x2, #0\n\tmov x3, #0\n\t"
                     "mov x8, #73\n\tsvc #0\n\tb 1b");
#else
#error "nolibc-pause has no start code for this architecture"
#endif
