/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: words that a container, an image or a caller chose, in what coffer writes: the state that hooks
 * and engines read, lines of the log, text for a terminal. One line of input is an annotation's key, the next its
 * value. JSON stays JSON and says the same, and nothing that a terminal obeys comes out.
 */

#include "fuzz.h"

#include "base/arena.h"
#include "cli/text.h"
#include "container/container.h"
#include "ocispec/state.h"

#define PAIRS_MAX 16

static bool is_ascii(const char *s)
{
    for (; *s; s++)
        if ((unsigned char) *s >= 0x80)
            return false;
    return true;
}

/* As in a configuration: neither empty nor twice; bytes that are no UTF-8 were refused there. */
static bool is_new_key(const struct cf_record *record, const char *key)
{
    if (!key[0] || !is_ascii(key))
        return false;
    for (size_t i = 0; i < record->n_annotations; i++)
        if (strcmp(record->annotations[i].key, key) == 0)
            return false;
    return true;
}

static struct ocispec_state *read_state(const char *text, size_t len, struct ocispec_doc **ret_doc)
{
    struct ocispec_error why = {0};
    struct ocispec_state *state = NULL;
    int r = ocispec_state_parse(text, len, NULL, &state, ret_doc, &why);

    if (r < 0)
        fprintf(stderr, "%s: %s\n%s\n", why.path, why.message, text);
    FUZZ_ASSERT(r >= 0);
    return state;
}

static void state(const struct cf_record *record, bool full)
{
    char *text = cf_state_json(record, CF_STATUS_CREATED, 7, "/root", full ? 2 : 0, full);
    struct ocispec_doc *doc = NULL;
    const struct ocispec_state *read;

    FUZZ_ASSERT(text);
    read = read_state(text, strlen(text), &doc);
    if (is_ascii(record->bundle))
        FUZZ_ASSERT(strcmp(read->bundle, record->bundle) == 0);
    FUZZ_ASSERT(full || !strchr(text, '\n'));
    ocispec_doc_free(doc);
    free(text);
}

static void lines(const char *word)
{
    struct text json = TEXT_INIT, plain = TEXT_INIT, logfmt = TEXT_INIT;
    struct ocispec_doc *doc = NULL;
    const struct ocispec_state *read;

    text_add(&json, "{\"ociVersion\":\"1.0.0\",\"id\":\"a\",\"status\":\"stopped\",\"bundle\":");
    text_add_json(&json, word);
    text_add(&json, "}");
    read = read_state(json.data, json.len, &doc);
    if (is_ascii(word))
        FUZZ_ASSERT(strcmp(read->bundle, word) == 0);
    text_add_plain(&plain, word);
    text_add_logfmt(&logfmt, word);
    FUZZ_ASSERT(text_width(word) <= strlen(word));
    for (const char *p = plain.data ? plain.data : ""; *p; p++)
        FUZZ_ASSERT((unsigned char) *p >= ' ' && *p != 0x7f);
    for (const char *p = logfmt.data; *p; p++)
        FUZZ_ASSERT((unsigned char) *p >= ' ' && *p != 0x7f);
    /* A quote inside of a value would end it. */
    if (logfmt.data[0] == '"')
        for (size_t i = 1; i + 1 < logfmt.len; i += logfmt.data[i] == '\\' ? 2 : 1)
            FUZZ_ASSERT(logfmt.data[i] != '"');
    else
        FUZZ_ASSERT(!strpbrk(logfmt.data, " \"="));
    ocispec_doc_free(doc);
    text_free(&json);
    text_free(&plain);
    text_free(&logfmt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct cf_annotation pairs[PAIRS_MAX];
    struct cf_record record = {
        .format = 1, .id = "c", .bundle = text, .rootfs = text, .created = "2026-01-01T00:00:00.000000000Z",
        .annotations = pairs,
    };

    for (char *line = text, *key = NULL, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (!key) {
            key = line;
            continue;
        }
        if (record.n_annotations < PAIRS_MAX && is_new_key(&record, key))
            pairs[record.n_annotations++] = (struct cf_annotation) {.key = key, .value = line};
        lines(line);
        key = NULL;
    }
    lines(text);
    state(&record, true);
    state(&record, false);
    free(text);
    return 0;
}
