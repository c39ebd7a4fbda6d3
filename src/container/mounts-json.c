/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See mounts-json.h. Host side, pure. */

#include "container/mounts-json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define MAX_TEXT (4u << 20)

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One JSON array and nothing behind it: it is put into an object, where more could mean something else. */
static bool is_one_array(const char *text, size_t len)
{
    size_t depth = 0, i = 0;
    bool quoted = false;

    while (i < len && is_blank(text[i]))
        i++;
    if (i == len || text[i] != '[')
        return false;
    for (; i < len; i++) {
        if (quoted) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                quoted = false;
        } else if (text[i] == '"') {
            quoted = true;
        } else if (text[i] == '[' || text[i] == '{') {
            depth++;
        } else if ((text[i] == ']' || text[i] == '}') && --depth == 0) {
            break;
        }
    }
    for (i++; i < len; i++)
        if (!is_blank(text[i]))
            return false;
    return i == len;
}

int cf_mounts_json_load(const char *bundle, const char *json, size_t len, struct cf_spec **ret, struct cf_err *err)
{
    static const char head[] = "{\"ociVersion\":\"1.3.0\",\"mounts\":";
    cf_auto_free char *text = NULL;

    if (len > MAX_TEXT || !is_one_array(json, len))
        return cf_err_set(err, COFFER_ERROR_CONFIG, "mounts-syntax", -EINVAL, "expected a JSON array of mounts");
    text = malloc(len + sizeof(head) + 1);
    if (!text)
        return cf_err_oom(err);
    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + sizeof(head) - 1, json, len);
    text[sizeof(head) - 1 + len] = '}';
    return cf_spec_load_bytes(bundle, text, len + sizeof(head), ret, err);
}
