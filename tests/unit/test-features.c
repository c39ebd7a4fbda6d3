/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* container/features: a valid document with honest values, from the tables that the planners use. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cgroup/cgroup.h"
#include "config.h"
#include "container/features.h"
#include "facts/facts.h"
#include "mount/mount.h"
#include "ocispec/features.h"
#include "seccomp/seccomp.h"
#include "seccomp/seccomp-names.h"
#include "security/security.h"

struct parsed {
    char *json;
    struct ocispec_features *f;
    struct ocispec_doc *doc;
};

static void load(struct parsed *p)
{
    struct cf_err err = CF_ERR_INIT;
    struct ocispec_error why = {0};

    memset(p, 0, sizeof(*p));
    cr_assert(eq(int, cf_features_json(&p->json, &err), 0));
    cr_assert(eq(int, ocispec_features_parse(p->json, strlen(p->json), NULL, &p->f, &p->doc, &why), 0), "%s: %s",
              why.path, why.message);
}

static void done(struct parsed *p)
{
    ocispec_doc_free(p->doc);
    free(p->json);
}

static bool has(char *const *list, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], word) == 0)
            return true;
    return false;
}

Test(features, versions_hooks_layout)
{
    static const char head[] = "{\n    \"ociVersionMin\": \"1.0.0\",\n";
    struct parsed p;

    load(&p);
    cr_expect(eq(int, strncmp(p.json, head, strlen(head)), 0));
    cr_expect(eq(int, strcmp(p.f->oci_version_min, "1.0.0"), 0));
    cr_expect(eq(int, strcmp(p.f->oci_version_max, "1.3.0"), 0));
    cr_expect(eq(sz, p.f->n_hooks, 6));
    cr_expect(eq(sz, p.f->linux->n_namespaces, 8));
    cr_expect(ne(int, p.json[strlen(p.json) - 1], '\n'));
    done(&p);
}

Test(features, mount_options_are_sorted_and_complete)
{
    const struct cf_mount_option *table;
    struct parsed p;
    size_t n, listed = 0;

    load(&p);
    table = cf_mount_options(&n);
    for (size_t i = 0; i < n; i++) {
        listed += table[i].listed;
        cr_expect(eq(int, has(p.f->mount_options, p.f->n_mount_options, table[i].name), table[i].listed), "%s",
                  table[i].name);
    }
    cr_expect(eq(sz, p.f->n_mount_options, listed));
    for (size_t i = 1; i < p.f->n_mount_options; i++)
        cr_expect(lt(int, strcmp(p.f->mount_options[i - 1], p.f->mount_options[i]), 0));
    cr_expect(has(p.f->mount_options, p.f->n_mount_options, "rro"));
    done(&p);
}

Test(features, later_releases_are_said_to_be_false)
{
    struct parsed p;

    load(&p);
    cr_expect(p.f->linux->cgroup->v1);
    cr_expect(p.f->linux->cgroup->v2);
    cr_expect(p.f->linux->cgroup->has_systemd);
    cr_expect(eq(int, p.f->linux->cgroup->systemd, HAVE_LIBSYSTEMD));
    cr_expect(p.f->linux->cgroup->has_rdma);
    cr_expect(p.f->linux->cgroup->rdma);
    cr_expect(p.f->linux->mount_extensions->idmap->has_enabled);
    cr_expect(p.f->linux->mount_extensions->idmap->enabled);
    cr_expect(p.f->linux->net_devices->has_enabled);
    cr_expect(p.f->linux->net_devices->enabled);
    cr_expect(p.f->linux->intel_rdt->has_enabled);
    cr_expect(p.f->linux->intel_rdt->enabled && p.f->linux->intel_rdt->schemata && p.f->linux->intel_rdt->monitoring);
    cr_expect(eq(sz, p.f->linux->memory_policy->n_modes, 7));
    cr_expect(eq(sz, p.f->linux->memory_policy->n_flags, 3));
    done(&p);
}

Test(features, capabilities_are_known_names)
{
    struct parsed p;

    load(&p);
    cr_assert(gt(sz, p.f->linux->n_capabilities, 36));
    for (size_t i = 0; i < p.f->linux->n_capabilities; i++)
        cr_expect(eq(int, cf_cap_number(p.f->linux->capabilities[i]), (int) i));
    done(&p);
}

Test(features, seccomp)
{
    const struct ocispec_features_seccomp *s;
    struct parsed p;
    size_t n;

    load(&p);
    s = p.f->linux->seccomp;
    cr_expect(eq(int, s->enabled, cf_seccomp_enabled()));
    if (s->enabled) {
        (void) cf_seccomp_actions(&n);
        cr_expect(eq(sz, s->n_actions, n));
        cr_expect(has(s->actions, s->n_actions, "SCMP_ACT_NOTIFY"));
        cr_expect(eq(sz, s->n_operators, 7));
        cr_expect(has(s->archs, s->n_archs, "SCMP_ARCH_X86_64"));
        cr_expect(eq(sz, s->n_known_flags, 4));
        for (size_t i = 0; i < s->n_supported_flags; i++)
            cr_expect(has(s->known_flags, s->n_known_flags, s->supported_flags[i]));
    }
    done(&p);
}

/* --- for `coffer spec` --- */

Test(cgroup_controllers, v1_hierarchies)
{
    const struct cf_facts facts = {
        .cgroup_mode = CF_CGROUP_MODE_V1,
        .n_hierarchies = 3,
        .hierarchies = {{"cpu,cpuacct", "cpu,cpuacct"}, {"pids", "pids"}, {"systemd", "name=systemd"}},
    };
    const struct cf_facts none = {.cgroup_mode = CF_CGROUP_MODE_NONE};

    cr_expect(cf_cgroup_has_controller(&facts, "cpu"));
    cr_expect(cf_cgroup_has_controller(&facts, "cpuacct"));
    cr_expect(cf_cgroup_has_controller(&facts, "pids"));
    cr_expect(not(cf_cgroup_has_controller(&facts, "pid")));
    cr_expect(not(cf_cgroup_has_controller(&facts, "memory")));
    cr_expect(not(cf_cgroup_has_controller(&facts, "")));
    cr_expect(not(cf_cgroup_has_controller(&none, "pids")));
}
