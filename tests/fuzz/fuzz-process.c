/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: the process of `exec`. Either any bytes as its process file, or, behind a `!`, a line for each
 * argument, where "e" begins a variable, "c" a capability, "w" the working directory, "u" the labels. Both are laid
 * over three containers: a confined one, one that says little, one without a process. What silence is concerned,
 * the new process is as confined as the container's; what comes out of the checks can be planned or is refused with
 * a reason, and container init takes the plan.
 */

#include "fuzz.h"

#include "container/container.h"
#include "process/affinity-plan.h"
#include "process/exec-plan.h"
#include "process/process.h"
#include "security/security.h"
#include "spec/check.h"
#include "wire/blob-build.h"

/** Called once by libFuzzer. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define ALL_CAPS ((UINT64_C(1) << 41) - 1)
#define WORDS_MAX 64
#define HEAD "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"}]}"

static const char *const configs[] = {
    HEAD ",\"process\":{\"args\":[\"sh\"],\"env\":[\"PATH=/bin\",\"A=b\"],\"cwd\":\"/c\",\"user\":{\"uid\":1,\"gid\":2,"
    "\"umask\":18,\"additionalGids\":[3,4]},\"noNewPrivileges\":true,\"apparmorProfile\":\"p\",\"selinuxLabel\":\"a:b:c:d\","
    "\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_CHOWN\"],\"inheritable\":[\"CAP_CHOWN\"],\"permitted\":[\"CAP_CHOWN\"]},"
    "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":0}],\"oomScoreAdj\":9,\"scheduler\":{\"policy\":\"SCHED_BATCH\"},"
    "\"ioPriority\":{\"class\":\"IOPRIO_CLASS_IDLE\",\"priority\":0},\"execCPUAffinity\":{\"initial\":\"0\",\"final\":\"0-1\"}}}",
    HEAD ",\"process\":{\"args\":[\"sh\"],\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0}}}",
    HEAD "}",
};
#define N_CONFIGS (sizeof(configs) / sizeof(configs[0]))

static struct cf_spec *containers[N_CONFIGS];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct cf_err err = CF_ERR_INIT;

    for (size_t i = 0; i < N_CONFIGS; i++)
        FUZZ_ASSERT(cf_spec_load_bytes("/bundle", configs[i], strlen(configs[i]), &containers[i], &err) == 0 &&
                    cf_spec_check(containers[i], &err) == 0);
    return 0;
}

static void check_error(int r, const struct cf_err *err)
{
    FUZZ_ASSERT(r < 0 && err->ret < 0 && err->code[0] && err->text[0]);
}

/* As exec_frame() and exec_plan() do it. */
static void plan(const struct cf_spec *container, struct ocispec_process *process, struct cf_arena *arena)
{
    static const struct cf_facts facts = {
        .cap_effective = ALL_CAPS, .cap_bounding = ALL_CAPS, .cap_permitted = ALL_CAPS, .last_cap = 40,
        .privileged = true, .cgroup_mode = CF_CGROUP_MODE_V2, .apparmor = true, .selinux = true,
    };
    const struct cf_plan_options options = {.run = true};
    struct ocispec_config config = *container->config;
    struct cf_spec view = *container;
    struct cf_plan_input in = {.arena = arena, .spec = &view, .facts = &facts, .options = &options, .id = "fuzz"};
    struct cf_plan plan = {0};
    struct cf_err err = CF_ERR_INIT;
    struct cf_blob blob;
    const void *data;
    size_t size;
    int r;

    config.process = process;
    view.config = &config;
    plan.warnings_tail = &plan.warnings;
    plan.blob = cf_blob_builder_new();
    FUZZ_ASSERT(plan.blob);
    cf_blob_header(plan.blob)->flags = CF_BLOB_EXEC | CF_BLOB_MOUNTNS;
    cf_blob_header(plan.blob)->pidns_fd = CF_NO_FD;
    r = cf_process_plan_build(&in, &plan, &err);
    if (r >= 0)
        r = cf_affinity_plan_build(&in, &plan, &err);
    if (r >= 0)
        r = cf_caps_plan_build(&in, &plan, &err);
    if (r >= 0)
        r = cf_lsm_plan_build(&in, &plan, &err);
    if (r >= 0)
        r = cf_blob_finish(plan.blob, &data, &size, &err);
    if (r < 0)
        check_error(r, &err);
    else
        FUZZ_ASSERT(cf_blob_check(data, size, &blob) == 0);
    cf_blob_builder_free(plan.blob);
}

static void try_one(const struct coffer_exec_options *options, const struct ocispec_process *file,
                    const struct cf_spec *container)
{
    struct cf_arena *arena = cf_arena_new();
    const struct ocispec_process *own = container->config->process;
    struct ocispec_process *process = NULL;
    struct cf_err err = CF_ERR_INIT;
    int r;

    FUZZ_ASSERT(arena);
    r = cf_exec_plan_process(options, file, container->config, arena, &process, &err);
    if (r >= 0) {
        FUZZ_ASSERT(process && process->n_args > 0 && process->args[0][0]);
        if (own && !(file && file->has_no_new_privileges))
            FUZZ_ASSERT(process->no_new_privileges >= own->no_new_privileges);
        if (own && own->capabilities)
            FUZZ_ASSERT(process->capabilities);
        if (own && own->n_rlimits)
            FUZZ_ASSERT(process->n_rlimits);
        if (own && own->selinux_label)
            FUZZ_ASSERT(process->selinux_label && process->apparmor_profile);
        r = cf_spec_check_process(process, &err);
        if (r >= 0)
            plan(container, process, arena);
    }
    if (r < 0)
        check_error(r, &err);
    cf_arena_free(arena);
}

/* Lines to options: the lists live in @words. */
static void fill(char *text, struct coffer_exec_options *o, const char *words[3][WORDS_MAX + 1])
{
    size_t n[3] = {0};

    for (char *line = text, *next; line; line = next) {
        size_t list = 0;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        switch (*line) {
        case 'e':
        case 'c':
            list = *line++ == 'e' ? 1 : 2;
            break;
        case 'w':
            o->cwd = line + 1;
            continue;
        case 'u':
            o->apparmor_profile = o->selinux_label = line + 1;
            continue;
        default:
            break;
        }
        if (n[list] < WORDS_MAX)
            words[list][n[list]++] = line;
    }
    o->args = words[0];
    o->env = words[1];
    o->caps = words[2];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct coffer_exec_options options = COFFER_EXEC_OPTIONS_INIT;
    const char *words[3][WORDS_MAX + 1] = {{NULL}};
    char *text = fuzz_text(data, size);
    struct ocispec_process *file = NULL;
    struct ocispec_doc *doc = NULL;
    struct ocispec_error why = {0};
    int r = 0;

    if (text[0] == '!') {
        options.flags = COFFER_EXEC_UID | COFFER_EXEC_NO_NEW_PRIVS;
        options.uid = (uint32_t) size;
        fill(text + 1, &options, words);
    } else {
        r = ocispec_process_parse(text, size, NULL, &file, &doc, &why);
        FUZZ_ASSERT(r >= 0 || why.message[0]);
    }
    for (size_t i = 0; r >= 0 && i < N_CONFIGS; i++)
        try_one(&options, file, containers[i]);
    ocispec_doc_free(doc);
    free(text);
    return 0;
}
