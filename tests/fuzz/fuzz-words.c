/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: words of the command line, as engines pass them on from their users, by the first byte: a length
 * of time, a signal, a number of bytes, a list of CPUs, the options of `update` (a line each), which must come out
 * as JSON that the parser of limits reads, and a whole command line.
 */

#include "fuzz.h"

#include <errno.h>

#include "cli/duration.h"
#include "cli/signal-name.h"
#include "cli/update-json.h"
#include "ocispec/config.h"
#include "process/affinity-plan.h"

#define WORDS_MAX 64

static void duration(const char *text)
{
    char negative[256];
    int64_t ns = 0, less = 0;

    if (duration_parse(text, &ns) < 0)
        return;
    FUZZ_ASSERT((text[0] == '-') ? ns <= 0 : ns >= 0);
    if (text[0] != '-' && text[0] != '+' && strlen(text) < sizeof(negative) - 1) {
        snprintf(negative, sizeof(negative), "-%s", text);
        FUZZ_ASSERT(duration_parse(negative, &less) == 0 && less == -ns);
    }
}

static void signal_word(const char *text)
{
    char longer[64];
    int n = signal_parse(text);

    FUZZ_ASSERT(n == -EINVAL || (n >= 0 && n <= 64));
    /* SIG in front changes nothing. */
    if (n >= 0 && (text[0] < '0' || text[0] > '9') && (text[0] | 0x20) != 's' && strlen(text) < sizeof(longer) - 4) {
        snprintf(longer, sizeof(longer), "SIG%s", text);
        FUZZ_ASSERT(signal_parse(longer) == n);
    }
}

static void cpus(const char *text)
{
    static uint64_t words[CF_AFFINITY_WORDS];
    struct cf_err err = CF_ERR_INIT;
    int n;

    memset(words, 0, sizeof(words));
    n = cf_affinity_parse(text, words, "process.execCPUAffinity.final", &err);
    FUZZ_ASSERT(n <= CF_AFFINITY_WORDS && (n >= 0 || (n == -EINVAL && err.text[0] && err.field[0])));
    FUZZ_ASSERT(n <= 0 || words[n - 1]);
}

static int split(char *text, char *argv[WORDS_MAX])
{
    int argc = 0;

    for (char *line = text, *next; line && argc < WORDS_MAX; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        argv[argc++] = line;
    }
    return argc;
}

static void command_line(char *text, unsigned int flags)
{
    struct ocispec_resources *limits = NULL;
    struct ocispec_doc *doc = NULL;
    struct ocispec_error why = {0};
    struct text json = TEXT_INIT;
    char *argv[WORDS_MAX], error[256] = "";
    int argc = split(text, argv), bad = -1;
    struct args args = {0};
    int r = args_parse(update_options_table, argc, argv, flags, &args, error, sizeof(error));

    if (r < 0) {
        FUZZ_ASSERT(memchr(error, '\0', sizeof(error)) && error[0]);
    } else {
        FUZZ_ASSERT(args.n_positional >= 0 && args.n_positional <= argc);
        r = update_json(&args, &json, &bad);
        FUZZ_ASSERT(r >= 0 || bad >= 0);
    }
    if (r >= 0 && ocispec_resources_parse(json.data, json.len, NULL, &limits, &doc, &why) < 0)
        FUZZ_ASSERT(why.path[0]); /* a number too large for its field, or bytes that are no UTF-8; never bad JSON */
    ocispec_doc_free(doc);
    text_free(&json);
    args_free(&args);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(size ? data + 1 : data, size ? size - 1 : 0);
    int64_t bytes = 0;

    switch (size ? data[0] % 6 : 0) {
    case 0:
        duration(text);
        break;
    case 1:
        signal_word(text);
        break;
    case 2:
        if (update_parse_bytes(text, &bytes) >= 0)
            FUZZ_ASSERT(bytes >= -1);
        break;
    case 3:
        cpus(text);
        break;
    case 4:
        command_line(text, 0);
        break;
    default:
        command_line(text, ARGS_STOP);
    }
    free(text);
    return 0;
}
