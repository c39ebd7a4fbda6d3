/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Host name and domain name of the container's own UTS namespace. Container side. */

#include <string.h>

#include "init/init.h"
#include "sys/task.h"

int cf_uts_child_apply(struct cf_init *in, struct cf_err *err)
{
    const char *name = cf_blob_str(&in->blob, in->blob.h->hostname);
    const char *field = "hostname";
    int r = 0;

    if (name)
        r = cf_sys_sethostname(name, strlen(name));
    if (r >= 0) {
        name = cf_blob_str(&in->blob, in->blob.h->domainname);
        field = "domainname";
        if (name)
            r = cf_sys_setdomainname(name, strlen(name));
    }
    if (r >= 0)
        return 0;
    (void) cf_err_sys(err, r, "set %s `%s`", field, name);
    cf_err_field(err, "%s", field);
    cf_err_step(err, "uts");
    return r;
}
