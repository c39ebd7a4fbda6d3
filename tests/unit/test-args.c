/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cli/args, signal-name, root-dir, text: what the command line accepts and how it writes. The
 * command has no library of its own: its pure files are compiled in here. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "cli/args.c"
#include "cli/root-dir.c"
#include "cli/signal-name.c"
#include "cli/text.c"

enum { OPT_BUNDLE, OPT_ALL, OPT_DETACH, OPT_TTY, OPT_ENV, OPT_FORMAT, OPT_NO_SUBREAPER, OPT_UPPER };

static const struct arg_option table[] = {
    [OPT_BUNDLE] = {"bundle", 'b', ARG_VALUE, false, "DIR", ""},
    [OPT_ALL] = {"all", 'a', ARG_FLAG, false, NULL, ""},
    [OPT_DETACH] = {"detach", 'd', ARG_FLAG, false, NULL, ""},
    [OPT_TTY] = {"tty", 't', ARG_FLAG, false, NULL, ""},
    [OPT_ENV] = {"env", 'e', ARG_VALUE, false, "X=Y", ""},
    [OPT_FORMAT] = {"format", 'f', ARG_VALUE, false, "F", ""},
    [OPT_NO_SUBREAPER] = {"no-subreaper", 0, ARG_FLAG, false, NULL, ""},
    [OPT_UPPER] = {NULL, 'V', ARG_FLAG, true, NULL, ""},
    {0},
};

#define MAX_WORDS 8

/* Options seen as "bundle=x detach !tty", positionals after " | ". */
static void describe(const struct args *args, char *buf, size_t size)
{
    struct text t = TEXT_INIT;

    text_add(&t, "");
    for (size_t i = 0; i < args->n_hits; i++) {
        const struct arg_hit *hit = &args->hits[i];
        const char *name = table[hit->index].name ? table[hit->index].name : "V";

        if (hit->value)
            text_printf(&t, "%s=%s ", name, hit->value);
        else
            text_printf(&t, "%s%s ", hit->on ? "" : "!", name);
    }
    text_add(&t, "|");
    for (int i = 0; i < args->n_positional; i++)
        text_printf(&t, " %s", args->positional[i]);
    snprintf(buf, size, "%s%s", t.data, args->help ? " HELP" : "");
    text_free(&t);
}

static void check(const char *const words[MAX_WORDS], unsigned int flags, const char *want)
{
    struct args args;
    char got[256], error[256] = "";
    char *argv[MAX_WORDS + 1] = {NULL};
    int argc = 0, r;

    for (; argc < MAX_WORDS && words[argc]; argc++)
        argv[argc] = strdup(words[argc]);
    r = args_parse(table, argc, argv, flags, &args, error, sizeof(error));
    if (r < 0)
        snprintf(got, sizeof(got), "%s", error);
    else
        describe(&args, got, sizeof(got));
    cr_expect(eq(str, got, (char *) want), "%s", words[0]);
    args_free(&args);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
}

Test(args, forms)
{
    static const struct {
        const char *words[MAX_WORDS];
        unsigned int flags;
        const char *want;
    } rows[] = {
        {{"--bundle", "x", "id"}, 0, "bundle=x | id"},
        {{"--bundle=x", "id"}, 0, "bundle=x | id"},
        {{"--bundle=", "id"}, 0, "bundle= | id"},
        {{"--bundle=a=b"}, 0, "bundle=a=b |"},
        {{"-b", "x"}, 0, "bundle=x |"},
        {{"-bx"}, 0, "bundle=x |"},
        {{"-b=x"}, 0, "bundle=x |"},
        {{"-bundle", "x"}, 0, "bundle=x |"},
        {{"-bundle=x"}, 0, "bundle=x |"},
        {{"-no-subreaper", "id"}, 0, "no-subreaper | id"},
        {{"-dt"}, 0, "detach tty |"},
        {{"-dtb", "x"}, 0, "detach tty bundle=x |"},
        {{"-dbx"}, 0, "detach bundle=x |"},
        {{"-f=json"}, 0, "format=json |"},
        {{"-fjson"}, 0, "format=json |"},
        {{"-all"}, 0, "all |"},
        {{"--tty=false", "--detach=T", "--all=0"}, 0, "!tty detach !all |"},
        {{"-t=false"}, 0, "!tty |"},
        {{"-dt=1"}, 0, "detach tty |"},
        {{"-V"}, 0, "V |"},
        {{"id", "--all"}, 0, "all | id"},
        {{"id", "--all"}, ARGS_STOP, "| id --all"},
        {{"--all", "id", "-b", "--"}, ARGS_STOP, "all | id -b --"},
        {{"--", "--all"}, 0, "| --all"},
        {{"-"}, 0, "| -"},
        {{""}, 0, "| "},
        {{"-b", "-"}, 0, "bundle=- |"},
        {{"-b", "--all"}, 0, "bundle=--all |"},
        {{"-e", "A=1", "--env=B=2", "-b", "x", "-b", "y"}, 0, "env=A=1 env=B=2 bundle=x bundle=y |"},
        {{"--help", "--nonsense"}, 0, "| HELP"},
        {{"-h"}, 0, "| HELP"},
        {{"-?"}, 0, "| HELP"},
        {{"--usage"}, 0, "| HELP"},
        {{"-help"}, 0, "| HELP"},
        {{"--bundle"}, 0, "option '--bundle' requires an argument"},
        {{"-b"}, 0, "option '-b' requires an argument"},
        {{"-db"}, 0, "option '-b' requires an argument"},
        {{"--cons", "x"}, 0, "unknown option '--cons'"},
        {{"--bund=x"}, 0, "unknown option '--bund'"},
        {{"-x"}, 0, "unknown option '-x'"},
        {{"-dx"}, 0, "unknown option '-x'"},
        {{"--tty=yes"}, 0, "invalid boolean value \"yes\" for option '--tty'"},
        {{"--tty="}, 0, "invalid boolean value \"\" for option '--tty'"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(rows[i].words, rows[i].flags, rows[i].want);
}

Test(args, last_wins_and_lists_collect)
{
    char words[][8] = {"-bx", "-eA", "-by", "-eB", "-d", "-d=0"};
    char *argv[6];
    char error[64];
    struct args args;
    size_t pos = 0;

    for (size_t i = 0; i < 6; i++)
        argv[i] = words[i];
    cr_assert(eq(int, args_parse(table, 6, argv, 0, &args, error, sizeof(error)), 0));
    cr_expect(eq(str, (char *) args_value(&args, OPT_BUNDLE), "y"));
    cr_expect(args_value(&args, OPT_FORMAT) == NULL);
    cr_expect(not(args_flag(&args, OPT_DETACH)));
    cr_expect(eq(str, (char *) args_next(&args, OPT_ENV, &pos), "A"));
    cr_expect(eq(str, (char *) args_next(&args, OPT_ENV, &pos), "B"));
    cr_expect(args_next(&args, OPT_ENV, &pos) == NULL);
    args_free(&args);
}

Test(args, signals)
{
    static const struct {
        const char *text;
        int want;
    } rows[] = {
        {"0", 0},
        {"9", 9},
        {"015", 15},
        {"64", 64},
        {"65", -EINVAL},
        {"-1", -EINVAL},
        {"KILL", 9},
        {"SIGKILL", 9},
        {"kill", 9},
        {"sigTerm", 15},
        {"RTMIN", 34},
        {"SIGRTMIN+3", 37},
        {"RTMAX-1", 63},
        {"rtmax", 64},
        {"RTMIN+31", -EINVAL},
        {"RTMIN-1", -EINVAL},
        {"RTMIN+", -EINVAL},
        {"RTMAX+1", -EINVAL},
        {"IOT", 6},
        {"POLL", 29},
        {"CLD", 17},
        {"IO", 29},
        {"", -EINVAL},
        {"SIG", -EINVAL},
        {"FOO", -EINVAL},
        {"UNUSED", -EINVAL},
        {"9x", -EINVAL},
        {"99999999999", -EINVAL},
        {"SIG9", -EINVAL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect(eq(int, signal_parse(rows[i].text), rows[i].want), "%s", rows[i].text);
}

Test(args, clean_paths)
{
    static const struct {
        const char *cwd, *path, *want;
    } rows[] = {
        {"/c", "/", "/"},          {"/c", "//", "/"},
        {"/c", "/a/../..", "/"},   {"/c/d", "x", "/c/d/x"},
        {"/c/d", "../x/", "/c/x"}, {"/c", "..", "/"},
        {"/", "x", "/x"},          {"/c", "/a//b/./c", "/a/b/c"},
        {"/c", "./", "/c"},        {"/c", "/a/...", "/a/..."},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[PATH_MAX];

        cr_expect(eq(int, root_dir_clean(rows[i].cwd, rows[i].path, got), 0));
        cr_expect(eq(str, got, (char *) rows[i].want), "%s", rows[i].path);
    }
}

Test(args, root_dir_refuses_slash)
{
    static const char *const bad[] = {"/", "", "//", "/..", "/tmp/.."};
    struct root_dir root;
    char error[256];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect(lt(int, root_dir_choose(bad[i], &root, error, sizeof(error)), 0), "%s", bad[i]);
        cr_expect(eq(str, error, "Option --root argument should not be set to /"));
    }
}

static void check_text(void (*add)(struct text *, const char *), const char *in, const char *want)
{
    struct text t = TEXT_INIT;

    text_add(&t, "");
    add(&t, in);
    cr_expect(eq(str, t.data, (char *) want), "%s", in);
    text_free(&t);
}

Test(text, escapes)
{
    check_text(text_add_logfmt, "plain-._/@^+1", "plain-._/@^+1");
    check_text(text_add_logfmt, "two words", "\"two words\"");
    check_text(text_add_logfmt, "", "\"\"");
    check_text(text_add_logfmt, "a\n\"b\"\\\x1b\xff\xc3\xa4", "\"a\\n\\\"b\\\"\\\\\\x1b\\xff\xc3\xa4\"");
    check_text(text_add_json, "a\n\t\x01\"\\\xff\xc3\xa4/",
               "\"a\\n\\t\\u0001\\\"\\\\\xef\xbf\xbd\xc3\xa4/\"");
    check_text(text_add_json, "\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    check_text(text_add_json, "\xc2\x85", "\"\\u0085\"");
    check_text(text_add_plain, "a\nb\x1b[0m\xc2\x9b\xe2\x82\xac\xe2\x82",
               "a\\x0ab\\x1b[0m\\xc2\\x9b\xe2\x82\xac\\xe2\\x82");
}
