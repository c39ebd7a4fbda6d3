/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* spec: the template of `coffer spec` is a configuration that passes our own checks. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "spec/check.h"
#include "spec/defaults.h"
#include "spec/spec.h"

struct made {
    char *json;
    struct cf_spec *spec;
    const struct ocispec_config *c;
};

static void make(const struct cf_spec_defaults *in, struct made *m)
{
    struct cf_err err = CF_ERR_INIT;

    memset(m, 0, sizeof(*m));
    cr_assert(eq(int, cf_spec_defaults_json(in, &m->json, &err), 0), "%s", err.text);
    cr_assert(eq(int, cf_spec_load_bytes("/b", m->json, strlen(m->json), &m->spec, &err), 0), "%s", err.text);
    cr_expect(eq(int, cf_spec_check(m->spec, &err), 0), "%s", err.text);
    m->c = m->spec->config;
}

static void done(struct made *m)
{
    cf_spec_free(m->spec);
    free(m->json);
}

static const struct ocispec_mount *find_mount(const struct made *m, const char *destination)
{
    for (size_t i = 0; i < m->c->n_mounts; i++)
        if (strcmp(m->c->mounts[i].destination, destination) == 0)
            return &m->c->mounts[i];
    return NULL;
}

static bool has_option(const struct ocispec_mount *mount, const char *option)
{
    for (size_t i = 0; mount && i < mount->n_options; i++)
        if (strcmp(mount->options[i], option) == 0)
            return true;
    return false;
}

Test(spec_defaults, root)
{
    static const char *const mounts[] = {"/proc", "/dev",        "/dev/pts", "/dev/shm",
                                         "/dev/mqueue", "/sys", "/sys/fs/cgroup"};
    static const char head[] = "{\n\t\"ociVersion\": \"1.3.0\",\n";
    const struct cf_spec_defaults in = {.cgroup_namespace = true, .pids_limit = true};
    struct made m;

    make(&in, &m);
    cr_expect(eq(int, strncmp(m.json, head, strlen(head)), 0), "%.40s", m.json);
    cr_expect(eq(int, m.json[strlen(m.json) - 1], '\n'));
    cr_expect(m.c->process->terminal);
    cr_expect(m.c->process->no_new_privileges);
    cr_expect(eq(sz, m.c->process->capabilities->n_bounding, 3));
    cr_expect(eq(sz, m.c->process->capabilities->n_ambient, 0));
    cr_expect(m.c->root->readonly);
    cr_assert(eq(sz, m.c->n_mounts, 7));
    for (size_t i = 0; i < 7; i++)
        cr_expect(eq(int, strcmp(m.c->mounts[i].destination, mounts[i]), 0), "%s", mounts[i]);
    cr_expect(has_option(find_mount(&m, "/sys/fs/cgroup"), "ro"));
    cr_expect(has_option(find_mount(&m, "/dev/pts"), "gid=5"));
    cr_expect(cf_spec_has_namespace(m.c, "cgroup", NULL));
    cr_expect(cf_spec_has_namespace(m.c, "network", NULL));
    cr_expect(not(cf_spec_has_namespace(m.c, "user", NULL)));
    cr_expect(eq(sz, m.c->linux->resources->n_devices, 1));
    cr_expect(not(m.c->linux->resources->devices[0].allow));
    cr_assert(m.c->linux->resources->pids != NULL);
    cr_expect(eq(i64, m.c->linux->resources->pids->limit, 1024));
    cr_expect(ge(sz, m.c->linux->n_masked_paths, 10));
    cr_expect(eq(sz, m.c->linux->n_readonly_paths, 5));
    done(&m);
}

Test(spec_defaults, host_without_v2_and_pids)
{
    const struct cf_spec_defaults in = {0};
    struct made m;

    make(&in, &m);
    cr_expect(not(cf_spec_has_namespace(m.c, "cgroup", NULL)));
    cr_expect(m.c->linux->resources->pids == NULL);
    done(&m);
}

Test(spec_defaults, rootless)
{
    const struct cf_spec_defaults in = {.rootless = true, .uid = 1000, .gid = 1001, .cgroup_namespace = true};
    struct made m;

    make(&in, &m);
    cr_expect(cf_spec_has_namespace(m.c, "user", NULL));
    cr_expect(not(cf_spec_has_namespace(m.c, "network", NULL)));
    cr_expect(m.c->linux->resources == NULL);
    cr_assert(eq(sz, m.c->linux->n_uid_mappings, 1));
    cr_expect(eq(u32, m.c->linux->uid_mappings[0].host_id, 1000));
    cr_expect(eq(u32, m.c->linux->uid_mappings[0].size, 1));
    cr_expect(eq(u32, m.c->linux->gid_mappings[0].host_id, 1001));
    cr_expect(not(has_option(find_mount(&m, "/dev/pts"), "gid=5")));
    cr_expect(has_option(find_mount(&m, "/sys"), "rbind"));
    cr_expect(find_mount(&m, "/sys/fs/cgroup") == NULL);
    done(&m);
}

Test(spec_defaults, user_namespace)
{
    const struct cf_spec_defaults in = {.userns_first = 100000, .userns_size = 65536};
    struct made m;

    make(&in, &m);
    cr_expect(cf_spec_has_namespace(m.c, "user", NULL));
    cr_expect(cf_spec_has_namespace(m.c, "network", NULL));
    cr_expect(eq(u32, m.c->linux->uid_mappings[0].host_id, 100000));
    cr_expect(eq(u32, m.c->linux->gid_mappings[0].size, 65536));
    cr_expect(has_option(find_mount(&m, "/dev/pts"), "gid=5"));
    cr_expect(m.c->linux->resources != NULL);
    done(&m);
}

Test(spec_defaults, every_combination_is_valid)
{
    for (unsigned int i = 0; i < 32; i++) {
        struct cf_spec_defaults in = {
            .rootless = i & 1,
            .uid = UINT32_MAX - 1,
            .gid = UINT32_MAX - 1,
            .userns_first = i & 2 ? UINT32_MAX - 1 : 0,
            .userns_size = i & 4 ? 1 : 0,
            .cgroup_namespace = i & 8,
            .pids_limit = i & 16,
        };
        struct made m;

        make(&in, &m);
        done(&m);
    }
}
