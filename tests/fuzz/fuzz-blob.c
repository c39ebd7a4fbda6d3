/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: the plan of container init. With an even first byte the rest is the plan itself; with an odd one
 * it is a list of changes (offset in two bytes, value) to a plan that was made from a rich configuration, which
 * reaches places no random bytes would. What the check lets pass can be walked.
 */

#include "fuzz.h"

#include "container/container.h"
#include "wire/blob-build.h"

/** Called once by libFuzzer. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const char RICH[] =
    "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"h\","
    "\"process\":{\"args\":[\"sh\",\"-c\",\"x\"],\"env\":[\"PATH=/bin\",\"A=b\"],\"cwd\":\"/\","
    "\"user\":{\"uid\":1,\"gid\":2,\"additionalGids\":[3,4]},\"noNewPrivileges\":true,"
    "\"capabilities\":{\"bounding\":[\"CAP_KILL\"]},\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":0}]},"
    "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
    "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\",\"size=64k\"]},"
    "{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\",\"options\":[\"rbind\",\"rro\",\"rslave\"]}],"
    "\"hooks\":{\"createContainer\":[{\"path\":\"/bin/true\",\"args\":[\"a\",\"b\"],\"env\":[\"C=d\"],\"timeout\":2}],"
    "\"startContainer\":[{\"path\":\"/bin/true\"}]},"
    "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"user\"}],"
    "\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
    "\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
    "\"sysctl\":{\"kernel.msgmax\":\"8192\"},\"maskedPaths\":[\"/proc/kcore\"],\"readonlyPaths\":[\"/proc/sys\"]}}";

static void *plan_data;
static size_t plan_size;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct cf_facts root = {
        .cap_effective = UINT64_MAX >> 23, .cap_bounding = UINT64_MAX >> 23, .cap_permitted = UINT64_MAX >> 23,
        .last_cap = 40, .privileged = true, .cgroup_mode = CF_CGROUP_MODE_V2,
    };
    const struct cf_plan_options options = {0};
    struct cf_arena *arena = cf_arena_new();
    struct cf_spec *spec = NULL;
    struct cf_plan plan = {0};
    struct cf_err err = CF_ERR_INIT;
    struct cf_plan_input in = {.arena = arena, .facts = &root, .options = &options, .id = "fuzz"};
    int join_fds[CF_NS_MAX];
    const void *data;

    FUZZ_ASSERT(arena && cf_spec_load_bytes("/bundle", RICH, sizeof(RICH) - 1, &spec, &err) == 0);
    FUZZ_ASSERT(cf_spec_check(spec, &err) == 0);
    in.spec = spec;
    FUZZ_ASSERT(cf_plan_build(&in, CF_CGROUP_MANAGER_CGROUPFS, -1, &plan, join_fds, &err) == 0);
    FUZZ_ASSERT(cf_blob_finish(plan.blob, &data, &plan_size, &err) == 0);
    plan_data = aligned_alloc(8, plan_size);
    FUZZ_ASSERT(plan_data);
    memcpy(plan_data, data, plan_size);
    cf_blob_builder_free(plan.blob);
    cf_spec_free(spec);
    cf_arena_free(arena);
    return 0;
}

/* Aligned as a mapping is, and exactly as large, so that a step behind its end is seen. */
static void try_plan(const void *data, size_t size)
{
    struct cf_blob blob;
    void *copy;
    char *dump;

    FUZZ_ASSERT(posix_memalign(&copy, 8, size ? size : 1) == 0);
    memcpy(copy, data, size);
    if (cf_blob_check(copy, size, &blob) == 0) {
        dump = cf_blob_dump(&blob);
        FUZZ_ASSERT(dump);
        free(dump);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *changed;

    if (size == 0)
        return 0;
    if (data[0] % 2 == 0) {
        try_plan(data + 1, size - 1);
        return 0;
    }
    changed = aligned_alloc(8, plan_size);
    FUZZ_ASSERT(changed);
    memcpy(changed, plan_data, plan_size);
    for (size_t i = 1; i + 3 <= size; i += 3)
        changed[(data[i] | (size_t) data[i + 1] << 8) % plan_size] = data[i + 2];
    try_plan(changed, plan_size);
    free(changed);
    return 0;
}
