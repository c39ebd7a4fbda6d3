/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See root-dir.h. The rules are those of the manual page, section FILES. */

#include "cli/root-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_ROOT "/run/coffer"

/* Adds the components of @path to @ret, which holds "" or "/a/b". */
static int add_components(char ret[PATH_MAX], const char *path)
{
    size_t len = strlen(ret);

    while (*path) {
        size_t n;

        path += strspn(path, "/");
        n = strcspn(path, "/");
        if (n == 2 && path[0] == '.' && path[1] == '.') {
            while (len > 0 && ret[--len] != '/')
                continue;
        } else if (n > 0 && !(n == 1 && path[0] == '.')) {
            if (len + 1 + n >= PATH_MAX)
                return -ENAMETOOLONG;
            ret[len++] = '/';
            memcpy(ret + len, path, n);
            len += n;
        }
        ret[len] = '\0';
        path += n;
    }
    return 0;
}

int root_dir_clean(const char *cwd, const char *path, char ret[PATH_MAX])
{
    int r = 0;

    ret[0] = '\0';
    if (path[0] != '/')
        r = add_components(ret, cwd);
    if (r == 0)
        r = add_components(ret, path);
    if (r == 0 && !ret[0])
        memcpy(ret, "/", 2);
    return r;
}

bool root_dir_is_slash(const char *path)
{
    struct stat target, root;

    return stat(path, &target) == 0 && stat("/", &root) == 0 && target.st_dev == root.st_dev &&
           target.st_ino == root.st_ino;
}

static int from_option(const char *option, struct root_dir *ret, char *error, size_t error_size)
{
    char cwd[PATH_MAX] = "";
    int r;

    if (option[0] && option[0] != '/' && !getcwd(cwd, sizeof(cwd))) {
        r = -errno;
        snprintf(error, error_size, "the working directory is gone: --root must be absolute");
        return r;
    }
    r = root_dir_clean(cwd, option, ret->path);
    if (r < 0) {
        snprintf(error, error_size, "the path of --root is too long");
        return r;
    }
    if (!option[0] || strcmp(ret->path, "/") == 0) {
        snprintf(error, error_size, ROOT_DIR_SLASH_TEXT);
        return -EINVAL;
    }
    return 0;
}

/* The whole range of ids maps to itself in the initial user namespace only. */
bool root_dir_in_user_namespace(void)
{
    char buf[128];
    unsigned int inside, outside, size;
    int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return false;
    n = read(fd, buf, sizeof(buf) - 1);
    close(fd);
    if (n <= 0)
        return n == 0;
    buf[n] = '\0';
    /* NOLINTNEXTLINE(cert-err34-c): the kernel wrote it, and 32 bits are all it can write */
    if (sscanf(buf, "%u %u %u", &inside, &outside, &size) != 3)
        return true;
    return inside != 0 || outside != 0 || size != 4294967295u;
}

int root_dir_choose(const char *option, struct root_dir *ret, char *error, size_t error_size)
{
    const char *xdg = getenv("XDG_RUNTIME_DIR");
    const char *user = getenv("USER");
    bool use_xdg = xdg && xdg[0] == '/'; /* podman sets it to "" */

    *ret = (struct root_dir){0};
    if (option)
        return from_option(option, ret, error, error_size);

    ret->is_default = true;
    if (geteuid() == 0)
        use_xdg = use_xdg && !(user && strcmp(user, "root") == 0) && root_dir_in_user_namespace();
    else
        ret->note = use_xdg          ? " (from XDG_RUNTIME_DIR: it must be a directory that the user may write to)"
                    : xdg && xdg[0] ? " (XDG_RUNTIME_DIR is not an absolute path)"
                                    : " (XDG_RUNTIME_DIR is not set)";
    if (!use_xdg) {
        snprintf(ret->path, sizeof(ret->path), DEFAULT_ROOT);
        return 0;
    }
    ret->sticky = true;
    if ((size_t) snprintf(ret->path, sizeof(ret->path), "%s/coffer", xdg) >= sizeof(ret->path)) {
        snprintf(error, error_size, "XDG_RUNTIME_DIR is too long");
        return -ENAMETOOLONG;
    }
    return 0;
}
