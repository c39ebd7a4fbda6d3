/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: what processes say of themselves, by the first byte: the name in /proc/PID/stat, that file as
 * raw text, /proc/PID/status as `audit` reads it, a datagram of sd_notify(3), /proc/key-users. A process chooses its
 * name, and neither its start time nor its state may come from there.
 */

#include "fuzz.h"

#include <errno.h>

#include "audit/audit.h"
#include "container/notify.h"
#include "doctor/checks.h"
#include "state/state-internal.h"

#define NAME_MAX_LENGTH 64
#define START UINT64_C(81234567)

static void name(const char *text, size_t size)
{
    char stat[512];
    uint64_t start = 0;
    int r, n = size > NAME_MAX_LENGTH ? NAME_MAX_LENGTH : (int) size;

    snprintf(stat, sizeof(stat), "77 (%.*s) S 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %llu 0 0\n", n, text,
             (unsigned long long) START);
    r = cf_proc_parse_stat(stat, &start);
    FUZZ_ASSERT(r == 0 && start == START);
    snprintf(stat, sizeof(stat), "77 (%.*s) Z 1 77 77 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 %llu 0 0\n", n, text,
             (unsigned long long) START);
    FUZZ_ASSERT(cf_proc_parse_stat(stat, &start) == -ESRCH);
}

static void notify(const char *text, size_t size)
{
    const char *line = NULL;
    size_t n = cf_notify_line(text, size, &line);

    if (n == 0)
        return;
    FUZZ_ASSERT(line >= text && line + n <= text + size && n <= 256);
    FUZZ_ASSERT(strncmp(line, "READY=", 6) == 0 && !memchr(line, '\n', n) && !memchr(line, '\0', n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_audit_proc proc = {0};
    uint64_t start;
    size_t rest = size ? size - 1 : 0;
    char *text = fuzz_text(size ? data + 1 : data, rest);
    int r;

    switch (size ? data[0] % 5 : 0) {
    case 0:
        name(text, strlen(text));
        break;
    case 1:
        r = cf_proc_parse_stat(text, &start);
        FUZZ_ASSERT(r == 0 || r == -EBADMSG || r == -ESRCH);
        break;
    case 2:
        r = cf_audit_parse_status(text, &proc);
        FUZZ_ASSERT(r == 0 || r == -EBADMSG);
        break;
    case 3:
        notify(text, rest);
        break;
    default:
        (void) cf_userns_parse_key_users(text, 1000);
        (void) cf_userns_count_ids(text);
    }
    free(text);
    return 0;
}
