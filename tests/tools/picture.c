/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * picture: what of a test is on the machine, one thing a line; taken before and after it and compared. Only what
 * bears its name, because others may run containers at the same time. Read-only; runs on the host, as root.
 *
 *   picture --processes TEST-DIRECTORY
 *   picture NAME TEST-DIRECTORY
 *
 *   mounts      of this mount namespace, without the ids, which change; not what systemd mounts and unmounts as
 *               users and services come and go, nor what another bats has in its directory
 *   cgroups     with NAME in their own name
 *   processes   whose mount namespace holds something of the test's directory, which is every process of its
 *               containers; and a coffer-init that has not left the host's root yet
 *
 * TEST-DIRECTORY is the last of bats-run-XXXXXX/test/N: other names of the same directory stand before it.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file of /proc as a text that lives until the next call. NULL: it has gone. */
static char *read_file(const char *path)
{
    static char *text;
    static size_t room;
    size_t len = 0;
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return NULL;
    do {
        if (room - len < 65536 && !(text = realloc(text, room += 262144)))
            exit(3);
        n = read(fd, text + len, room - len - 1);
        len += n > 0 ? (size_t) n : 0;
    } while (n > 0);
    close(fd);
    text[len] = '\0';
    /* The arguments of a command line end with zero bytes. */
    for (size_t i = 0; i < len; i++)
        if (!text[i])
            text[i] = ' ';
    return n < 0 ? NULL : text;
}

/* Behind @n fields and the blank after each; the end if there are fewer. */
static char *field(char *line, int n)
{
    for (; n > 0 && *line; n--) {
        line += strcspn(line, " ");
        line += *line == ' ';
    }
    return line;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool passes_by(const char *root_and_point)
{
    const char *point = root_and_point + 2, *rest;

    if (!begins(root_and_point, "/ "))
        return false;
    if (begins(point, "/run/credentials/") || begins(point, "/proc/sys/fs/binfmt_misc "))
        return true;
    if (!begins(point, "/run/user/"))
        return false;
    rest = point + strlen("/run/user/");
    return isdigit((unsigned char) *rest) && rest[strspn(rest, "0123456789")] == ' ';
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

static void show_mounts(const char *run)
{
    char *save = NULL, *text = read_file("/proc/self/mountinfo"), *lines[4096];
    size_t n = 0;

    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
        char *root = field(line, 3), *point = field(root, 1), *end = point + strcspn(point, " ");
        bool foreign;

        *end = '\0';
        foreign = strstr(point, "/bats-run-") && !strstr(point, run);
        *end = ' ';
        if (!foreign && !passes_by(root) && n < sizeof(lines) / sizeof(lines[0]))
            lines[n++] = root;
    }
    qsort(lines, n, sizeof(lines[0]), by_text);
    for (size_t i = 0; i < n; i++)
        puts(lines[i]);
}

static void show_cgroups(const char *dir, const char *name)
{
    char path[4096];
    struct dirent *e;
    DIR *d = opendir(dir);

    while (d && (e = readdir(d))) {
        if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
            snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int) sizeof(path))
            continue;
        if (strstr(e->d_name, name))
            puts(path);
        show_cgroups(path, name);
    }
    if (d)
        closedir(d);
}

/* What is mounted at / in this list of mounts. */
static void root_of(char *text, char *ret, size_t size)
{
    ret[0] = '\0';
    for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char *root = field(line, 3), *point = field(root, 1);

        if (!begins(point, "/ "))
            continue;
        snprintf(ret, size, "%.*s", (int) strcspn(root, " "), root);
        return;
    }
}

static void show_processes(const char *test)
{
    char path[300], link[256], own[4096], root[4096], *text = read_file("/proc/self/mountinfo");
    struct dirent *e;
    DIR *d = opendir("/proc");

    if (!d || !text)
        exit(3);
    root_of(text, own, sizeof(own));
    while ((e = readdir(d))) {
        bool inside;
        ssize_t n;

        if (!isdigit((unsigned char) e->d_name[0]))
            continue;
        snprintf(path, sizeof(path), "/proc/%s/mountinfo", e->d_name);
        text = read_file(path);
        if (!text)
            continue;
        inside = strstr(text, test) != NULL;
        root_of(text, root, sizeof(root));
        snprintf(path, sizeof(path), "/proc/%s/exe", e->d_name);
        n = readlink(path, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        if (strstr(link, "memfd:coffer-init") && strcmp(root, own) == 0)
            puts(path);
        if (!inside)
            continue;
        snprintf(path, sizeof(path), "/proc/%s/cmdline", e->d_name);
        text = read_file(path);
        for (char *p = text; p && (p = strchr(p, '\n'));)
            *p = ' ';
        printf("/proc/%s %s\n", e->d_name, text ? text : "");
    }
    closedir(d);
}

int main(int argc, char **argv)
{
    char test[4096], run[256];
    const char *at = NULL;

    for (const char *p = argc == 3 ? argv[2] : ""; (p = strstr(p, "/bats-run-")); p++)
        at = p;
    if (!at) {
        fputs("usage: picture NAME|--processes BATS-TEST-DIRECTORY\n", stderr);
        return 2;
    }
    snprintf(run, sizeof(run), "/%.*s/", (int) strcspn(at + 1, "/"), at + 1);
    snprintf(test, sizeof(test), "%s/", at);
    if (strcmp(argv[1], "--processes") != 0) {
        puts("# mounts");
        show_mounts(run);
        puts("# cgroups");
        show_cgroups("/sys/fs/cgroup", argv[1]);
        puts("# processes");
    }
    show_processes(test);
    return fflush(stdout) == 0 ? 0 : 3;
}
