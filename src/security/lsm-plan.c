/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * process.apparmorProfile and process.selinuxLabel: the text that init writes before it executes
 * the program. Pure, host side. A label that cannot be applied ends the run (rule R27).
 */

#include "config.h"
#include "security/security.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "plan/input.h"

#define MAX_LABEL 4000 /* the kernel takes one page */

static int check_label(const char *field, const char *label, struct cf_err *err)
{
    if (strlen(label) > MAX_LABEL)
        return cf_err_config(err, "label-too-long", field, "it is longer than %d bytes", MAX_LABEL);
    for (const char *p = label; *p; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f)
            return cf_err_config(err, "label-characters", field, "a label has no control characters");
    }
    return 0;
}

static int unsupported(const char *field, const char *code, const char *text, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, code, -EOPNOTSUPP, "%s", text);
    cf_err_field(err, "%s", field);
    return -EOPNOTSUPP;
}

static int plan_apparmor(const struct cf_plan_input *in, struct cf_plan *plan, const char *profile,
                         struct cf_err *err)
{
    cf_str label, attr;
    int r = check_label("process.apparmorProfile", profile, err);

    if (r < 0)
        return r;
    if (!HAVE_APPARMOR || !in->facts->apparmor) {
        if (strcmp(profile, "unconfined") == 0)
            return 0; /* that is what it is */
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "apparmor-off", -EOPNOTSUPP,
                          "apparmor failed to apply profile: `%s`: %s", profile,
                          HAVE_APPARMOR ? "AppArmor is not enabled on this host" : "built without AppArmor");
        cf_err_field(err, "process.apparmorProfile");
        return -EOPNOTSUPP;
    }
    label = cf_blob_printf(plan->blob, "exec %s", profile);
    attr = cf_blob_add_str(plan->blob, "attr/apparmor/exec");
    cf_blob_header(plan->blob)->exec_label = label;
    cf_blob_header(plan->blob)->exec_attr = attr;
    return 0;
}

static int plan_selinux(const struct cf_plan_input *in, struct cf_plan *plan, const char *context,
                        struct cf_err *err)
{
    cf_str label, attr;
    int r = check_label("process.selinuxLabel", context, err);

    if (r < 0)
        return r;
    if (!HAVE_SELINUX || !in->facts->selinux)
        return unsupported("process.selinuxLabel", "selinux-off",
                           "selinux label is specified in config, but selinux is disabled or not supported", err);
    if (cf_blob_header(plan->blob)->exec_label)
        return unsupported("process.selinuxLabel", "lsm-both",
                           "an AppArmor profile and an SELinux label at once are not supported", err);
    label = cf_blob_add_str(plan->blob, context);
    attr = cf_blob_add_str(plan->blob, "attr/exec");
    cf_blob_header(plan->blob)->exec_label = label;
    cf_blob_header(plan->blob)->exec_attr = attr;
    if (!in->options->no_new_keyring)
        cf_blob_header(plan->blob)->key_label = label;
    return 0;
}

int cf_lsm_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_process *process = in->spec->config->process;
    int r = 0;

    if (!process)
        return 0;
    if (!cf_str_empty(process->apparmor_profile))
        r = plan_apparmor(in, plan, process->apparmor_profile, err);
    if (r >= 0 && !cf_str_empty(process->selinux_label))
        r = plan_selinux(in, plan, process->selinux_label, err);
    return r;
}
