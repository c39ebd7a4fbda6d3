/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The arena of one document: a list of chunks, each twice as large as the one before. The document
 * itself lies in the first chunk, so that an ordinary config costs one malloc() and one free().
 */

#include "runtime/doc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN 2048u
#define CHUNK_MAX (1024u * 1024u)
#define PIECE_MAX (1024u * 1024u * 1024u) /* no document needs more in one piece */
#define ALIGNMENT _Alignof(max_align_t)

struct chunk {
    struct chunk *before;
    _Alignas(max_align_t) char data[];
};

struct ocispec_doc {
    struct chunk *chunk; /* the newest */
    char *next, *end;
    size_t chunk_size; /* of the next chunk */
};

static struct chunk *chunk_new(size_t size)
{
    if (size > PIECE_MAX)
        return NULL;
    return malloc(sizeof(struct chunk) + size);
}

struct ocispec_doc *ocispec_doc_sized(size_t size)
{
    struct chunk *chunk;
    struct ocispec_doc *doc;

    if (size < CHUNK_MIN)
        size = CHUNK_MIN;
    if (size > CHUNK_MAX)
        size = CHUNK_MAX;
    chunk = chunk_new(sizeof(*doc) + size);
    if (!chunk)
        return NULL;
    chunk->before = NULL;
    doc = (struct ocispec_doc *) (void *) chunk->data;
    doc->chunk = chunk;
    doc->next = chunk->data + sizeof(*doc);
    doc->end = doc->next + size;
    doc->chunk_size = size;
    return doc;
}

struct ocispec_doc *ocispec_doc_new(void)
{
    return ocispec_doc_sized(0);
}

void ocispec_doc_free(struct ocispec_doc *doc)
{
    struct chunk *chunk = doc ? doc->chunk : NULL;

    while (chunk) {
        struct chunk *before = chunk->before;

        free(chunk); /* the oldest one holds the document */
        chunk = before;
    }
}

void *ocispec_doc_raw(struct ocispec_doc *doc, size_t size, size_t align)
{
    size_t pad = -(uintptr_t) doc->next & (align - 1);
    struct chunk *chunk;
    size_t wanted;
    char *at;

    if ((size_t) (doc->end - doc->next) < pad || (size_t) (doc->end - doc->next) - pad < size) {
        wanted = size > doc->chunk_size ? size : doc->chunk_size;
        chunk = chunk_new(wanted);
        if (!chunk)
            return NULL;
        chunk->before = doc->chunk;
        doc->chunk = chunk;
        doc->next = chunk->data;
        doc->end = chunk->data + wanted;
        if (doc->chunk_size < CHUNK_MAX)
            doc->chunk_size *= 2;
        pad = 0;
    }
    at = doc->next + pad;
    doc->next = at + size;
    return at;
}

void *ocispec_doc_alloc(struct ocispec_doc *doc, size_t size)
{
    void *at = ocispec_doc_raw(doc, size, ALIGNMENT);

    return at ? memset(at, 0, size) : NULL;
}

char *ocispec_doc_copy(struct ocispec_doc *doc, const char *text, size_t len)
{
    char *copy = ocispec_doc_raw(doc, len + 1, 1);

    if (!copy)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *ocispec_doc_strdup(struct ocispec_doc *doc, const char *text)
{
    return ocispec_doc_copy(doc, text, strlen(text));
}

void *ocispec_doc_grow(struct ocispec_doc *doc, void *old, size_t old_size, size_t new_size)
{
    void *at;

    if (old && (char *) old + old_size == doc->next &&
        (size_t) (doc->end - doc->next) >= new_size - old_size) {
        doc->next += new_size - old_size;
        return old;
    }
    at = ocispec_doc_raw(doc, new_size, ALIGNMENT);
    if (at && old && old_size)
        memcpy(at, old, old_size);
    return at;
}
