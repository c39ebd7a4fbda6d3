/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Finding the program and entering its working directory, inside the root and, where it matters,
 * as the container's user with its final capabilities. The texts are a contract: engines and
 * people search for them (cli reference, 2.4 and 3.1). Container side, freestanding.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "init/init-internal.h"
#include "path/path.h"
#include "sys/fs.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PROGRAM_FIELD "process.args[0]"

enum verdict {
    PROGRAM_OK,
    PROGRAM_NO_STAT, /* cannot even be looked at */
    PROGRAM_REFUSED, /* cannot be executed */
    PROGRAM_IN_PROC, /* rule R24 */
};

/* 1 if the path leads over a magic link, for which the safe way of opening says ELOOP. */
static int is_magic(const char *path)
{
    int fd = cf_sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);

    if (fd < 0)
        return 0;
    (void) cf_sys_close(fd);
    return 1;
}

/* @ret_on_root: it is on the mount of the root itself, so surely not in a procfs. */
static int open_program(const char *path, bool *ret_magic, bool *ret_on_root)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
    int fd = -EXDEV;

    if (path[0] == '/') {
        how.resolve |= RESOLVE_NO_XDEV;
        fd = cf_sys_openat2(AT_FDCWD, path, &how, sizeof(how));
        how.resolve &= ~(uint64_t) RESOLVE_NO_XDEV;
    }
    *ret_on_root = fd >= 0;
    if (fd == -EXDEV)
        fd = cf_sys_openat2(AT_FDCWD, path, &how, sizeof(how));

    *ret_magic = fd == -ELOOP && is_magic(path);
    /* A seccomp profile older than the call, installed before: then by name only. */
    if (fd == -ENOSYS || fd == -EPERM) {
        *ret_magic = cf_str_starts_with(path, "/proc/");
        fd = *ret_magic ? -ELOOP : cf_sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
    }
    return fd;
}

/* @only_one: there is no other candidate, so what only the kernel can know may be left to execve. */
static enum verdict judge(int fd, bool on_root, bool only_one, int *ret_r)
{
    struct statfs fs;
    struct stat st;

    *ret_r = cf_sys_fstat(fd, &st);
    if (*ret_r < 0)
        return PROGRAM_NO_STAT;
    if (S_ISDIR(st.st_mode)) {
        *ret_r = -EISDIR;
        return PROGRAM_REFUSED;
    }
    if (!on_root) {
        *ret_r = cf_sys_fstatfs(fd, &fs);
        if (*ret_r >= 0 && fs.f_type == CF_PROC_SUPER_MAGIC)
            return PROGRAM_IN_PROC;
    }
    if (on_root && only_one && S_ISREG(st.st_mode) && (st.st_mode & 0111) == 0111)
        return PROGRAM_OK;
    *ret_r = cf_sys_faccessat2(fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH);
    if (*ret_r == -ENOSYS || *ret_r == -EPERM)
        *ret_r = st.st_mode & 0111 ? 0 : -EACCES;
    /* access(2) lets root through for what execve refuses: no regular file. */
    if (*ret_r >= 0 && !S_ISREG(st.st_mode))
        *ret_r = -EACCES;
    return *ret_r < 0 ? PROGRAM_REFUSED : PROGRAM_OK;
}

static enum verdict look_at(const char *path, bool only_one, int *ret_r)
{
    enum verdict verdict;
    bool magic = false, on_root = false;
    int fd = open_program(path, &magic, &on_root);

    if (fd < 0) {
        *ret_r = fd;
        return magic ? PROGRAM_IN_PROC : PROGRAM_NO_STAT;
    }
    verdict = judge(fd, on_root, only_one, ret_r);
    /* The one that will be executed is closed with all the others. */
    if (verdict != PROGRAM_OK)
        (void) cf_sys_close(fd);
    return verdict;
}

static int not_found(const char *name, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "program-not-found", -ENOENT,
                      "exec: \"%s\": executable file not found in $PATH", name);
    cf_err_field(err, PROGRAM_FIELD);
    return -ENOENT;
}

static int explain(const char *name, enum verdict verdict, int r, struct cf_err *err)
{
    if (verdict == PROGRAM_IN_PROC)
        (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "program-in-proc", -EACCES,
                          "exec: \"%s\": a program may not be executed through /proc", name);
    else if (verdict == PROGRAM_NO_STAT)
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "program-not-found", r, "exec: \"%s\": stat %s",
                          name, name);
    else
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "program-not-executable", r, "exec: \"%s\"",
                          name);
    if (verdict != PROGRAM_IN_PROC)
        cf_err_errno(err, r);
    cf_err_field(err, PROGRAM_FIELD);
    return err->ret;
}

/* One entry of PATH and the name; an empty entry is the working directory. 0: too long. */
static size_t join(char *out, size_t size, const char *dir, size_t dir_len, const char *name)
{
    size_t name_len = strlen(name), n = 0;

    if (dir_len + name_len + 3 > size)
        return 0;
    if (dir_len == 0) {
        out[n++] = '.';
    } else {
        memcpy(out, dir, dir_len);
        n = dir_len;
    }
    if (out[n - 1] != '/')
        out[n++] = '/';
    memcpy(out + n, name, name_len + 1);
    return n + name_len;
}

int cf_exec_child_search(const char *name, const char *path_env, char *out, size_t size,
                         struct cf_err *err)
{
    const char *dir = path_env ? path_env : DEFAULT_PATH;
    enum verdict verdict;
    int r = 0;

    if (name[0] == '\0')
        return not_found(name, err);
    if (strchr(name, '/')) {
        r = cf_str_copy(out, size, name);
        if (r < 0)
            return explain(name, PROGRAM_NO_STAT, r, err);
        verdict = look_at(name, true, &r);
        return verdict == PROGRAM_OK ? 0 : explain(name, verdict, r, err);
    }
    for (;;) {
        const char *end = strchr(dir, ':');
        size_t len = end ? (size_t) (end - dir) : strlen(dir);

        /* What cannot be executed is passed over, as by every shell, what is no file as well. */
        if (join(out, size, dir, len, name) > 0 && look_at(out, false, &r) == PROGRAM_OK)
            return 0;
        if (!end)
            return not_found(name, err);
        dir = end + 1;
    }
}

int cf_exec_child_find(struct cf_init *in, struct cf_err *err)
{
    const char *path_env = NULL;

    if (!in->argv[0])
        return cf_err_config(err, "args-empty", "process.args", "args must not be empty");
    for (const char **env = in->envp; *env && !path_env; env++)
        path_env = cf_str_after(*env, "PATH=");
    return cf_exec_child_search(in->argv[0], path_env, in->exec_path, sizeof(in->exec_path), err);
}

static int make_cwd(struct cf_init *in, const char *cwd)
{
    int fd = -1, r;

    r = cf_inroot_mkdirs(in->root_fd, cwd, 0755, 0, &fd);
    if (r < 0)
        return r;
    r = cf_sys_fchdir(fd);
    (void) cf_sys_close(fd);
    return r;
}

/* A directory outside the root, reached over somebody's open fd, has a name that says so. */
static int check_cwd(const char *cwd, struct cf_err *err)
{
    char buf[4096];
    long n = cf_sys_getcwd(buf, sizeof(buf));

    if (n > 0 && buf[0] == '/')
        return 0;
    (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "cwd-outside", n < 0 ? (int) n : -EACCES,
                      "current working directory \"%s\" is outside of the container's root", cwd);
    cf_err_field(err, "process.cwd");
    return err->ret;
}

/* A filter that is installed between our two looks may refuse getcwd(2). */
static bool is_filtered_early(const struct cf_init *in)
{
    return (in->blob.h->flags & (CF_BLOB_SECCOMP | CF_BLOB_NO_NEW_PRIVS)) == CF_BLOB_SECCOMP;
}

/* Then the directory has to be the one that was looked at before. There is no fd left by now
 * over which the same directory could be reached on another mount. */
static int check_again(struct cf_init *in, bool first, const char *cwd, struct cf_err *err)
{
    struct stat st;
    int r;

    if (!is_filtered_early(in) || (!first && in->cwd_state != 2))
        return check_cwd(cwd, err);
    r = first ? check_cwd(cwd, err) : 0;
    if (r < 0)
        return r;
    r = cf_sys_fstatat(AT_FDCWD, ".", &st, 0);
    if (r >= 0 && first) {
        in->cwd_dev = st.st_dev;
        in->cwd_ino = st.st_ino;
    }
    if (r >= 0 && st.st_dev == in->cwd_dev && st.st_ino == in->cwd_ino)
        return 0;
    (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "cwd-outside", r < 0 ? r : -EACCES,
                      "current working directory \"%s\" is not the same as before", cwd);
    cf_err_field(err, "process.cwd");
    return err->ret;
}

int cf_exec_child_cwd(struct cf_init *in, struct cf_err *err)
{
    const char *cwd = cf_blob_str(&in->blob, in->blob.h->cwd);
    bool first = in->cwd_state == 0;
    int r;

    if (!cwd)
        cwd = "/";
    /* We stand in the root since it was entered, and nobody may refuse it: one look, at the end. */
    if (strcmp(cwd, "/") == 0 && in->blob.h->flags & CF_BLOB_MOUNTNS) {
        in->cwd_state = 2;
        return first != is_filtered_early(in) ? 0 : check_cwd(cwd, err);
    }
    r = cf_sys_chdir(cwd);
    if (first && r == -ENOENT && !(in->blob.h->flags & CF_BLOB_EXEC))
        r = make_cwd(in, cwd);
    if (first)
        in->cwd_state = r < 0 ? 1 : 2;
    /* Container root may be less than the user (a file system that squashes it), and the user may
     * be less than root: one of the two has to get in. */
    if (first && (r == -EACCES || r == -EPERM))
        return 0;
    if (r < 0 && !first && in->cwd_state == 2 && (r == -EACCES || r == -EPERM))
        r = 0;
    if (r < 0) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "cwd-unusable", r,
                          "chdir to cwd (\"%s\") set in config.json failed", cwd);
        cf_err_errno(err, r);
        cf_err_field(err, "process.cwd");
        return r;
    }
    return check_again(in, first, cwd, err);
}
