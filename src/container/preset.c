/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See preset.h. Each refusal names the entry and the word that allows it. Host side. */

#include "container/preset.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/str.h"
#include "security/security.h"
#include "sys/fs.h"
#include "sys/task.h"

#define WORD_MAX 32
#define CAP(name) (UINT64_C(1) << CAP_##name)

/* What engines give to every container: rights over files, ids and ports that the user namespace confines. */
#define USUAL_CAPS                                                                                                    \
    (CAP(AUDIT_WRITE) | CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(FOWNER) | CAP(FSETID) | CAP(KILL) | CAP(MKNOD) |         \
     CAP(NET_BIND_SERVICE) | CAP(NET_RAW) | CAP(SETFCAP) | CAP(SETGID) | CAP(SETPCAP) | CAP(SETUID) | CAP(SYS_CHROOT))

static int bad_word(const char *word, const char *field, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_ARGUMENT, "preset", -EINVAL,
                      "a preset is `default` or `hardened[:WORD,...]`, and `%s` is no word of it", word);
    cf_err_field(err, "%s", field);
    cf_err_hint(err, "words: host-pid, host-ipc, host-network, devices, setuid-volumes, new-privileges, CAP_*");
    return -EINVAL;
}

static int allow(struct cf_preset *preset, const char *word)
{
    const struct {
        const char *name;
        bool *flag;
    } words[] = {
        {"host-pid", &preset->host_pid},
        {"host-ipc", &preset->host_ipc},
        {"host-network", &preset->host_network},
        {"devices", &preset->devices},
        {"setuid-volumes", &preset->setuid_volumes},
        {"new-privileges", &preset->new_privileges},
    };
    int cap;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (cf_str_eq(words[i].name, word)) {
            *words[i].flag = true;
            return 0;
        }
    }
    cap = cf_cap_number(word);
    if (cap < 0)
        return -EINVAL;
    preset->caps |= UINT64_C(1) << cap;
    return 0;
}

static int parse(const char *text, const char *field, struct cf_preset *ret, struct cf_err *err)
{
    const char *rest = cf_str_after(text, "hardened");

    if (cf_str_eq(text, "default"))
        return 0;
    if (!rest || (*rest && *rest != ':'))
        return bad_word(text, field, err);
    ret->hardened = true;
    while (*rest) {
        char word[WORD_MAX];
        size_t n;

        rest++; /* the colon, or a comma */
        n = strcspn(rest, ",");
        if (n == 0 || n >= sizeof(word))
            return bad_word(rest, field, err);
        memcpy(word, rest, n);
        word[n] = '\0';
        if (allow(ret, word) < 0)
            return bad_word(word, field, err);
        rest += n;
    }
    return 0;
}

int cf_preset_choose(const struct cf_spec *spec, const char *option, struct cf_preset *ret, struct cf_err *err)
{
    const struct ocispec_string_map *map = spec->config->annotations;

    *ret = (struct cf_preset) {0};
    if (option)
        return parse(option, "", ret, err);
    for (size_t i = 0; map && i < map->n; i++)
        if (cf_str_eq(map->keys[i], CF_ANNOTATION_PRESET))
            return parse(map->values[i], "annotations[\"" CF_ANNOTATION_PRESET "\"]", ret, err);
    return 0;
}

static const struct ocispec_namespace *find_namespace(const struct cf_spec *spec, const char *type, size_t *ret_index)
{
    const struct ocispec_linux *l = spec->config->linux;

    for (size_t i = 0; l && i < l->n_namespaces; i++) {
        if (cf_str_eq(l->namespaces[i].type, type)) {
            *ret_index = i;
            return &l->namespaces[i];
        }
    }
    return NULL;
}

static const struct {
    const char *type, *word; /* NULL: nothing allows it */
    int flag;
} separate[] = {
    {"mount", NULL, CLONE_NEWNS},
    {"pid", "host-pid", CLONE_NEWPID},
    {"ipc", "host-ipc", CLONE_NEWIPC},
    {"network", "host-network", CLONE_NEWNET},
};

static bool may_share(const struct cf_preset *preset, int flag)
{
    return (flag == CLONE_NEWPID && preset->host_pid) || (flag == CLONE_NEWIPC && preset->host_ipc) ||
           (flag == CLONE_NEWNET && preset->host_network);
}

static int refuse_namespace(size_t i, const char *field, struct cf_err *err)
{
    (void) cf_err_config(err, "preset-namespace", field, "the hardened preset does not share the host's %s namespace",
                         separate[i].type);
    if (separate[i].word)
        cf_err_hint(err, "add a namespace of type `%s` without a path, or allow it by `hardened:%s`", separate[i].type,
                    separate[i].word);
    else
        cf_err_hint(err, "add a namespace of type `%s`", separate[i].type);
    return err->ret;
}

static int check_namespaces(const struct cf_preset *preset, const struct cf_spec *spec, struct cf_err *err)
{
    size_t index;

    for (size_t i = 0; i < sizeof(separate) / sizeof(separate[0]); i++)
        if (!may_share(preset, separate[i].flag) && !find_namespace(spec, separate[i].type, &index))
            return refuse_namespace(i, "linux.namespaces", err);
    return 0;
}

static int check_caps(const struct cf_preset *preset, const struct cf_spec *spec, struct cf_err *err)
{
    const struct ocispec_process *process = spec->config->process;
    const struct ocispec_capabilities *caps = process ? process->capabilities : NULL;
    const struct {
        const char *name;
        char *const *list;
        size_t n;
    } sets[] = {
        {"bounding", caps ? caps->bounding : NULL, caps ? caps->n_bounding : 0},
        {"effective", caps ? caps->effective : NULL, caps ? caps->n_effective : 0},
        {"inheritable", caps ? caps->inheritable : NULL, caps ? caps->n_inheritable : 0},
        {"permitted", caps ? caps->permitted : NULL, caps ? caps->n_permitted : 0},
        {"ambient", caps ? caps->ambient : NULL, caps ? caps->n_ambient : 0},
    };

    for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]); s++) {
        for (size_t i = 0; i < sets[s].n; i++) {
            int cap = cf_cap_number(sets[s].list[i]);

            /* One that nobody knows is for the planner to judge. */
            if (cap < 0 || ((USUAL_CAPS | preset->caps) & (UINT64_C(1) << cap)))
                continue;
            (void) cf_err_config(err, "preset-capability", "", "the hardened preset does not give `%s`",
                                 sets[s].list[i]);
            cf_err_field(err, "process.capabilities.%s[%zu]", sets[s].name, i);
            cf_err_hint(err, "take it away, or allow it by `hardened:%s`", sets[s].list[i]);
            return err->ret;
        }
    }
    return 0;
}

/* null, zero, full, random, urandom; tty, console, ptmx; pseudo terminals. */
static bool is_usual_device(const char *type, bool has_major, int64_t major, bool has_minor, int64_t minor)
{
    if (!cf_str_eq(type, "c") || !has_major)
        return false;
    if (major == 136)
        return true;
    return has_minor && ((major == 1 && (minor == 3 || minor == 5 || minor == 7 || minor == 8 || minor == 9)) ||
                         (major == 5 && minor >= 0 && minor <= 2));
}

static int refuse_device(const char *list, size_t i, struct cf_err *err)
{
    (void) cf_err_config(err, "preset-device", "", "the hardened preset gives no other devices than the default ones");
    cf_err_field(err, "%s[%zu]", list, i);
    cf_err_hint(err, "take it away, or allow all that are listed by `hardened:devices`");
    return err->ret;
}

static int check_devices(const struct cf_preset *preset, const struct cf_spec *spec, struct cf_err *err)
{
    const struct ocispec_linux *l = spec->config->linux;

    if (!l || preset->devices)
        return 0;
    for (size_t i = 0; i < l->n_devices; i++) {
        const struct ocispec_device *d = &l->devices[i];

        if (!cf_str_eq(d->type, "p") && !is_usual_device(cf_str_eq(d->type, "u") ? "c" : d->type, d->has_major, d->major,
                                                         d->has_minor, d->minor))
            return refuse_device("linux.devices", i, err);
    }
    for (size_t i = 0; l->resources && i < l->resources->n_devices; i++) {
        const struct ocispec_device_rule *rule = &l->resources->devices[i];

        /* To make a node alone gives nothing: it cannot be opened. */
        if (rule->allow && !(rule->access && rule->access[0] && strspn(rule->access, "m") == strlen(rule->access)) &&
            !is_usual_device(rule->type, rule->has_major, rule->major, rule->has_minor, rule->minor))
            return refuse_device("linux.resources.devices", i, err);
    }
    return 0;
}

int cf_preset_apply(const struct cf_preset *preset, struct cf_spec *spec, struct cf_err *err)
{
    struct ocispec_process *process = spec->config->process;
    int r;

    if (!preset->hardened)
        return 0;
    r = check_namespaces(preset, spec, err);
    if (r >= 0)
        r = check_caps(preset, spec, err);
    if (r >= 0)
        r = check_devices(preset, spec, err);
    if (r >= 0 && process && !preset->new_privileges)
        process->has_no_new_privileges = process->no_new_privileges = true;
    return r;
}

int cf_preset_check_joins(const struct cf_preset *preset, const struct cf_ns_plan *ns, const int *join_fds,
                          const struct cf_spec *spec, struct cf_err *err)
{
    if (!preset->hardened)
        return 0;
    for (uint32_t j = 0; j < ns->n_joins; j++) {
        for (size_t i = 0; i < sizeof(separate) / sizeof(separate[0]); i++) {
            char path[64], field[64];
            struct stat own, joined;
            size_t index = 0;

            if (ns->joins[j].type != separate[i].flag || may_share(preset, separate[i].flag))
                continue;
            (void) cf_str_path(path, sizeof(path), "/proc/self/ns/%s",
                               separate[i].flag == CLONE_NEWNS    ? "mnt"
                               : separate[i].flag == CLONE_NEWNET ? "net"
                                                                  : separate[i].type);
            if (cf_sys_fstatat(AT_FDCWD, path, &own, 0) >= 0 && cf_sys_fstat(join_fds[j], &joined) >= 0 &&
                (own.st_ino != joined.st_ino || own.st_dev != joined.st_dev))
                continue;
            (void) find_namespace(spec, separate[i].type, &index);
            (void) cf_str_path(field, sizeof(field), "linux.namespaces[%zu].path", index);
            return refuse_namespace(i, field, err);
        }
    }
    return 0;
}

bool cf_preset_wants_userns(const struct cf_preset *preset, const struct cf_spec *spec)
{
    const struct ocispec_linux *l = spec->config->linux;
    size_t index;

    return preset->hardened && !find_namespace(spec, "user", &index) && !(l && (l->n_uid_mappings || l->n_gid_mappings));
}
