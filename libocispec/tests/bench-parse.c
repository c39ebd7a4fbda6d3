/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prints how long one parse and one write of a config take: bench-parse FILE [ROUNDS]. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "ocispec/config.h"

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double) ts.tv_sec * 1e6 + (double) ts.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    FILE *file = argc > 1 ? fopen(argv[1], "re") : NULL;
    int rounds = argc > 2 ? atoi(argv[2]) : 2000;
    double parse = 0, write = 0, cold = 0;
    struct stat st;
    char *text;
    size_t len;

    if (!file || fstat(fileno(file), &st) < 0 || rounds <= 0)
        return 1;
    text = malloc((size_t) st.st_size + 1);
    if (!text)
        return 1;
    len = fread(text, 1, (size_t) st.st_size, file);
    fclose(file);
    for (int i = 0; i < rounds; i++) {
        struct ocispec_config *config;
        struct ocispec_doc *doc;
        struct ocispec_error err;
        double start = now_us(), middle;
        char *out = NULL;

        if (ocispec_config_parse(text, len, NULL, &config, &doc, &err) < 0) {
            fprintf(stderr, "%s: %s\n", err.path, err.message);
            return 1;
        }
        middle = now_us();
        if (ocispec_config_write(config, OCISPEC_COMPACT, &out, NULL) < 0)
            return 1;
        write += now_us() - middle;
        parse += middle - start;
        if (i == 0)
            cold = middle - start;
        free(out);
        ocispec_doc_free(doc);
    }
    printf("%zu bytes: parse %.1f us (first %.1f), write %.1f us\n", len, parse / rounds, cold,
           write / rounds);
    free(text);
    return 0;
}
