/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which process exec starts, and the lists of CPUs. */

#include <criterion/criterion.h>
#include <errno.h>

#include "plan-fixture.h"
#include "process/affinity-plan.h"
#include "process/exec-plan.h"

#define CONFIG                                                                                               \
    "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/c\",\"args\":[\"first\"],"  \
    "\"terminal\":true,\"user\":{\"uid\":5,\"gid\":6,\"umask\":7,\"additionalGids\":[8]},"                   \
    "\"env\":[\"A=1\",\"B=2\",\"A=3\"],\"noNewPrivileges\":true,\"apparmorProfile\":\"p\","                  \
    "\"selinuxLabel\":\"l\",\"oomScoreAdj\":9,\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1,\"hard\":2}]," \
    "\"scheduler\":{\"policy\":\"SCHED_BATCH\"},"                                                            \
    "\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"inheritable\":[\"CAP_CHOWN\"]}}}"

static struct plan_test p;
static struct ocispec_process *made;
static struct ocispec_doc *doc; /* of the file, which what is made points into */

static int make(const struct coffer_exec_options *options, const char *file)
{
    struct ocispec_error why = {0};
    struct ocispec_process *process = NULL;

    if (p.arena)
        plan_test_done(&p);
    ocispec_doc_free(doc);
    doc = NULL;
    plan_test_init(&p, CONFIG);
    made = NULL;
    if (file)
        cr_assert_eq(ocispec_process_parse(file, strlen(file), NULL, &process, &doc, &why), 0, "%s", why.message);
    return cf_exec_plan_process(options, process, p.spec.config, p.arena, &made, &p.err);
}

static const char *const sh[] = {"sh", "-c", NULL};

static struct coffer_exec_options command(void)
{
    struct coffer_exec_options o = COFFER_EXEC_OPTIONS_INIT;

    o.args = sh;
    return o;
}

Test(exec_plan, a_command_is_the_containers_process_with_other_arguments)
{
    struct coffer_exec_options o = command();

    cr_assert_eq(make(&o, NULL), 0);
    cr_expect_eq(made->n_args, 2);
    cr_expect_str_eq(made->args[1], "-c");
    cr_expect(!made->terminal, "the terminal is asked for each time");
    cr_expect_str_eq(made->cwd, "/c");
    cr_expect(made->no_new_privileges);
    cr_expect_eq(made->user->uid, 5);
    cr_expect_eq(made->user->gid, 6);
    cr_expect_eq(made->user->umask, 7);
    cr_expect_eq(made->n_rlimits, 1);
    cr_expect_eq(made->oom_score_adj, 9);
    cr_expect_eq(made->n_env, 3);
}

Test(exec_plan, no_command)
{
    const char *const none[] = {NULL}, *const empty[] = {"", NULL};
    struct coffer_exec_options o = COFFER_EXEC_OPTIONS_INIT;

    o.args = none;
    cr_expect_eq(make(&o, NULL), -EINVAL);
    cr_expect_str_eq(p.err.code, "args-empty");
    o.args = empty;
    cr_expect_eq(make(&o, NULL), -EINVAL);
    cr_expect_eq(make(&o, "{\"cwd\":\"/\",\"args\":[]}"), -EINVAL);
}

Test(exec_plan, relative_cwd)
{
    struct coffer_exec_options o = command();

    o.cwd = "tmp";
    cr_expect_eq(make(&o, NULL), -EINVAL);
    cr_expect_str_eq(p.err.code, "cwd-relative");
}

Test(exec_plan, the_last_variable_of_a_name_counts)
{
    static const char *const env[] = {"A=4", "AB=5", "A=6", NULL};
    struct coffer_exec_options o = command();

    o.env = env;
    cr_assert_eq(make(&o, NULL), 0);
    cr_assert_eq(made->n_env, 3);
    cr_expect_str_eq(made->env[0], "B=2");
    cr_expect_str_eq(made->env[1], "AB=5");
    cr_expect_str_eq(made->env[2], "A=6");
}

Test(exec_plan, a_variable_without_name_or_value_is_not_repeated_in_the_message)
{
    static const char *const secret[] = {"hunter2", NULL}, *const nameless[] = {"=hunter2", NULL};
    struct coffer_exec_options o = command();
    char text[512];

    o.env = secret;
    cr_expect_eq(make(&o, NULL), -EINVAL);
    (void) cf_err_print(&p.err, text, sizeof(text));
    cr_expect_null(strstr(text, "hunter2"));
    o.env = nameless;
    cr_expect_eq(make(&o, NULL), -EINVAL);
}

Test(exec_plan, user_group_and_groups_one_by_one)
{
    static const uint32_t gids[] = {10, 11};
    struct coffer_exec_options o = command();

    o.flags = COFFER_EXEC_UID;
    o.uid = 0;
    o.gid = 99;
    o.additional_gids = gids;
    o.n_additional_gids = 2;
    cr_assert_eq(make(&o, NULL), 0);
    cr_expect_eq(made->user->uid, 0);
    cr_expect_eq(made->user->gid, 6, "without the flag the number means nothing");
    cr_assert_eq(made->user->n_additional_gids, 3);
    cr_expect_eq(made->user->additional_gids[0], 8);
    cr_expect_eq(made->user->additional_gids[2], 11);
    cr_expect_eq(p.spec.config->process->user->n_additional_gids, 1, "the container's own is as before");
}

Test(exec_plan, capabilities_are_added_but_never_inheritable)
{
    static const char *const caps[] = {"CAP_CHOWN", "CAP_SYS_ADMIN", NULL};
    struct coffer_exec_options o = command();

    o.caps = caps;
    cr_assert_eq(make(&o, NULL), 0);
    cr_expect_eq(made->capabilities->n_bounding, 3);
    cr_expect_eq(made->capabilities->n_effective, 2);
    cr_expect_eq(made->capabilities->n_permitted, 2);
    cr_expect_eq(made->capabilities->n_inheritable, 1);
    cr_assert_eq(made->capabilities->n_ambient, 1, "only what was inheritable before");
    cr_expect_str_eq(made->capabilities->ambient[0], "CAP_CHOWN");
    cr_expect_eq(p.spec.config->process->capabilities->n_bounding, 1);
}

Test(exec_plan, a_process_object_is_as_it_is)
{
    struct coffer_exec_options o = command();

    o.cwd = "/other";
    o.flags = COFFER_EXEC_UID | COFFER_EXEC_TTY;
    o.uid = 77;
    cr_assert_eq(make(&o, "{\"cwd\":\"/x\",\"args\":[\"y\"],\"noNewPrivileges\":false,\"oomScoreAdj\":1,"
                          "\"apparmorProfile\":\"unconfined\",\"capabilities\":{},"
                          "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":0}]}"), 0);
    cr_expect_str_eq(made->cwd, "/x");
    cr_expect_eq(made->n_env, 0);
    cr_expect_null(made->user);
    cr_expect(!made->terminal);
    cr_expect(!made->no_new_privileges);
    cr_expect_eq(made->oom_score_adj, 1);
    cr_expect_str_eq(made->apparmor_profile, "unconfined");
    cr_expect_eq(made->capabilities->n_bounding, 0);
    cr_expect_str_eq(made->rlimits[0].type, "RLIMIT_CORE");
}

Test(exec_plan, what_a_process_object_does_not_say_of_confinement_is_the_containers)
{
    struct coffer_exec_options o = COFFER_EXEC_OPTIONS_INIT;

    cr_assert_eq(make(&o, "{\"cwd\":\"/x\",\"args\":[\"y\"]}"), 0);
    cr_expect(made->no_new_privileges);
    cr_expect_eq(made->oom_score_adj, 9);
    cr_expect_str_eq(made->apparmor_profile, "p");
    cr_expect_str_eq(made->selinux_label, "l");
    cr_expect_eq(made->capabilities->n_bounding, 1);
    cr_expect_str_eq(made->rlimits[0].type, "RLIMIT_NOFILE");
    cr_expect_str_eq(made->scheduler->policy, "SCHED_BATCH");
}

static int parse(const char *list, uint64_t words[CF_AFFINITY_WORDS])
{
    struct cf_err err = CF_ERR_INIT;

    return cf_affinity_parse(list, words, "field", &err);
}

Test(exec_plan, lists_of_cpus)
{
    static const char *const bad[] = {"a", "1,", ",1", "3-1", "1-2-3", "-1", "8192", "0-8192", "1 ", "1;2", "99999999"};
    uint64_t words[CF_AFFINITY_WORDS];

    cr_expect_eq(parse(NULL, words), 0);
    cr_expect_eq(parse("", words), 0);
    cr_expect_eq(parse("0-2,5", words), 1);
    cr_expect_eq(words[0], 0x27);
    cr_expect_eq(parse("63-64,8191", words), 128);
    cr_expect_eq(words[0], UINT64_C(1) << 63);
    cr_expect_eq(words[1], 1);
    cr_expect_eq(words[127], UINT64_C(1) << 63);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_eq(parse(bad[i], words), -EINVAL, "%s", bad[i]);
}
