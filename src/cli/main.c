/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command `coffer`: global options, the command, one error, the exit status. Order matters:
 * inherited file descriptors are checked before anything is opened, and the log is open before the
 * first error can have to go there.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/fds.h"
#include "cli/help.h"
#include "cli/root-dir.h"
#include "cli/text.h"
#include "cli/version.h"

#define EXIT_ERROR 1
#define EXIT_FOREIGN 255 /* what a program rarely ends with */
#define PRESERVE_MAX (1u << 20)

enum {
    GLOBAL_ROOT,
    GLOBAL_LOG,
    GLOBAL_LOG_FORMAT,
    GLOBAL_LOG_LEVEL,
    GLOBAL_DEBUG,
    GLOBAL_SYSTEMD_CGROUP,
    GLOBAL_CGROUP_MANAGER,
    GLOBAL_ROOTLESS,
    GLOBAL_ID_POLICY,
    GLOBAL_ID_LEDGER,
    GLOBAL_ID_CONFIG,
    GLOBAL_CRIU,
    GLOBAL_VERSION,
    GLOBAL_VERSION_UPPER,
};

static const struct arg_option global_options[] = {
    [GLOBAL_ROOT] = {"root", 0, ARG_VALUE, false, "DIR", "state directory"},
    [GLOBAL_LOG] = {"log", 0, ARG_VALUE, false, "FILE", "log to FILE, journald:ID or syslog:ID as well"},
    [GLOBAL_LOG_FORMAT] = {"log-format", 0, ARG_VALUE, false, "FORMAT", "text (default) or json"},
    [GLOBAL_LOG_LEVEL] = {"log-level", 0, ARG_VALUE, false, "LEVEL", "error, warning or debug"},
    [GLOBAL_DEBUG] = {"debug", 0, ARG_FLAG, false, NULL, "the same as --log-level debug"},
    [GLOBAL_SYSTEMD_CGROUP] = {"systemd-cgroup", 0, ARG_FLAG, false, NULL,
                               "the same as --cgroup-manager systemd"},
    [GLOBAL_CGROUP_MANAGER] = {"cgroup-manager", 0, ARG_VALUE, false, "NAME",
                               "cgroupfs (default), systemd or disabled"},
    [GLOBAL_ROOTLESS] = {"rootless", 0, ARG_VALUE, false, "BOOL",
                         "true, false or auto (default): limits as far as permitted"},
    [GLOBAL_ID_POLICY] = {"id-policy", 0, ARG_VALUE, false, "POLICY",
                          "host ids shared with others: off, warn (default) or enforce"},
    [GLOBAL_ID_LEDGER] = {"id-ledger", 0, ARG_VALUE, false, "DIR", "directory of the id ledger"},
    [GLOBAL_ID_CONFIG] = {"id-config", 0, ARG_VALUE, false, "FILE",
                          "id configuration (default: /etc/coffer/ids.conf)"},
    [GLOBAL_CRIU] = {"criu", 0, ARG_VALUE, true, "PATH", "ignored"},
    [GLOBAL_VERSION] = {"version", 'v', ARG_FLAG, false, NULL, "show what this is"},
    [GLOBAL_VERSION_UPPER] = {NULL, 'V', ARG_FLAG, true, NULL, "the same"},
    {0},
};

struct program {
    struct args global;
    struct args args; /* of the command */
    struct log log;
    struct root_dir root;
    struct cmd_input input;
    struct cmd_error err;
};

static int print_and_free(struct text *t, int fd)
{
    int r = text_write(t, fd);

    text_free(t);
    return r < 0 ? EXIT_ERROR : 0;
}

static bool mentions_root(const struct program *p, const char *message)
{
    return p->root.note && strstr(message, "state directory `") && strstr(message, p->root.path);
}

static void report_text(const struct program *p)
{
    const struct log_fields fields = {.code = p->err.code};
    const struct cmd *cmd = p->input.cmd;
    char line[128];

    if (!p->err.usage) {
        log_error(&p->log, p->err.text, &fields);
        return;
    }
    snprintf(line, sizeof(line), "try `coffer %s%s--help`\n", cmd ? cmd->name : "", cmd ? " " : "");
    log_usage_error(&p->log, p->err.text, line);
}

/* The one place where an error is shown. */
static void report(const struct program *p)
{
    coffer_error *error = p->err.error;
    char text[4096];

    if (!error) {
        report_text(p);
        return;
    }
    snprintf(text, sizeof(text), "%s%s", coffer_error_message(error),
             mentions_root(p, coffer_error_message(error)) ? p->root.note : "");
    log_error(&p->log, text,
              &(struct log_fields){
                  .code = coffer_error_code(error),
                  .step = coffer_error_step(error),
                  .field = coffer_error_field(error),
                  .hint = coffer_error_hint(error),
                  .sys_errno = coffer_error_errno(error),
              });
}

static int parse_log_level(struct program *p)
{
    const char *level = args_value(&p->global, GLOBAL_LOG_LEVEL);
    const char *format = args_value(&p->global, GLOBAL_LOG_FORMAT);
    bool have_log = args_value(&p->global, GLOBAL_LOG) != NULL;

    /* A file that was asked for holds at most the error: readers parse it as one object. */
    p->log.level = have_log ? LOG_LEVEL_ERROR : LOG_LEVEL_AUTO;
    if (level && strcmp(level, "error") == 0)
        p->log.level = LOG_LEVEL_ERROR;
    else if (level && strcmp(level, "warning") == 0)
        p->log.level = LOG_LEVEL_WARNING;
    else if (level && strcmp(level, "debug") == 0)
        p->log.level = LOG_LEVEL_DEBUG;
    else if (level)
        return cmd_fail(&p->err, "usage", "invalid log-level: %s", level);
    if (args_flag(&p->global, GLOBAL_DEBUG))
        p->log.level = LOG_LEVEL_DEBUG;

    if (format && strcmp(format, "json") == 0)
        p->log.json = true;
    else if (format && strcmp(format, "text") != 0)
        return cmd_fail(&p->err, "usage", "invalid log-format: %s", format);
    return 0;
}

static int open_log(struct program *p)
{
    const char *target = args_value(&p->global, GLOBAL_LOG);
    int r = target ? log_open(&p->log, target) : 0;

    if (r < 0 && p->input.cmd && (p->input.cmd->flags & CMD_LOG_OPTIONAL))
        return 0;
    return r < 0 ? cmd_fail_errno(&p->err, r, "open log `%s`", target) : 0;
}

static int parse_cgroup_manager(struct program *p)
{
    static const char *const names[] = {
        [COFFER_CGROUP_MANAGER_CGROUPFS] = "cgroupfs",
        [COFFER_CGROUP_MANAGER_SYSTEMD] = "systemd",
        [COFFER_CGROUP_MANAGER_DISABLED] = "disabled",
    };
    uint32_t *manager = &p->input.runtime_options.cgroup_manager;

    /* In the order given, whichever of the two options it was. */
    for (size_t i = 0; i < p->global.n_hits; i++) {
        const struct arg_hit *hit = &p->global.hits[i];
        uint32_t k = 0;

        if (hit->index == GLOBAL_SYSTEMD_CGROUP)
            *manager = hit->on ? COFFER_CGROUP_MANAGER_SYSTEMD : COFFER_CGROUP_MANAGER_CGROUPFS;
        if (hit->index != GLOBAL_CGROUP_MANAGER)
            continue;
        while (k < sizeof(names) / sizeof(names[0]) && strcmp(hit->value, names[k]) != 0)
            k++;
        if (k == sizeof(names) / sizeof(names[0]))
            return cmd_fail(&p->err, "usage", "unknown cgroup manager specified");
        *manager = k;
    }
    return 0;
}

/* Where systemd is. An empty variable counts as unset. */
static void choose_bus(struct coffer_runtime_options *options)
{
    const char *address = getenv(geteuid() == 0 ? "DBUS_SYSTEM_BUS_ADDRESS" : "DBUS_SESSION_BUS_ADDRESS");
    const char *session = getenv("DBUS_SESSION_BUS_ADDRESS");

    /* Root of a user namespace is a user to systemd. */
    if (geteuid() == 0 && root_dir_in_user_namespace())
        address = session;
    options->bus_address = address && address[0] ? address : NULL;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static void choose_sockets(struct coffer_runtime_options *options)
{
    options->seccomp_receiver = variable("RUN_OCI_SECCOMP_RECEIVER");
    options->notify_socket = variable("NOTIFY_SOCKET");
}

static int parse_ids(struct program *p)
{
    static const char *const names[] = {
        [COFFER_ID_POLICY_OFF] = "off", [COFFER_ID_POLICY_WARN] = "warn", [COFFER_ID_POLICY_ENFORCE] = "enforce"};
    struct coffer_runtime_options *options = &p->input.runtime_options;
    const char *policy = args_value(&p->global, GLOBAL_ID_POLICY);
    const char *ledger = args_value(&p->global, GLOBAL_ID_LEDGER);
    const char *dir = getenv("XDG_RUNTIME_DIR");

    options->runtime_dir = dir && dir[0] == '/' ? dir : NULL;
    if (policy) {
        uint32_t k = COFFER_ID_POLICY_OFF;

        while (k < sizeof(names) / sizeof(names[0]) && strcmp(policy, names[k]) != 0)
            k++;
        if (k == sizeof(names) / sizeof(names[0]))
            return cmd_fail(&p->err, "usage", "invalid id-policy: %s", policy);
        options->id_policy = k;
    }
    if (ledger && ledger[0] != '/')
        return cmd_fail(&p->err, "usage", "the path of --id-ledger must be absolute");
    options->id_ledger = ledger;
    options->id_config = args_value(&p->global, GLOBAL_ID_CONFIG);
    return 0;
}

static int parse_runtime_options(struct program *p)
{
    struct coffer_runtime_options *options = &p->input.runtime_options;
    const char *rootless = args_value(&p->global, GLOBAL_ROOTLESS);
    int r;

    *options = (struct coffer_runtime_options) COFFER_RUNTIME_OPTIONS_INIT;
    r = parse_cgroup_manager(p);
    if (r == 0)
        r = parse_ids(p);
    if (r < 0)
        return r;
    if (rootless && strcmp(rootless, "auto") != 0) {
        options->rootless = args_parse_bool(rootless);
        if (options->rootless < 0)
            return cmd_fail(&p->err, "usage", "invalid value \"%s\" for option '--rootless'", rootless);
    }
    r = root_dir_choose(args_value(&p->global, GLOBAL_ROOT), &p->root, p->err.text, sizeof(p->err.text));
    if (r < 0)
        return r;
    if (options->cgroup_manager == COFFER_CGROUP_MANAGER_SYSTEMD)
        choose_bus(options);
    choose_sockets(options);
    options->root = p->root.path;
    options->flags = p->root.sticky ? COFFER_RUNTIME_ROOT_STICKY : 0;
    p->input.root_is_default = p->root.is_default;
    if (p->log.level > LOG_LEVEL_ERROR) {
        options->log = log_library;
        options->log_userdata = &p->log;
        options->log_wanted = log_library_wanted;
        options->log_level = p->log.level == LOG_LEVEL_DEBUG ? COFFER_LOG_DEBUG : COFFER_LOG_WARNING;
    }
    return 0;
}

static int check_arg_count(struct program *p)
{
    const struct cmd *cmd = p->input.cmd;
    int n = p->args.n_positional;

    if (n >= cmd->min_args && n <= cmd->max_args)
        return 0;
    if (cmd->min_args == cmd->max_args)
        return cmd_usage(&p->err, "coffer: \"%s\" requires exactly %d argument(s)", cmd->name, cmd->min_args);
    if (n < cmd->min_args)
        return cmd_usage(&p->err, "coffer: \"%s\" requires a minimum of %d argument(s)", cmd->name,
                         cmd->min_args);
    return cmd_usage(&p->err, "coffer: \"%s\" requires a maximum of %d argument(s)", cmd->name,
                     cmd->max_args);
}

static int parse_preserve_fds(struct program *p)
{
    const char *text = args_value(&p->args, p->input.cmd->preserve_fds_index);
    unsigned long value = 0;

    if (!text)
        return 0;
    for (const char *c = text; *c || c == text; c++) {
        value = *c >= '0' && *c <= '9' ? value * 10 + (unsigned long) (*c - '0') : PRESERVE_MAX + 1;
        if (value > PRESERVE_MAX)
            return cmd_usage(&p->err, "invalid value \"%s\" for option '--preserve-fds'", text);
    }
    p->input.preserve_fds = (unsigned int) value;
    return 0;
}

/* Everything that can be wrong without looking at files: reported after the log was opened. */
static int parse_command(struct program *p, int argc, char **argv)
{
    unsigned int flags;
    int r;

    p->input.cmd = cmd_find(argv[0]);
    if (!p->input.cmd)
        return cmd_usage(&p->err, "unknown command \"%s\"", argv[0]);
    flags = p->input.cmd->flags & CMD_STOPS_AT_ID ? ARGS_STOP : 0;
    r = args_parse(p->input.cmd->options, argc - 1, argv + 1, flags, &p->args, p->err.text,
                   sizeof(p->err.text));
    if (r == -ENOMEM)
        return cmd_fail(&p->err, "out-of-memory", "out of memory");
    if (r < 0) {
        p->err.usage = true;
        return r;
    }
    if (p->args.help)
        return 0;
    r = check_arg_count(p);
    if (r == 0 && (p->input.cmd->flags & CMD_KEEPS_FDS))
        r = parse_preserve_fds(p);
    return r;
}

static int check_fds(struct program *p)
{
    char text[sizeof(p->err.text)];
    int r;

    if ((p->input.cmd->flags & (CMD_KEEPS_FDS | CMD_NO_LISTEN)) == CMD_KEEPS_FDS)
        p->input.listen_fds = fds_listen_count();
    if (p->input.cmd->flags & CMD_EXECS_NOTHING)
        return 0;
    r = fds_check_passed(p->input.listen_fds, p->input.preserve_fds, text, sizeof(text));
    if (r == -EBADF)
        return cmd_fail(&p->err, "preserved-fd", "%s", text);
    return r < 0 ? cmd_fail_errno(&p->err, r, "close file descriptors on exec") : 0;
}

static int show_help(const struct cmd *cmd)
{
    struct text t = TEXT_INIT;

    if (cmd)
        help_command(&t, cmd);
    else
        help_global(&t, global_options);
    return print_and_free(&t, STDOUT_FILENO);
}

static int show_version(void)
{
    struct text t = TEXT_INIT;

    version_text(&t);
    return print_and_free(&t, STDOUT_FILENO);
}

/* The library refuses symlinks to `/` as it does others; here is the text callers know. */
static void explain_root(struct program *p)
{
    if (p->root.is_default || !root_dir_is_slash(p->root.path))
        return;
    coffer_error_free(p->err.error);
    p->err.error = NULL;
    cmd_fail(&p->err, "root-slash", ROOT_DIR_SLASH_TEXT);
}

static int run_command(struct program *p, int argc, char **argv)
{
    struct cmd_error parse_error;
    int parsed, r;

    parsed = parse_command(p, argc, argv);
    if (parsed == 0 && p->args.help)
        return show_help(p->input.cmd);
    if (parsed == 0)
        parsed = check_fds(p);
    parse_error = p->err;
    p->err = (struct cmd_error){0};

    r = parse_log_level(p);
    if (r == 0)
        r = open_log(p);
    if (r == 0 && parsed < 0) {
        p->err = parse_error;
        r = parsed;
    }
    if (r == 0)
        r = parse_runtime_options(p);
    if (r == 0) {
        p->input.args = &p->args;
        p->input.log = &p->log;
        r = p->input.cmd->run(&p->input, &p->err);
    }
    if (r < 0 && coffer_error_kind_of(p->err.error) == COFFER_ERROR_UNSAFE)
        explain_root(p);
    return r;
}

static int run_program(struct program *p, int argc, char **argv)
{
    struct text help = TEXT_INIT;
    int r = args_parse(global_options, argc - 1, argv + 1, ARGS_STOP, &p->global, p->err.text,
                       sizeof(p->err.text));

    if (r == -ENOMEM)
        return cmd_fail(&p->err, "out-of-memory", "out of memory");
    if (r < 0) {
        p->err.usage = true;
        return r;
    }
    if (p->global.help)
        return show_help(NULL);
    if (args_flag(&p->global, GLOBAL_VERSION) || args_flag(&p->global, GLOBAL_VERSION_UPPER))
        return show_version();
    if (p->global.n_positional == 0) {
        help_global(&help, global_options);
        (void) print_and_free(&help, STDERR_FILENO);
        return EXIT_ERROR;
    }
    return run_command(p, p->global.n_positional, p->global.positional);
}

static int failure_status(const struct program *p)
{
    return p->input.cmd && (p->input.cmd->flags & CMD_FAILS_WITH_255) ? EXIT_FOREIGN : EXIT_ERROR;
}

int main(int argc, char **argv)
{
    struct program p = {.log = LOG_INIT};
    int r = fds_open_std();

    /* Ignored by the caller, it would let our children vanish without a status. */
    (void) signal(SIGCHLD, SIG_DFL);
    if (r == 0 && argc > 0)
        r = run_program(&p, argc, argv);
    if (r < 0)
        report(&p);
    coffer_error_free(p.err.error);
    args_free(&p.args);
    args_free(&p.global);
    log_close(&p.log);
    return r < 0 ? failure_status(&p) : r;
}
