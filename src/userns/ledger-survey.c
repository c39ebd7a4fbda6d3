/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The ledger for somebody who only looks: opened for reading, nothing made, emptied or removed. Host side. */

#include <errno.h>
#include <string.h>
#include <sys/file.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "userns/ledger-file.h"

static int broken(const char *path, const char *code, const char *what, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_STATE, code, -EBADMSG, "`%s/" LEDGER_NAME "` %s", path, what);
    return -EBADMSG;
}

/* Return: 1: of this boot, *ret_slots is set; 0: of another one, or empty; or negative errno with err. */
static int read_head(int fd, const char *path, const char *boot_id, uint32_t *ret_slots, struct cf_err *err)
{
    struct ledger_header header;
    uint32_t count[2] = {0};
    long n = cf_sys_pread64(fd, &header, sizeof(header), 0);

    if (n < 0)
        return cf_err_sys(err, (int) n, "read `%s/" LEDGER_NAME "`", path);
    if (n < (long) sizeof(header))
        return 0;
    if (memcmp(header.magic, LEDGER_MAGIC, sizeof(LEDGER_MAGIC)) != 0)
        return broken(path, "id-ledger-broken", "is not an id ledger", err);
    if (header.version > LEDGER_VERSION)
        return broken(path, "id-ledger-newer", "was made by a newer coffer", err);
    if (header.hash != ledger_hash(&header, offsetof(struct ledger_header, hash)))
        return broken(path, "id-ledger-broken", "is damaged", err);
    if (boot_id[0] && strncmp(header.boot_id, boot_id, sizeof(header.boot_id)) != 0)
        return 0;
    n = cf_sys_pread64(fd, count, sizeof(count), LEDGER_COUNT_AT);
    if (n < 0)
        return cf_err_sys(err, (int) n, "read `%s/" LEDGER_NAME "`", path);
    if ((count[0] || count[1]) && (count[1] != ~count[0] || count[0] > LEDGER_MAX_SLOTS))
        return broken(path, "id-ledger-broken", "is damaged", err);
    *ret_slots = count[0];
    return 1;
}

static int read_leases(struct cf_ledger *ledger, struct cf_arena *arena, struct cf_ledger_survey *ret,
                       struct cf_err *err)
{
    struct ledger_slot slots[LEDGER_CHUNK];
    uint32_t n = 0;
    int r;

    ret->leases = cf_arena_calloc(arena, ledger->n_slots ? ledger->n_slots : 1, sizeof(*ret->leases));
    if (!ret->leases)
        return cf_err_oom(err);
    for (uint32_t first = 0; first < ledger->n_slots; first += n) {
        r = ledger_read_slots(ledger, first, slots, &n, err);
        if (r < 0)
            return r;
        for (uint32_t i = 0; i < n; i++) {
            struct cf_lease *lease = &ret->leases[ret->n_leases];

            if (slots[i].hash == 0)
                continue;
            r = ledger_slot_valid(&slots[i]) ? ledger_read_detail(ledger, first + i, &slots[i], arena, lease) : -EBADMSG;
            if (r == -ENOMEM)
                return cf_err_oom(err);
            if (r < 0)
                ret->n_torn++;
            else if (ledger_is_alive(ledger, lease, arena))
                ret->n_leases++;
            else
                ret->n_dead++;
        }
    }
    return 0;
}

int cf_ledger_survey(int dir_fd, const char *path, const char *boot_id, struct cf_arena *arena,
                     struct cf_ledger_survey *ret, struct cf_err *err)
{
    struct cf_ledger ledger = {.fd = cf_sys_openat(dir_fd, LEDGER_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0)};
    cf_auto_fd int fd = ledger.fd;
    int r;

    *ret = (struct cf_ledger_survey) {0};
    if (fd < 0)
        return cf_err_sys(err, fd, "open `%s/" LEDGER_NAME "`", path);
    (void) cf_str_copy(ledger.path, sizeof(ledger.path), path);
    /* A writer has it for some microseconds; what hangs shall not stop who looks. */
    ret->busy = cf_sys_flock(fd, LOCK_SH | LOCK_NB) < 0;
    r = read_head(fd, path, boot_id, &ledger.n_slots, err);
    ret->other_boot = r == 0;
    ret->n_slots = ledger.n_slots;
    return r <= 0 ? r : read_leases(&ledger, arena, ret, err);
}
