/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * testinit: the static probe that test root filesystems carry as /bin/testinit.
 *
 * It reports what busybox cannot show and tries what a container must not be able to do. It runs
 * inside the container, often as its first process, prints one stable line per fact and needs
 * nothing from the root filesystem but (for some commands) a mounted /proc.
 *
 * Several commands can be chained in one run: `testinit caps + ids + fds`.
 */
#ifndef TESTINIT_H
#define TESTINIT_H

/* One command; argv[0] is its name. Returns the exit status. */
struct ti_command {
    const char *name;
    const char *usage;
    int (*run)(int argc, char **argv);
};

/* Tables of the source files, each ended by an entry without a name. */
extern const struct ti_command ti_show_commands[];
extern const struct ti_command ti_probe_commands[];
extern const struct ti_command ti_hog_commands[];
extern const struct ti_command ti_enter_commands[];
extern const struct ti_command ti_watch_commands[];
extern const struct ti_command ti_budget_commands[];

/* Reads argument `i` as a number (any C base); `fallback` when it is absent, exit 2 when bad. */
long ti_number(int argc, char **argv, int i, long fallback);

/* Name of an errno value such as `EPERM`, or `OK` for 0. */
const char *ti_errno_name(int e);

/* Prints `text` with every byte that is not printable ASCII, and `"` and `\`, escaped. */
void ti_print_quoted(const char *text);

/* Copies the file to standard output; 1 with a message when it cannot be read. */
int ti_cat(const char *path);

/* Prints `NAME=OK` or `NAME=ERRNO` for a call that returned r (with errno set); 0 always. */
int ti_result(const char *name, long r);

#endif
