/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See mountinfo.h. A line: "id parent dev root point options optional... - fstype source super". Host side. */

#include "mount/mountinfo.h"

#include <string.h>

#include "base/num.h"

void cf_mountinfo_unescape(char *s)
{
    char *out = s;

    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
            *out++ = (char) ((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
}

bool cf_mountinfo_next(char **text, struct cf_mountinfo *ret)
{
    char *line = *text, *end = strchr(line, '\n'), *fields[6], *dash, *source, *super = NULL;

    if (!end)
        return false;
    *end = '\0';
    *text = end + 1;
    *ret = (struct cf_mountinfo) {0};
    dash = strstr(line, " - ");
    for (size_t i = 0; i < 6; i++) {
        fields[i] = line;
        line = line ? strchr(line, ' ') : NULL;
        if (line)
            *line++ = '\0';
    }
    if (!dash || !fields[5] || cf_num_parse_u64(fields[0], 0, UINT64_MAX, &ret->id) < 0 ||
        cf_num_parse_u64(fields[1], 0, UINT64_MAX, &ret->parent) < 0) {
        *ret = (struct cf_mountinfo) {0};
        return true;
    }
    ret->root = fields[3];
    ret->point = fields[4];
    ret->options = fields[5];
    ret->fstype = dash + 3;
    source = strchr(ret->fstype, ' ');
    if (source) {
        *source++ = '\0';
        super = strchr(source, ' ');
    }
    ret->super = super ? super + 1 : end;
    cf_mountinfo_unescape(ret->root);
    cf_mountinfo_unescape(ret->point);
    return true;
}
