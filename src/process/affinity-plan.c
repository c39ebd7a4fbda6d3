/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See affinity-plan.h. */

#include "process/affinity-plan.h"

#include <errno.h>
#include <string.h>

int cf_affinity_parse(const char *list, uint64_t words[CF_AFFINITY_WORDS], const char *field, struct cf_err *err)
{
    const uint32_t max = CF_AFFINITY_WORDS * 64;
    int used = 0;

    memset(words, 0, CF_AFFINITY_WORDS * sizeof(*words));
    for (const char *p = list ? list : ""; *p;) {
        uint32_t number[2] = {0, 0};
        int n = 0, digits;

        do {
            for (digits = 0; *p >= '0' && *p <= '9' && digits < 6; digits++)
                number[n] = number[n] * 10 + (uint32_t) (*p++ - '0');
            if (digits == 0)
                return cf_err_config(err, "cpu-list", field, "bad list of CPUs: `%s`", list);
        } while (n++ == 0 && *p == '-' && p++);
        if (n == 1)
            number[1] = number[0];
        if (number[1] < number[0] || (*p && *p != ',') || (*p == ',' && !p[1]))
            return cf_err_config(err, "cpu-list", field, "bad list of CPUs: `%s`", list);
        if (number[1] >= max)
            return cf_err_config(err, "cpu-list", field, "CPU %u is above %u", number[1], max - 1);
        for (uint32_t cpu = number[0]; cpu <= number[1]; cpu++)
            words[cpu / 64] |= UINT64_C(1) << (cpu % 64);
        if ((int) (number[1] / 64) + 1 > used)
            used = (int) (number[1] / 64) + 1;
        p += *p == ',';
    }
    return used;
}

int cf_affinity_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_process *p = in->spec->config->process;
    uint64_t words[CF_AFFINITY_WORDS];
    struct cf_ref cpus;
    int n;

    if (!p || !p->exec_cpu_affinity)
        return 0;
    n = cf_affinity_parse(p->exec_cpu_affinity->final, words, "process.execCPUAffinity.final", err);
    if (n <= 0)
        return n;
    cpus = cf_blob_add_array(plan->blob, words, (size_t) n, sizeof(*words));
    cf_blob_header(plan->blob)->cpus = cpus;
    return 0;
}
