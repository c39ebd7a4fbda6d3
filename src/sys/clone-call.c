/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The one call that C cannot express: two returns on two stacks. Host side. */

#include "sys/clone-call.h"

#if CF_HAVE_CLONE_CALL

#if defined(__x86_64__)
/* rdi args, rsi size, rdx fn, rcx arg; the kernel clobbers rcx and r11 only. */
__asm__(".text\n"
        ".hidden cf_sys_clone3_call\n"
        ".globl cf_sys_clone3_call\n"
        ".type cf_sys_clone3_call, @function\n"
        "cf_sys_clone3_call:\n"
        "    endbr64\n"
        "    mov %rdx, %r8\n"
        "    mov %rcx, %r9\n"
        "    mov $435, %eax\n"
        "    syscall\n"
        "    test %rax, %rax\n"
        "    jz 1f\n"
        "    ret\n"
        "1:  xor %ebp, %ebp\n"
        "    mov %r9, %rdi\n"
        "    call *%r8\n"
        "    ud2\n"
        ".size cf_sys_clone3_call, .-cf_sys_clone3_call\n");
#elif defined(__aarch64__)
/* x0 args, x1 size, x2 fn, x3 arg; the kernel keeps all but x0. */
__asm__(".text\n"
        ".hidden cf_sys_clone3_call\n"
        ".globl cf_sys_clone3_call\n"
        ".type cf_sys_clone3_call, %function\n"
        "cf_sys_clone3_call:\n"
        "    mov x8, #435\n"
        "    svc #0\n"
        "    cbz x0, 1f\n"
        "    ret\n"
        "1:  mov x29, #0\n"
        "    mov x30, #0\n"
        "    mov x0, x3\n"
        "    blr x2\n"
        "    brk #0\n"
        ".size cf_sys_clone3_call, .-cf_sys_clone3_call\n");
#endif

#else

typedef int cf_clone_call_is_off; /* an empty translation unit is not ISO C */

#endif
