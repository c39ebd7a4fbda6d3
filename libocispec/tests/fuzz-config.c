/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: any bytes as config.json. What parses must be written, parse again and be
 * written as the same text.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ocispec/config.h"

/** Entry point of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *rewrite(const char *text, size_t len)
{
    struct ocispec_config *config;
    struct ocispec_doc *doc;
    struct ocispec_error err;
    char *out = NULL;

    if (ocispec_config_parse(text, len, NULL, &config, &doc, &err) < 0)
        return NULL;
    if (ocispec_config_write(config, OCISPEC_COMPACT, &out, NULL) < 0)
        abort();
    ocispec_doc_free(doc);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *once = rewrite((const char *) data, size);
    char *twice;

    if (!once)
        return 0;
    twice = rewrite(once, strlen(once));
    if (!twice || strcmp(once, twice) != 0)
        abort();
    free(once);
    free(twice);
    return 0;
}
