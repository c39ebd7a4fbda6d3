/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Good documents: every field arrives where it belongs, and writing gives the same text again. */

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static struct ocispec_config *load_config(const char *text, struct ocispec_doc **ret_doc)
{
    struct ocispec_config *config = NULL;
    struct ocispec_error err;
    int r = ocispec_config_parse(text, strlen(text), NULL, &config, ret_doc, &err);

    cr_assert_eq(r, 0, "%s: %s", err.path, err.message);
    return config;
}

Test(good, process)
{
    size_t len;
    char *text = test_load("config.json", &len);
    struct ocispec_doc *doc;
    struct ocispec_process *process = load_config(text, &doc)->process;
    struct ocispec_user *user = process->user;

    free(text); /* nothing points into the text */
    cr_expect(process->has_terminal && process->terminal);
    cr_expect_eq(process->console_size->height, 24);
    cr_expect_eq(process->console_size->width, 80);
    cr_expect_eq(user->uid, 1000);
    cr_expect_eq(user->gid, 4294967294u);
    cr_expect(user->has_umask && user->umask == 18);
    cr_assert_eq(user->n_additional_gids, 3);
    cr_expect_eq(user->additional_gids[2], UINT32_MAX);
    cr_expect_str_eq(user->username, "somebody");
    cr_assert_eq(process->n_args, 3);
    cr_expect_str_eq(process->args[2], "printf '%s\\n' \"$0\" \001 \xc3\xa9 \xf0\x9f\x90\x8e");
    cr_expect_str_eq(process->command_line, "cmd.exe");
    cr_expect_eq(process->n_env, 2);
    cr_expect_str_eq(process->cwd, "/");
    cr_expect(process->capabilities->inheritable != NULL); /* empty, but there */
    cr_expect_eq(process->capabilities->n_inheritable, 0);
    cr_expect_str_eq(process->capabilities->ambient[0], "CAP_KILL");
    cr_expect_eq(process->rlimits[0].hard, UINT64_MAX);
    cr_expect_eq(process->rlimits[0].soft, 1024);
    cr_expect(process->has_no_new_privileges && process->no_new_privileges);
    cr_expect(process->has_oom_score_adj && process->oom_score_adj == -1000);
    cr_expect(process->scheduler->has_nice && process->scheduler->nice == -20);
    cr_expect(process->scheduler->has_priority && process->scheduler->priority == 0);
    cr_expect_eq(process->scheduler->period, 3);
    cr_expect_eq(process->io_priority->priority, 7);
    cr_expect_str_eq(process->io_priority->class, "IOPRIO_CLASS_IDLE");
    cr_expect_str_eq(process->exec_cpu_affinity->final, "1");
    ocispec_doc_free(doc);
}

Test(good, linux_part)
{
    size_t len;
    char *text = test_load("config.json", &len);
    struct ocispec_doc *doc;
    struct ocispec_config *config = load_config(text, &doc);
    struct ocispec_linux *linux = config->linux;
    struct ocispec_resources *resources = linux->resources;

    free(text);
    cr_expect(config->root->has_readonly && !config->root->readonly);
    cr_assert_eq(config->n_mounts, 2);
    cr_expect(config->mounts[0].options == NULL);
    cr_expect_eq(config->mounts[1].gid_mappings[0].host_id, 200000);
    cr_expect_eq(config->hooks->poststop[0].timeout, -1);
    cr_expect(!config->hooks->create_runtime[0].has_timeout);
    cr_expect_str_eq(config->annotations->keys[1], "org.example.two");
    cr_expect_str_eq(config->annotations->values[1], "");
    cr_expect_eq(linux->uid_mappings[1].size, UINT32_MAX);
    cr_expect(!resources->devices[0].allow && !resources->devices[0].has_major);
    cr_expect(resources->devices[1].has_minor && resources->devices[1].minor == -1);
    cr_expect_eq(resources->memory->limit, -1);
    cr_expect_eq(resources->memory->kernel, INT64_MIN);
    cr_expect_eq(resources->memory->reservation, INT64_MAX);
    cr_expect(resources->memory->has_disable_oom_killer);
    cr_expect_eq(resources->cpu->realtime_period, 1000000);
    cr_expect_eq(resources->block_io->leaf_weight, UINT16_MAX);
    cr_expect(resources->block_io->throttle_write_bps_device != NULL);
    cr_expect_eq(resources->block_io->n_throttle_write_bps_device, 0);
    cr_expect_eq(resources->block_io->throttle_write_iops_device[0].rate, 602);
    cr_expect_eq(resources->network->class_id, 1048577);
    cr_assert_eq(resources->rdma->n, 2);
    cr_expect_str_eq(resources->rdma->keys[1], "mlx4_0");
    cr_expect(resources->rdma->values[0].has_hca_handles);
    cr_expect(!resources->rdma->values[1].has_hca_handles);
    cr_expect_str_eq(resources->unified->keys[0], "memory.high");
    cr_expect_eq(linux->devices[0].file_mode, 438);
    cr_expect(!linux->devices[1].has_major);
    cr_expect_str_eq(linux->net_devices->values[0].name, "container_eth0");
    cr_expect_eq(linux->seccomp->syscalls[0].args[0].value, UINT64_MAX);
    cr_expect_eq(linux->seccomp->syscalls[0].args[0].value_two, UINT64_C(9007199254740993));
    cr_expect_str_eq(linux->intel_rdt->clos_id, "guaranteed");
    cr_expect_str_eq(linux->intel_rdt->l3_cache_schema, "L3:0=7f0;1=1f");
    cr_expect_eq(linux->time_offsets->values[0].secs, -172800);
    cr_expect(!linux->time_offsets->values[1].has_nanosecs);
    ocispec_doc_free(doc);
}

Test(good, unknown_keys_null_and_odd_order)
{
    struct ocispec_doc *doc;
    struct ocispec_config *config =
        load_config(" {\"x\":[[{\"\":null,\"ociVersion\":[1e3,-0.5,\"\\ud83d\\udc0e\"]}]],\"OciVersion\":1,"
                    "\"root\":null,\"linux\":{\"resources\":{\"y\":{\"y\":{\"y\":1}}},\"sysctl\":{\"a\":null,"
                    "\"b\":\"1\"},"
                    "\"uidMappings\":null,\"netDevices\":{}},\"hostname\":null,"
                    "\"process\":{\"cwd\":\"/\",\"user\":{\"gid\":-0,\"uid\":7,\"umask\":null},"
                    "\"env\":[]},\"ociVersion\":\"1\\u002e0\",\"\\u0079\":{}}\r\n\t ",
                    &doc);

    cr_expect_str_eq(config->oci_version, "1.0");
    cr_expect(config->root == NULL && config->hostname == NULL);
    cr_assert_eq(config->linux->sysctl->n, 1);
    cr_expect_str_eq(config->linux->sysctl->keys[0], "b");
    cr_expect(config->linux->uid_mappings == NULL);
    cr_expect(config->linux->net_devices != NULL && config->linux->net_devices->n == 0);
    cr_expect_eq(config->process->user->gid, 0);
    cr_expect_eq(config->process->user->uid, 7);
    cr_expect(!config->process->user->has_umask);
    cr_expect(config->process->env != NULL);
    ocispec_doc_free(doc);
}

Test(good, array_growth)
{
    char *text = test_repeat("{\"ociVersion\":\"1.0.0\",\"linux\":{\"uidMappings\":[",
                             "{\"containerID\":1,\"hostID\":2,\"size\":3}", ",", 100000, "]}}");
    struct ocispec_doc *doc;
    struct ocispec_config *config = load_config(text, &doc);

    cr_assert_eq(config->linux->n_uid_mappings, 100000);
    for (size_t i = 0; i < config->linux->n_uid_mappings; i++) {
        const struct ocispec_id_mapping *entry = &config->linux->uid_mappings[i];

        cr_assert(entry->container_id == 1 && entry->host_id == 2 && entry->size == 3);
    }
    ocispec_doc_free(doc);
    free(text);
}

/* The test data is in the writer's own form: tabs, keys in the order of the schema. */
#define ROUND_TRIP(root, file)                                                                               \
    do {                                                                                                     \
        size_t len, len_tab, len_flat;                                                                       \
        char *text = test_load(file, &len), *tab = NULL, *flat = NULL, *again = NULL;                        \
        struct ocispec_##root *value;                                                                        \
        struct ocispec_doc *doc;                                                                             \
        struct ocispec_error err;                                                                            \
                                                                                                             \
        cr_assert_eq(0, ocispec_##root##_parse(text, len, NULL, &value, &doc, &err), "%s: %s", err.path,     \
                     err.message);                                                                           \
        cr_assert_eq(0,                                                                                      \
                     ocispec_##root##_write(value, OCISPEC_INDENT_TAB | OCISPEC_NEWLINE, &tab, &len_tab));   \
        cr_expect_str_eq(tab, text);                                                                         \
        cr_expect_eq(len_tab, strlen(tab));                                                                  \
        cr_assert_eq(0, ocispec_##root##_write(value, 0, &flat, &len_flat));                                 \
        cr_expect_null(strchr(flat, '\n'));                                                                  \
        ocispec_doc_free(doc);                                                                               \
        cr_assert_eq(0, ocispec_##root##_parse(flat, len_flat, NULL, &value, &doc, &err));                   \
        cr_assert_eq(0, ocispec_##root##_write(value, 0, &again, NULL));                                     \
        cr_expect_str_eq(again, flat);                                                                       \
        ocispec_doc_free(doc);                                                                               \
        free(text);                                                                                          \
        free(tab);                                                                                           \
        free(flat);                                                                                          \
        free(again);                                                                                         \
    } while (0)

Test(round_trip, config)
{
    ROUND_TRIP(config, "config.json");
}

Test(round_trip, state)
{
    ROUND_TRIP(state, "state.json");
}

Test(round_trip, process_state)
{
    ROUND_TRIP(process_state, "process-state.json");
}

Test(round_trip, features)
{
    ROUND_TRIP(features, "features.json");
}

Test(good, bare_documents)
{
    static const char process[] = "{\"cwd\":\"/\"}";
    static const char mounts[] = "[{\"destination\":\"/a\"},{\"destination\":\"/b\"}]";
    static const char resources[] = "{\"pids\":{\"limit\":-1},\"memory\":{}}";
    struct ocispec_process *value;
    struct ocispec_mount *list;
    struct ocispec_resources *limits;
    struct ocispec_doc *doc;
    struct ocispec_error err;
    char *text;
    size_t n;

    cr_assert_eq(0, ocispec_process_parse(process, strlen(process), NULL, &value, &doc, &err));
    cr_expect_str_eq(value->cwd, "/");
    ocispec_doc_free(doc);
    cr_assert_eq(0, ocispec_mounts_parse(mounts, strlen(mounts), NULL, &list, &n, &doc, &err));
    cr_assert_eq(n, 2);
    cr_expect_str_eq(list[1].destination, "/b");
    cr_assert_eq(0, ocispec_mounts_write(list, n, 0, &text, NULL));
    cr_expect_str_eq(text, mounts);
    free(text);
    ocispec_doc_free(doc);
    cr_assert_eq(0, ocispec_mounts_parse("[]", 2, NULL, &list, &n, &doc, &err));
    cr_expect_eq(n, 0);
    ocispec_doc_free(doc);
    cr_assert_eq(0, ocispec_resources_parse(resources, strlen(resources), NULL, &limits, &doc, &err));
    cr_expect_eq(limits->pids->limit, -1);
    cr_assert_eq(0, ocispec_resources_write(limits, OCISPEC_INDENT_2, &text, NULL));
    cr_expect_str_eq(text, "{\n  \"memory\": {},\n  \"pids\": {\n    \"limit\": -1\n  }\n}");
    free(text);
    ocispec_doc_free(doc);
}

Test(write, escapes_and_refusals)
{
    char version[] = "1", id[] = "a\"\\/\b\f\n\r\t\x1f\x7f", status[] = "s", bundle[] = "/b\xff\xc3";
    struct ocispec_state state = {.oci_version = version, .id = id, .status = status};
    size_t len = 1;
    char *text = NULL;

    cr_expect_eq(ocispec_state_write(&state, 0, &text, &len), -EINVAL); /* no bundle */
    cr_expect_null(text);
    cr_expect_eq(len, 1);
    state.bundle = bundle;
    cr_expect_eq(ocispec_state_write(&state, 0, &text, &len), -EILSEQ);
    cr_assert_eq(ocispec_state_write(&state, OCISPEC_REPLACE, &text, &len), 0);
    cr_expect_str_eq(text, "{\"ociVersion\":\"1\",\"id\":\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u001f\\u007f\","
                           "\"status\":\"s\",\"bundle\":\"/b\xef\xbf\xbd\xef\xbf\xbd\"}");
    free(text);
    cr_expect_eq(ocispec_state_write(NULL, 0, &text, &len), -EINVAL);
}

Test(write, built_by_hand)
{
    struct ocispec_doc *doc = ocispec_doc_new();
    struct ocispec_process *process;
    char *text;

    cr_assert_not_null(doc);
    process = ocispec_doc_alloc(doc, sizeof(*process));
    process->cwd = ocispec_doc_strdup(doc, "/home");
    process->args = ocispec_doc_alloc(doc, 2 * sizeof(*process->args));
    process->args[process->n_args++] = ocispec_doc_strdup(doc, "sh");
    cr_assert_eq(ocispec_process_write(process, 0, &text, NULL), 0);
    cr_expect_str_eq(text, "{\"args\":[\"sh\"],\"cwd\":\"/home\"}");
    free(text);
    cr_expect_not_null(ocispec_doc_alloc(doc, 0));
    cr_expect_not_null(ocispec_doc_alloc(doc, 3u << 20));
    cr_expect_null(ocispec_doc_alloc(doc, SIZE_MAX / 2));
    ocispec_doc_free(doc);
    ocispec_doc_free(NULL);
}
