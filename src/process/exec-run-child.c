/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The arguments of execve, and the last steps to it. Container side, freestanding.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "init/init-internal.h"
#include "sys/fs.h"
#include "sys/task.h"

#define HOME_SIZE 4096

/* Anonymous memory for @n pointers and @extra bytes behind them, zeroed. */
static const char **make_vector(size_t n, size_t extra)
{
    long p = cf_sys_mmap(NULL, n * sizeof(char *) + extra, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return cf_sys_is_error(p) ? NULL : (const char **) p;
}

static size_t fill_vector(const struct cf_blob *blob, const char **vector, struct cf_ref strings)
{
    const cf_str *s = cf_blob_at(blob, strings);

    for (uint32_t i = 0; i < strings.count; i++)
        vector[i] = cf_blob_str(blob, s[i]);
    return strings.count;
}

const char **cf_exec_child_vector(const struct cf_blob *blob, const char *first,
                                  struct cf_ref strings)
{
    const char **vector = make_vector((size_t) strings.count + 2, 0);
    size_t n = 0;

    if (!vector)
        return NULL;
    if (first)
        vector[n++] = first;
    (void) fill_vector(blob, vector + n, strings);
    return vector;
}

int cf_exec_child_prepare(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    size_t n_args = (size_t) h->args.count + 1, n_env = (size_t) h->env.count + 2, home_size = 0, n;
    char home[HOME_SIZE] = "HOME=";

    if (h->flags & CF_BLOB_SET_HOME) {
        cf_home_child_find(in, home + 5, sizeof(home) - 5);
        home_size = strlen(home) + 1;
    }
    /* One piece for both: args NULL env [HOME] NULL, and the text of HOME. */
    if (n_args + n_env <= sizeof(in->few_strings) / sizeof(in->few_strings[0]) &&
        home_size <= sizeof(in->home))
        in->argv = in->few_strings;
    else
        in->argv = make_vector(n_args + n_env, home_size);
    if (!in->argv)
        return cf_err_oom(err);
    in->envp = in->argv + n_args;
    n = fill_vector(&in->blob, in->argv, h->args);
    in->argv[n] = NULL;
    n = fill_vector(&in->blob, in->envp, h->env);
    if (home_size > 0) {
        char *text = in->argv == in->few_strings ? in->home : (char *) (in->envp + n_env);

        memcpy(text, home, home_size);
        in->envp[n++] = text;
    }
    in->envp[n] = NULL;
    return 0;
}

int cf_exec_child_close(int first, const int *keep, unsigned int n)
{
    int r = 0;

    /* From gap to gap: each round closes up to the lowest fd that is kept. */
    for (;;) {
        int next = -1;

        for (unsigned int i = 0; i < n; i++) {
            if (keep[i] >= first && (next < 0 || keep[i] < next))
                next = keep[i];
        }
        if (next < 0)
            return cf_sys_close_range((unsigned int) first, ~0u, 0);
        if (next > first)
            r = cf_sys_close_range((unsigned int) first, (unsigned int) next - 1, 0);
        if (r < 0)
            return r;
        first = next + 1;
    }
}

void cf_exec_child_signals(const struct cf_init *in)
{
    const struct timespec now = {0, 0};
    const uint64_t pipe = (uint64_t) 1 << (SIGPIPE - 1), none = 0;
    struct cf_ksigaction act = {0};
    uint64_t ignored = in->blob.h->signals_ignored;

    for (int sig = 1; sig <= 64; sig++) {
        if (ignored >> (sig - 1) & 1 && sig != SIGKILL && sig != SIGSTOP)
            (void) cf_sys_rt_sigaction(sig, &act, NULL);
    }
    /* Left by a hook that did not read its state: it was meant for us, not for the program. */
    if (in->blob.h->create_container_hooks.count || in->blob.h->start_container_hooks.count)
        (void) cf_sys_rt_sigtimedwait(&pipe, NULL, &now);
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &none, NULL);
}

static int exec_failed(const struct cf_init *in, int r, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "program-not-executed", r, "exec: \"%s\"",
                      in->argv[0]);
    cf_err_errno(err, r);
    cf_err_field(err, "process.args[0]");
    if (r == -ENOENT)
        cf_err_hint(err, "the file was there: perhaps its interpreter (#! line or dynamic loader) "
                         "is missing in the root filesystem");
    else if (r == -ENOEXEC)
        cf_err_hint(err, "it is no program for this machine, or a script without #! line");
    return r;
}

/* Everything was closed before COMMIT: is there a gate, a terminal, or something that ran since? */
static bool may_have_fds(const struct cf_init *in)
{
    const struct cf_blob_header *h = in->blob.h;

    return in->report_fd != in->wire_fd || h->start_container_hooks.count > 0 ||
           (h->flags & (CF_BLOB_GATE | CF_BLOB_TERMINAL | CF_BLOB_SECCOMP)) ||
           (h->flags & (CF_BLOB_PIDNS_JOINED | CF_BLOB_EXEC)) == CF_BLOB_PIDNS_JOINED;
}

/* Under a filter that may know nothing newer than close. What is open lies near the few fds that
 * were kept, because the kernel takes the lowest free one. */
static void close_one_by_one(const struct cf_init *in)
{
    for (int fd = 3 + (int) in->blob.h->preserve_fds; fd <= in->last_fd + 16; fd++) {
        if (fd != in->report_fd)
            (void) cf_sys_close(fd);
    }
}

int cf_exec_child_run(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    const uint32_t late = CF_BLOB_SECCOMP | CF_BLOB_NO_NEW_PRIVS;
    int r = 0;

    /* Really closed: a path over /proc/self/fd would be resolved before close-on-exec acts. */
    if ((h->flags & late) == CF_BLOB_SECCOMP)
        close_one_by_one(in);
    else if (may_have_fds(in))
        r = cf_exec_child_close(3 + (int) h->preserve_fds, (int[]){in->report_fd}, 1);
    if (r < 0)
        return cf_err_sys(err, r, "close file descriptors");
    cf_exec_child_signals(in);
    /* The last call but execve, so that a profile need not allow anything of ours. */
    if ((h->flags & late) == late) {
        r = cf_seccomp_child_install(in, err);
        if (r < 0)
            return r;
    }
    r = cf_sys_execve(in->exec_path, (char *const *) (uintptr_t) in->argv,
                      (char *const *) (uintptr_t) in->envp);
    return exec_failed(in, r, err);
}
