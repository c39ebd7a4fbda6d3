/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* state/status and state/record: the status table, and state.json as text and back. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "state/state-internal.h"

Test(status, every_row_of_the_table)
{
    /* -1: both values must give the same */
    static const struct {
        enum cf_phase phase;
        int busy, alive, gate, frozen;
        enum cf_status want;
    } rows[] = {
        {CF_PHASE_CREATING, 1, -1, -1, -1, CF_STATUS_CREATING},
        {CF_PHASE_CREATING, 0, -1, -1, -1, CF_STATUS_STOPPED},
        {CF_PHASE_CREATED, -1, 1, 1, 0, CF_STATUS_CREATED},
        {CF_PHASE_CREATED, -1, 1, 0, 0, CF_STATUS_RUNNING},
        {CF_PHASE_CREATED, -1, 1, -1, 1, CF_STATUS_PAUSED},
        {CF_PHASE_CREATED, -1, 0, -1, -1, CF_STATUS_STOPPED},
        {CF_PHASE_DELETING, -1, -1, -1, -1, CF_STATUS_STOPPED},
    };
    size_t covered = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int bits = 0; bits < 16; bits++) {
            struct cf_status_input in = {
                .phase = rows[i].phase,
                .lock_busy = bits & 1,
                .init_alive = bits & 2,
                .gate_open = bits & 4,
                .frozen = bits & 8,
            };

            if ((rows[i].busy >= 0 && rows[i].busy != in.lock_busy) ||
                (rows[i].alive >= 0 && rows[i].alive != in.init_alive) ||
                (rows[i].gate >= 0 && rows[i].gate != in.gate_open) ||
                (rows[i].frozen >= 0 && rows[i].frozen != in.frozen))
                continue;
            covered++;
            cr_expect(eq(int, (int) cf_status_derive(&in), (int) rows[i].want), "row %zu, bits %d", i, bits);
        }
    }
    /* The rows exclude each other and leave no combination out. */
    cr_expect(eq(sz, covered, 3 * 16));
}

Test(status, names)
{
    cr_expect(eq(str, (char *) cf_status_name(CF_STATUS_CREATING), "creating"));
    cr_expect(eq(str, (char *) cf_status_name(CF_STATUS_CREATED), "created"));
    cr_expect(eq(str, (char *) cf_status_name(CF_STATUS_RUNNING), "running"));
    cr_expect(eq(str, (char *) cf_status_name(CF_STATUS_PAUSED), "paused"));
    cr_expect(eq(str, (char *) cf_status_name(CF_STATUS_STOPPED), "stopped"));
}

Test(status, ids)
{
    static const struct {
        const char *id;
        const char *code; /* NULL: good */
    } rows[] = {
        {"c1", NULL},
        {"a_b+c-d.e", NULL},
        {"-x", NULL},
        {"A..", NULL},
        {"", "id-empty"},
        {NULL, "id-empty"},
        {".", "id-invalid"},
        {"..", "id-invalid"},
        {".tmp-1", "id-invalid"},
        {"a/b", "id-invalid"},
        {"a b", "id-invalid"},
        {"a\n", "id-invalid"},
        {"\xc3\xa4", "id-invalid"},
        {"a:b", "id-invalid"},
    };
    char longest[257];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cf_err err = CF_ERR_INIT;
        int r = cf_id_check(rows[i].id, &err);

        cr_expect(eq(int, r, rows[i].code ? -EINVAL : 0), "row %zu", i);
        cr_expect(eq(str, err.code, (char *) (rows[i].code ? rows[i].code : "")), "row %zu", i);
    }
    memset(longest, 'a', sizeof(longest));
    for (size_t len = 255; len <= 256; len++) {
        struct cf_err err = CF_ERR_INIT;

        longest[len] = '\0';
        cr_expect(eq(int, cf_id_check(longest, &err), len == 255 ? 0 : -EINVAL));
        longest[len] = 'a';
    }
}

static struct cf_cgroup_dir dirs[] = {
    {"/sys/fs/cgroup/pids", "/coffer-c1", "pids", 77, 2, true},
    {"/sys/fs/cgroup", "/x", "", 0, 0, false},
};
static struct cf_annotation annotations[] = {{"a.b/c", "v\n\"1\""}, {"x", ""}};

static const struct cf_record full = {
    .format = 1,
    .id = "c1",
    .phase = CF_PHASE_CREATED,
    .bundle = "/b",
    .rootfs = "/b/rootfs",
    .created = "2026-01-02T03:04:05.000000006Z",
    .boot_id = "01234567-89ab-cdef-0123-456789abcdef",
    .owner_uid = 4294967294u,
    .init_pid = 2147483647,
    .init_start_time = UINT64_MAX,
    .cgroup = {.backend = "v1", .dirs = dirs, .n_dirs = 2},
    .rdt = {.root = "/sys/fs/resctrl", .group = "c1", .monitor = "c1", .created = true},
    .annotations = annotations,
    .n_annotations = 2,
    .own_pidns = true,
    .has_poststop = true,
    .gate = true,
    .mapped_root_uid = 100000,
    .mapped_root_gid = 200000,
    .lease_ledger = "/run/coffer/.ids",
    .lease_slot = 7,
    .lease_serial = UINT64_C(12345678901234567890),
};

Test(record, round_trip)
{
    struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    struct cf_record got;
    char *text, *again;
    size_t len, again_len;

    cr_assert(eq(int, cf_record_format(&full, &text, &len, &err), 0));
    cr_assert(eq(int, cf_record_parse(text, len, "c1", arena, &got, &err), 0), "%s", err.text);
    cr_expect(eq(int, (int) got.phase, CF_PHASE_CREATED));
    cr_expect(eq(i32, got.init_pid, 2147483647));
    cr_expect(eq(u64, got.init_start_time, UINT64_MAX));
    cr_expect(eq(u32, got.owner_uid, 4294967294u));
    cr_expect(eq(sz, got.cgroup.n_dirs, 2));
    cr_expect(eq(u64, got.cgroup.dirs[0].inode, 77));
    cr_expect(eq(u32, got.cgroup.dirs[0].parents, 2));
    cr_expect(got.cgroup.dirs[0].created);
    cr_expect(not(got.cgroup.dirs[1].created));
    cr_expect(got.rdt.created);
    cr_expect(eq(str, (char *) got.rdt.root, "/sys/fs/resctrl"));
    cr_expect(eq(str, (char *) got.rdt.monitor, "c1"));
    cr_expect(eq(sz, got.n_annotations, 2));
    cr_expect(eq(str, (char *) got.annotations[0].value, "v\n\"1\""));
    cr_expect(got.own_pidns && got.has_poststop && got.gate);
    cr_expect(not(got.has_poststart || got.poststop_done));
    cr_expect(eq(u32, got.mapped_root_gid, 200000));
    cr_expect(eq(str, (char *) (uintptr_t) got.lease_ledger, (char *) (uintptr_t) "/run/coffer/.ids"));
    cr_expect(eq(u32, got.lease_slot, 7));
    cr_expect(eq(u64, got.lease_serial, UINT64_C(12345678901234567890)));
    cr_assert(eq(int, cf_record_format(&got, &again, &again_len, &err), 0));
    cr_expect(eq(str, again, text));
    free(text);
    free(again);
    cf_arena_free(arena);
}

#define HEAD "{\"format\":1,\"id\":\"c1\",\"phase\":\"created\",\"bundle\":\"/b\",\"rootfs\":\"/r\","
#define TAIL "\"created\":\"t\",\"bootId\":\"b\",\"ownerUid\":0"

Test(record, refuses)
{
    static const struct {
        const char *text;
        const char *code; /* NULL: good */
    } rows[] = {
        {HEAD TAIL "}", NULL},
        {HEAD TAIL ",\"future\":{\"a\":[1]}}", NULL},
        {"", "record-broken"},
        {"{}", "record-broken"},
        {HEAD TAIL, "record-broken"},
        {HEAD TAIL "} x", "record-broken"},
        {HEAD TAIL ",\"id\":\"c1\"}", "record-broken"},
        {HEAD TAIL ",\"init\":{\"pid\":0,\"startTime\":1}}", "record-broken"},
        {HEAD TAIL ",\"init\":{\"pid\":-1,\"startTime\":1}}", "record-broken"},
        {HEAD TAIL ",\"init\":{\"pid\":2147483648,\"startTime\":1}}", "record-broken"},
        {HEAD TAIL ",\"init\":{\"pid\":5}}", "record-broken"},
        {HEAD TAIL ",\"cgroup\":{\"backend\":\"v2\",\"dirs\":[{\"hierarchy\":\"x\",\"path\":\"/\"}]}}",
         "record-broken"},
        {"{\"format\":1,\"id\":\"c2\",\"phase\":\"created\",\"bundle\":\"/b\",\"rootfs\":\"/r\"," TAIL "}",
         "record-broken"},
        {"{\"format\":1,\"id\":\"c1\",\"phase\":\"gone\",\"bundle\":\"/b\",\"rootfs\":\"/r\"," TAIL "}",
         "record-broken"},
        {"{\"format\":1,\"id\":\"c1\",\"phase\":\"created\",\"bundle\":\"b\",\"rootfs\":\"/r\"," TAIL "}",
         "record-broken"},
        {"{\"format\":2,\"id\":\"c1\",\"phase\":\"x\",\"bundle\":\"/b\",\"rootfs\":\"/r\"," TAIL "}",
         "record-newer"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cf_arena *arena = cf_arena_new();
        struct cf_err err = CF_ERR_INIT;
        struct cf_record got;
        int r = cf_record_parse(rows[i].text, strlen(rows[i].text), "c1", arena, &got, &err);

        cr_expect(eq(int, r, rows[i].code ? -EBADMSG : 0), "row %zu", i);
        cr_expect(eq(str, err.code, (char *) (rows[i].code ? rows[i].code : "")), "row %zu", i);
        cf_arena_free(arena);
    }
}

Test(proc, identity_of_a_process)
{
    struct cf_record record = {.init_pid = getpid()};
    char boot_id[37];
    int pidfd = -1;

    cr_assert(eq(int, cf_proc_start_time(getpid(), &record.init_start_time), 0));
    cr_assert(eq(int, cf_boot_id(boot_id), 0));
    record.boot_id = boot_id;
    cr_expect(eq(int, cf_record_init_alive(&record, NULL), 1));
    cr_expect(eq(int, cf_record_init_alive(&record, &pidfd), 1));
    cr_expect(pidfd >= 0);
    close(pidfd);

    record.init_start_time++;
    cr_expect(eq(int, cf_record_init_alive(&record, NULL), 0), "another start time");
    record.init_start_time--;
    boot_id[0] = boot_id[0] == '0' ? '1' : '0';
    cr_expect(eq(int, cf_record_init_alive(&record, NULL), 0), "another boot");
    record.init_pid = 0;
    cr_expect(eq(int, cf_record_init_alive(&record, NULL), 0), "no process yet");
}
