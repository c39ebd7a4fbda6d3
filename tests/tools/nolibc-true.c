/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A payload of two instructions without any library: exit(0).
 *
 * Test and benchmark containers run it so that the measured time and the counted system calls are
 * the runtime's own. Built with -nostdlib -static; it runs inside the container.
 */

/* As a whole in assembler: not every compiler can leave out a prologue on every processor. */
#if defined(__x86_64__)
/* The registers are zero after execve, so only the call number has to be set. */
__asm__(".globl _start\n_start: movb $60, %al\n\tsyscall");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x8, #93\n\tsvc #0");
#else
#error "nolibc-true has no start code for this architecture"
#endif
