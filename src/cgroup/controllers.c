/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which controllers the host has, for the template of `coffer spec`. Host side, reads only. */

#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/own.h"
#include "cgroup/cgroup.h"
#include "facts/facts.h"

#define CONTROLLERS_FILE "/sys/fs/cgroup/cgroup.controllers"
#define CONTROLLERS_LIMIT 4096

/* A word of a list with one kind of separator; a line break ends the last one. */
static bool has_word(const char *list, const char *separators, const char *word)
{
    size_t len = strlen(word);

    while (*list) {
        size_t n = strcspn(list, separators);

        if (n == len && len > 0 && memcmp(list, word, len) == 0)
            return true;
        list += n;
        list += strspn(list, separators);
    }
    return false;
}

bool cf_cgroup_has_controller(const struct cf_facts *facts, const char *controller)
{
    cf_auto_free char *text = NULL;

    if (facts->cgroup_mode == CF_CGROUP_MODE_V2)
        return cf_io_read_file_at(AT_FDCWD, CONTROLLERS_FILE, CONTROLLERS_LIMIT, &text, NULL) >= 0 &&
               has_word(text, " \n", controller);
    for (uint32_t i = 0; facts->cgroup_mode == CF_CGROUP_MODE_V1 && i < facts->n_hierarchies; i++)
        if (has_word(facts->hierarchies[i].controllers, ",", controller))
            return true;
    return false;
}
