/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See help.h. */

#include "cli/help.h"

#include <stdio.h>

#include "cli/cmd.h"
#include "cli/text.h"

#define HELP_COLUMN 28

/* "  -b, --bundle DIR" and the help text in a column of its own. */
static void add_option(struct text *out, const struct arg_option *option)
{
    char left[96];
    size_t width;

    if (option->letter && option->name)
        snprintf(left, sizeof(left), "  -%c, --%s", option->letter, option->name);
    else if (option->name)
        snprintf(left, sizeof(left), "      --%s", option->name);
    else
        snprintf(left, sizeof(left), "  -%c", option->letter);
    text_add(out, left);
    width = text_width(left);
    if (option->kind == ARG_VALUE) {
        text_printf(out, " %s", option->value);
        width += 1 + text_width(option->value);
    }
    text_pad(out, width < HELP_COLUMN - 1 ? HELP_COLUMN - width : 1);
    text_printf(out, "%s\n", option->help);
}

static void add_options(struct text *out, const struct arg_option *options)
{
    static const struct arg_option help = {"help", 'h', ARG_FLAG, false, NULL, "show this help"};

    text_add(out, "\nOptions:\n");
    for (; options->kind; options++)
        if (!options->hidden)
            add_option(out, options);
    add_option(out, &help);
}

void help_global(struct text *out, const struct arg_option *options)
{
    text_add(out, "Usage: coffer [OPTIONS] COMMAND [ARGS...]\n\n"
                  "Runs OCI containers: see the OCI runtime specification.\n\nCommands:\n");
    for (size_t i = 0; cmd_table[i]; i++)
        text_printf(out, "  %-10s %s\n", cmd_table[i]->name, cmd_table[i]->summary);
    add_options(out, options);
    text_add(out, "\n`coffer COMMAND --help` tells about one command.\n");
}

void help_command(struct text *out, const struct cmd *cmd)
{
    text_printf(out, "Usage: coffer [GLOBAL OPTIONS] %s%s%s\n\n%s.\n", cmd->name, cmd->usage[0] ? " " : "",
                cmd->usage, cmd->summary);
    add_options(out, cmd->options);
}
