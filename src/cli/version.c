/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See version.h. What is built in comes from the features document, so that both agree. */

#include "cli/version.h"

#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "coffer/coffer.h"
#include "config.h"

#define LIBSECCOMP_KEY "\"io.github.seccomp.libseccomp.version\""

/* The string behind a key of the document; its values hold no escapes. */
static void add_libseccomp(struct text *out)
{
    char *json = NULL;
    const char *at;

    if (coffer_features_json(&json, NULL) < 0)
        return;
    at = strstr(json, LIBSECCOMP_KEY);
    if (at) {
        at = strchr(at + strlen(LIBSECCOMP_KEY), '"');
        if (at && at[1] != '"') {
            text_add(out, "libseccomp: ");
            text_addn(out, at + 1, strcspn(at + 1, "\""));
            text_add(out, "\n");
        }
    }
    coffer_free(json);
}

void version_text(struct text *out)
{
    text_printf(out, "coffer version %s\ncommit: %s\nspec: %s\n", coffer_version(), coffer_commit(),
                coffer_spec_version());
    add_libseccomp(out);
    text_add(out, HAVE_LIBSECCOMP ? "+SECCOMP " : "-SECCOMP ");
    text_add(out, HAVE_LIBSYSTEMD ? "+SYSTEMD " : "-SYSTEMD ");
    text_add(out, HAVE_APPARMOR ? "+APPARMOR " : "-APPARMOR ");
    text_add(out, HAVE_SELINUX ? "+SELINUX " : "-SELINUX ");
    text_add(out, "+EBPF\n");
}
