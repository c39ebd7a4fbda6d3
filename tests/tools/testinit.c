/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entry point of testinit: command look-up, chaining, and the few helpers that all commands share.
 * Runs inside the container.
 */
#include "testinit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

long ti_number(int argc, char **argv, int i, long fallback)
{
    char *end;
    long v;

    if (i >= argc)
        return fallback;
    errno = 0;
    v = strtol(argv[i], &end, 0);
    if (errno != 0 || end == argv[i] || *end != '\0') {
        fprintf(stderr, "testinit: %s: `%s` is not a number\n", argv[0], argv[i]);
        exit(2);
    }
    return v;
}

const char *ti_errno_name(int e)
{
    const char *name = e == 0 ? "OK" : strerrorname_np(e);

    return name ? name : "E?";
}

void ti_print_quoted(const char *text)
{
    putchar('"');
    for (const unsigned char *p = (const unsigned char *) text; *p; p++) {
        if (*p < 0x20 || *p > 0x7e || *p == '"' || *p == '\\')
            printf("\\x%02x", *p);
        else
            putchar(*p);
    }
    putchar('"');
}

int ti_cat(const char *path)
{
    char buf[4096];
    size_t n;
    FILE *f = fopen(path, "re");

    if (!f) {
        printf("%s: %s\n", path, ti_errno_name(errno));
        return 1;
    }
    while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
        fwrite(buf, 1, n, stdout);
    fclose(f);
    return 0;
}

int ti_result(const char *name, long r)
{
    printf("%s=%s\n", name, r < 0 ? ti_errno_name(errno) : "OK");
    return 0;
}

static const struct ti_command *find(const char *name)
{
    const struct ti_command *const tables[] = {ti_show_commands, ti_probe_commands,
                                               ti_hog_commands, ti_enter_commands, ti_watch_commands,
                                               ti_budget_commands};

    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const struct ti_command *c = tables[t]; c->name; c++) {
            if (strcmp(c->name, name) == 0)
                return c;
        }
    }
    return NULL;
}

static int usage(void)
{
    const struct ti_command *const tables[] = {ti_show_commands, ti_probe_commands,
                                               ti_hog_commands, ti_enter_commands, ti_watch_commands,
                                               ti_budget_commands};

    fputs("usage: testinit COMMAND [ARGS] [+ COMMAND [ARGS]]...\n", stderr);
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const struct ti_command *c = tables[t]; c->name; c++)
            fprintf(stderr, "  %s %s\n", c->name, c->usage);
    }
    return 2;
}

int main(int argc, char **argv)
{
    int status = 0;
    int i = 1;

    if (argc < 2)
        return usage();
    while (i < argc) {
        const struct ti_command *c = find(argv[i]);
        int n = 0;
        int r;

        if (!c) {
            fprintf(stderr, "testinit: unknown command `%s`\n", argv[i]);
            return usage();
        }
        while (i + n < argc && strcmp(argv[i + n], "+") != 0)
            n++;
        r = c->run(n, argv + i);
        fflush(stdout);
        if (r != 0 && status == 0)
            status = r;
        i += n + 1;
    }
    return status;
}
