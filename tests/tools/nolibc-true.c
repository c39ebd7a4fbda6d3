/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A payload of two instructions without any library: exit(0).
 *
 * Test and benchmark containers run it so that the measured time and the counted system calls are
 * the runtime's own. Built with -nostdlib -static; it runs inside the container.
 */

void _start(void);

__attribute__((naked, noreturn)) void _start(void)
{
#if defined(__x86_64__)
    /* The registers are zero after execve, so only the call number has to be set. */
    __asm__ volatile("movb $60, %al\n\tsyscall");
#elif defined(__aarch64__)
    __asm__ volatile("mov x8, #93\n\tsvc #0");
#else
#error "nolibc-true has no start code for this architecture"
#endif
}
