/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * GVariant text, as annotations `org.systemd.property.NAME` have it: booleans, numbers with or without their
 * type, strings, arrays, tuples. First a tree of what is written, then, with the types known, the steps that
 * write the D-Bus value. Pure, host side. Source: "GVariant Text Format" of the GLib reference manual.
 */

#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "cgroup/systemd-internal.h"

#define MAX_DEPTH 16
#define MAX_SIGNATURE 255

enum node_kind { NODE_BOOL, NODE_INT, NODE_DOUBLE, NODE_STRING, NODE_ARRAY, NODE_TUPLE };

struct node {
    enum node_kind kind;
    const char *type; /* given with a word or `@`; NULL: to be found */
    bool negative;
    uint64_t number; /* magnitude; BOOL: value */
    double real;
    const char *text;
    struct node *first, *next;
    size_t n; /* children */
};

struct parser {
    struct cf_arena *arena;
    const char *p;
    const char *why; /* the first thing that was wrong */
};

struct writer {
    struct parser *parser;
    struct cf_variant_op *ops;
    size_t n, cap;
};

static int bad(struct parser *parser, const char *why)
{
    if (!parser->why)
        parser->why = why;
    return -EINVAL;
}

static int oom(struct parser *parser)
{
    (void) bad(parser, "out of memory");
    return -ENOMEM;
}

static void skip_space(struct parser *parser)
{
    parser->p += strspn(parser->p, " \t\n\r");
}

static bool is_basic(char c)
{
    return c != '\0' && strchr("ybnqiuxtdsog", c);
}

/* Length of the complete type at @sig; 0: there is none. */
static size_t type_length(const char *sig, unsigned int depth)
{
    size_t n = 1;

    if (depth > MAX_DEPTH)
        return 0;
    if (is_basic(*sig))
        return 1;
    if (*sig == 'a') {
        n = type_length(sig + 1, depth + 1);
        return n ? n + 1 : 0;
    }
    if (*sig != '(')
        return 0;
    while (sig[n] != ')') {
        size_t one = type_length(sig + n, depth + 1);

        if (one == 0)
            return 0;
        n += one;
    }
    return n > 1 ? n + 1 : 0; /* D-Bus has no empty struct */
}

/* ---- text -> tree ---- */

static int parse_value(struct parser *parser, unsigned int depth, struct node **ret);

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char) c;
    } else if (c < 0x800) {
        *out++ = (char) (0xc0 | c >> 6);
        *out++ = (char) (0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char) (0xe0 | c >> 12);
        *out++ = (char) (0x80 | (c >> 6 & 0x3f));
        *out++ = (char) (0x80 | (c & 0x3f));
    } else {
        *out++ = (char) (0xf0 | c >> 18);
        *out++ = (char) (0x80 | (c >> 12 & 0x3f));
        *out++ = (char) (0x80 | (c >> 6 & 0x3f));
        *out++ = (char) (0x80 | (c & 0x3f));
    }
    return out;
}

/* Behind a backslash. */
static int parse_escape(struct parser *parser, char **out)
{
    static const char letters[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
    char c = *parser->p;
    const char *known = c ? strchr(letters, c) : NULL;
    uint32_t code = 0;

    if (c == '\0')
        return bad(parser, "unterminated string");
    parser->p++;
    if (known) {
        *(*out)++ = values[known - letters];
        return 0;
    }
    if (c != 'u' && c != 'U') {
        *(*out)++ = c;
        return 0;
    }
    for (int i = c == 'u' ? 4 : 8; i > 0; i--) {
        int digit = hex_digit(*parser->p);

        if (digit < 0)
            return bad(parser, "invalid unicode escape");
        code = code << 4 | (uint32_t) digit;
        parser->p++;
    }
    if (code == 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return bad(parser, "invalid unicode character");
    *out = put_utf8(*out, code);
    return 0;
}

static int parse_string(struct parser *parser, struct node *node)
{
    char quote = *parser->p++;
    /* No escape is shorter than what it stands for. */
    char *text = cf_arena_alloc(parser->arena, strlen(parser->p) + 1), *out = text;

    if (!text)
        return oom(parser);
    node->kind = NODE_STRING;
    node->text = text;
    while (*parser->p != quote) {
        int r = 0;

        if (*parser->p == '\0')
            return bad(parser, "unterminated string");
        if (*parser->p != '\\') {
            *out++ = *parser->p++;
            continue;
        }
        parser->p++;
        r = parse_escape(parser, &out);
        if (r < 0)
            return r;
    }
    parser->p++;
    for (const char *s = text; *s;) {
        size_t n = cf_utf8_len(s, (size_t) (out - s));

        if (n == 0)
            return bad(parser, "invalid UTF-8");
        s += n;
    }
    return 0;
}

static int parse_integer(struct parser *parser, const char *text, size_t len, uint64_t *ret)
{
    unsigned int base = 10;
    uint64_t v = 0;

    if (len > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
        len -= 2;
    } else if (len > 1 && text[0] == '0') {
        base = 8;
    }
    if (len == 0)
        return bad(parser, "not a number");
    for (size_t i = 0; i < len; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0 || (unsigned int) digit >= base)
            return bad(parser, "not a number");
        if (v > (UINT64_MAX - (unsigned int) digit) / base)
            return bad(parser, "number out of range");
        v = v * base + (unsigned int) digit;
    }
    *ret = v;
    return 0;
}

/* Decimal fractions with or without an exponent, no locale. */
static int parse_real(struct parser *parser, const char *text, size_t len, double *ret)
{
    double v = 0, scale = 1;
    size_t i = 0, digits = 0;
    int exponent = 0, sign = 1;

    for (; i < len && text[i] >= '0' && text[i] <= '9'; i++, digits++)
        v = v * 10 + (text[i] - '0');
    if (i < len && text[i] == '.') {
        for (i++; i < len && text[i] >= '0' && text[i] <= '9'; i++, digits++) {
            v = v * 10 + (text[i] - '0');
            scale *= 10;
        }
    }
    v /= scale;
    if (digits == 0 || digits > 300)
        return bad(parser, "not a number");
    if (i < len && (text[i] == 'e' || text[i] == 'E')) {
        size_t from;

        i++;
        if (i < len && (text[i] == '-' || text[i] == '+'))
            sign = text[i++] == '-' ? -1 : 1;
        for (from = i; i < len && text[i] >= '0' && text[i] <= '9' && exponent < 1000; i++)
            exponent = exponent * 10 + (text[i] - '0');
        if (i == from || exponent > 300)
            return bad(parser, "not a number");
        for (; exponent > 0; exponent--)
            v = sign > 0 ? v * 10 : v / 10;
    }
    if (i != len)
        return bad(parser, "not a number");
    *ret = v;
    return 0;
}

static int parse_number(struct parser *parser, struct node *node)
{
    const char *text = parser->p;
    size_t len;
    bool hex;

    if (*text == '-' || *text == '+')
        node->negative = *text++ == '-';
    for (len = 0; hex_digit(text[len]) >= 0 || (text[len] && strchr("xX.", text[len])) ||
                  ((text[len] == '-' || text[len] == '+') && len > 0 && (text[len - 1] | 0x20) == 'e');)
        len++;
    parser->p = text + len;
    hex = len > 1 && (text[1] | 0x20) == 'x';
    for (size_t i = 0; i < len && !hex; i++) {
        if (strchr(".eE", text[i])) {
            node->kind = NODE_DOUBLE;
            return parse_real(parser, text, len, &node->real);
        }
    }
    node->kind = NODE_INT;
    return parse_integer(parser, text, len, &node->number);
}

static int parse_list(struct parser *parser, char end, unsigned int depth, struct node *node)
{
    struct node **link = &node->first;

    parser->p++;
    for (;;) {
        int r;

        skip_space(parser);
        if (*parser->p == end && (node->n == 0 || end == ')'))
            break;
        r = parse_value(parser, depth + 1, link);
        if (r < 0)
            return r;
        link = &(*link)->next;
        node->n++;
        skip_space(parser);
        if (*parser->p == end) {
            if (end == ')' && node->n == 1)
                return bad(parser, "a tuple of one value has a comma behind it: `(1,)`");
            break;
        }
        if (*parser->p != ',')
            return bad(parser, end == ']' ? "expected `,` or `]`" : "expected `,` or `)`");
        parser->p++;
    }
    parser->p++;
    if (end == ')' && node->n == 0)
        return bad(parser, "an empty tuple is no D-Bus value");
    return 0;
}

static int parse_type(struct parser *parser, struct node *node)
{
    size_t n = type_length(++parser->p, 0);

    if (n == 0 || n > MAX_SIGNATURE)
        return bad(parser, "invalid type behind `@`");
    node->type = cf_arena_strndup(parser->arena, parser->p, n);
    if (!node->type)
        return oom(parser);
    parser->p += n;
    return 0;
}

/* true, false, or the name of a type before a value. */
static int parse_word(struct parser *parser, struct node *node, bool *ret_done)
{
    static const struct {
        const char *word, *type;
    } types[] = {
        {"boolean", "b"}, {"byte", "y"},   {"int16", "n"},      {"uint16", "q"},
        {"int32", "i"},   {"uint32", "u"}, {"int64", "x"},      {"uint64", "t"},
        {"double", "d"},  {"string", "s"}, {"objectpath", "o"}, {"signature", "g"},
    };
    size_t len = strspn(parser->p, "abcdefghijklmnopqrstuvwxyz0123456789");

    for (int v = 0; v < 2; v++) {
        const char *word = v ? "true" : "false";

        if (len == strlen(word) && memcmp(parser->p, word, len) == 0) {
            node->kind = NODE_BOOL;
            node->number = (uint64_t) v;
            parser->p += len;
            *ret_done = true;
            return 0;
        }
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (len == strlen(types[i].word) && memcmp(parser->p, types[i].word, len) == 0) {
            node->type = types[i].type;
            parser->p += len;
            return 0;
        }
    }
    return bad(parser, "unknown word");
}

static int parse_value(struct parser *parser, unsigned int depth, struct node **ret)
{
    struct node *node = cf_arena_alloc(parser->arena, sizeof(*node));
    bool done = false;
    int r = 0;

    if (!node)
        return oom(parser);
    if (depth > MAX_DEPTH)
        return bad(parser, "nested too deep");
    skip_space(parser);
    if (*parser->p == '@')
        r = parse_type(parser, node);
    else if (*parser->p >= 'a' && *parser->p <= 'z')
        r = parse_word(parser, node, &done);
    skip_space(parser);
    if (r == 0 && !done) {
        char c = *parser->p;

        if (c >= 'a' && c <= 'z' && node->type)
            r = parse_word(parser, node, &done);
        else if (c == '\'' || c == '"')
            r = parse_string(parser, node);
        else if (c == '[' || c == '(')
            r = parse_list(parser, c == '[' ? ']' : ')', depth, node);
        else if (c && strchr("+-.0123456789", c))
            r = parse_number(parser, node);
        else
            r = bad(parser, c ? "unexpected character" : "there is no value");
        if (r == 0 && (c == '[' || c == '('))
            node->kind = c == '[' ? NODE_ARRAY : NODE_TUPLE;
        if (r == 0 && done && node->kind != NODE_BOOL)
            r = bad(parser, "unexpected word");
    }
    *ret = node;
    return r;
}

/* ---- types ---- */

/* Of the elements of an array: what one of them says wins over what numbers are by default. */
static const struct node *telling_element(const struct node *array)
{
    const struct node *best = array->first;

    for (const struct node *child = array->first; child; child = child->next) {
        if (child->type)
            return child;
        if (best->kind == NODE_INT && child->kind == NODE_DOUBLE)
            best = child;
        if (best->kind == NODE_ARRAY && best->n == 0 && child->n > 0)
            best = child;
    }
    return best;
}

static int infer(struct parser *parser, const struct node *node, char *sig, size_t size)
{
    static const char *const plain[] = {[NODE_BOOL] = "b",   [NODE_INT] = "i",   [NODE_DOUBLE] = "d",
                                        [NODE_STRING] = "s", [NODE_ARRAY] = "a", [NODE_TUPLE] = "("};
    int r = cf_str_append(sig, size, node->type ? node->type : plain[node->kind]);

    if (r >= 0 && !node->type && node->kind == NODE_ARRAY) {
        if (node->n == 0)
            return bad(parser, "the type of an empty array must be given: `@as []`");
        r = infer(parser, telling_element(node), sig, size);
    } else if (r >= 0 && !node->type && node->kind == NODE_TUPLE) {
        for (const struct node *child = node->first; child && r >= 0; child = child->next)
            r = infer(parser, child, sig, size);
        if (r >= 0)
            r = cf_str_append(sig, size, ")");
    }
    return r < 0 && !parser->why ? bad(parser, "the type is too long") : r;
}

/* ---- tree -> steps ---- */

static int emit(struct writer *w, const struct cf_variant_op *op)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 16;
        struct cf_variant_op *ops = cf_arena_calloc(w->parser->arena, cap, sizeof(*ops));

        if (!ops)
            return oom(w->parser);
        if (w->n > 0)
            memcpy(ops, w->ops, w->n * sizeof(*ops));
        w->ops = ops;
        w->cap = cap;
    }
    w->ops[w->n++] = *op;
    return 0;
}

static int emit_integer(struct writer *w, const struct node *node, char type)
{
    static const struct {
        char type;
        uint64_t max, min; /* magnitudes */
    } ranges[] = {
        {'y', UINT8_MAX, 0},        {'n', INT16_MAX, 1u << 15}, {'q', UINT16_MAX, 0},
        {'i', INT32_MAX, 1u << 31}, {'u', UINT32_MAX, 0},       {'x', INT64_MAX, UINT64_C(1) << 63},
        {'t', UINT64_MAX, 0},
    };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (ranges[i].type != type)
            continue;
        if (node->number > (node->negative ? ranges[i].min : ranges[i].max))
            return bad(w->parser, "number out of range of its type");
        return emit(
            w, &(struct cf_variant_op){.op = type, .number = node->negative ? -node->number : node->number});
    }
    return bad(w->parser, "a number stands where another type was expected");
}

static int emit_basic(struct writer *w, const struct node *node, char type)
{
    double sign = node->negative ? -1 : 1;

    if (node->kind == NODE_BOOL && type == 'b')
        return emit(w, &(struct cf_variant_op){.op = 'b', .number = node->number});
    if (node->kind == NODE_STRING && (type == 's' || type == 'o' || type == 'g'))
        return emit(w, &(struct cf_variant_op){.op = type, .text = node->text});
    if (node->kind == NODE_DOUBLE && type == 'd')
        return emit(w, &(struct cf_variant_op){.op = 'd', .real = sign * node->real});
    if (node->kind == NODE_INT && type == 'd')
        return emit(w, &(struct cf_variant_op){.op = 'd', .real = sign * (double) node->number});
    if (node->kind == NODE_INT)
        return emit_integer(w, node, type);
    return bad(w->parser, "the value does not have the type that is expected there");
}

static int emit_node(struct writer *w, const struct node *node, const char *sig, size_t len)
{
    const struct node *child = node->first;
    char *contents;
    int r = 0;

    if (node->type && (strlen(node->type) != len || strncmp(node->type, sig, len) != 0))
        return bad(w->parser, "the types of the elements differ");
    if (len == 1 && is_basic(*sig))
        return emit_basic(w, node, *sig);
    if ((*sig == 'a') != (node->kind == NODE_ARRAY) || (*sig == '(') != (node->kind == NODE_TUPLE))
        return bad(w->parser, "the value does not have the type that is expected there");
    contents = cf_arena_strndup(w->parser->arena, sig + 1, *sig == 'a' ? len - 1 : len - 2);
    if (!contents)
        return oom(w->parser);
    r = emit(w, &(struct cf_variant_op){.op = *sig, .contents = contents});
    for (const char *at = contents; child && r == 0; child = child->next) {
        size_t n = type_length(at, 0);

        if (n == 0)
            return bad(w->parser, "a tuple has too many members");
        r = emit_node(w, child, at, n);
        at += *sig == '(' ? n : 0;
        if (*sig == '(' && !child->next && *at)
            r = bad(w->parser, "a tuple has too few members");
    }
    return r < 0 ? r : emit(w, &(struct cf_variant_op){.op = ')'});
}

static int parse_all(struct parser *parser, struct node **ret)
{
    int r = parse_value(parser, 0, ret);

    if (r < 0)
        return r;
    skip_space(parser);
    return *parser->p ? bad(parser, "there is something behind the value") : 0;
}

int cf_variant_parse(const char *text, struct cf_arena *arena, const struct cf_variant **ret,
                     const char **ret_why)
{
    struct parser parser = {.arena = arena, .p = text};
    struct writer w = {.parser = &parser};
    struct cf_variant *variant = cf_arena_alloc(arena, sizeof(*variant));
    char sig[MAX_SIGNATURE + 1] = "";
    struct node *node;
    int r = variant ? parse_all(&parser, &node) : oom(&parser);

    if (r == 0)
        r = infer(&parser, node, sig, sizeof(sig));
    if (r >= 0)
        r = emit_node(&w, node, sig, strlen(sig));
    if (r >= 0) {
        *variant = (struct cf_variant){.signature = cf_arena_strdup(arena, sig), .ops = w.ops, .n = w.n};
        *ret = variant;
        r = variant->signature ? 0 : oom(&parser);
    }
    *ret_why = parser.why;
    return r;
}

int cf_variant_parse_seconds(const char *text, struct cf_arena *arena, uint64_t *ret_usec,
                             const char **ret_why)
{
    struct parser parser = {.arena = arena, .p = text};
    struct node *node;
    int r = parse_all(&parser, &node);

    if (r == 0 && node->kind != NODE_INT && node->kind != NODE_DOUBLE)
        r = bad(&parser, "not a number");
    if (r == 0 && (node->negative || (node->kind == NODE_INT && node->number > UINT64_MAX / 1000000) ||
                   (node->kind == NODE_DOUBLE && node->real >= 1e12)))
        r = bad(&parser, "number out of range");
    if (r == 0)
        *ret_usec = node->kind == NODE_INT ? node->number * 1000000 : (uint64_t) (node->real * 1e6 + 0.5);
    *ret_why = parser.why;
    return r;
}
