/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * without NUMBER[,NUMBER...] PROGRAM [ARG...]: runs it where the kernel lacks these system calls, so that the
 * ways around them are tested on new kernels too.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CALLS_MAX 32

int main(int argc, char **argv)
{
    struct sock_filter code[2 * CALLS_MAX + 2];
    struct sock_fprog program = {.filter = code};
    char *end;
    unsigned short n = 0;

    if (argc < 3)
        return 2;
    code[n++] = (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (const char *p = argv[1]; n <= 2 * CALLS_MAX - 1; p = end + 1) {
        unsigned long nr = strtoul(p, &end, 10);

        code[n++] = (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int) nr, 0, 1);
        code[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
        if (*end != ',')
            break;
    }
    code[n++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program.len = n;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0) {
        perror("seccomp");
        return 2;
    }
    (void) execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
