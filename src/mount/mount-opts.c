/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Mount options: the table of all words (also printed by `features`) and what a list of them means.
 * Pure, host side.
 *
 * Options act left to right and the last one wins. A recursive option reaches the top mount too, so
 * it takes back what was said about the same attribute before; the recursive attributes are applied
 * first and those of the top mount after them.
 */

#include "mount/mount-opts.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "plan/input.h"
#include "sys/mountfd.h"

#define MAX_QUOTE 80
#define MAX_DATA 4095 /* one page with its terminator, the limit of mount(2) */

enum {
    OPT_IGNORE = 0,  /* no effect, or gone from the kernel */
    OPT_WHAT,        /* value: CF_MOUNT_OPT_* */
    OPT_ATTR,        /* value: MOUNT_ATTR_* */
    OPT_REC_ATTR,
    OPT_ATIME,       /* value: one of MOUNT_ATTR__ATIME: they exclude each other */
    OPT_REC_ATIME,
    OPT_SUPER,       /* value: CF_SUPER_* */
    OPT_PROPAGATION, /* value: MS_* [|MS_REC] */
    OPT_IDMAP,       /* value: CF_MOUNT_OPT_RIDMAP or 0; the word may go on with `=` and a mapping */
};

/*
 * `mand` is gone from the kernel, `silent` has no counterpart in fsconfig(2): both without effect.
 * Recursive forms of superblock options mean nothing and are accepted for compatibility.
 */
static const struct cf_mount_option options[] = {
    /* name, kind, clears, listed, value */
    {"defaults", OPT_IGNORE, false, true, 0},
    {"bind", OPT_WHAT, false, true, CF_MOUNT_OPT_BIND},
    {"rbind", OPT_WHAT, false, true, CF_MOUNT_OPT_BIND | CF_MOUNT_OPT_RBIND},
    {"remount", OPT_WHAT, false, true, CF_MOUNT_OPT_REMOUNT},
    {"tmpcopyup", OPT_WHAT, false, true, CF_MOUNT_OPT_COPYUP},
    {"copy-symlink", OPT_WHAT, false, true, CF_MOUNT_OPT_COPY_SYMLINK},
    {"src-nofollow", OPT_WHAT, false, true, CF_MOUNT_OPT_SRC_NOFOLLOW},
    {"dest-nofollow", OPT_WHAT, false, true, CF_MOUNT_OPT_DEST_NOFOLLOW},
    {"ro", OPT_ATTR, false, true, MOUNT_ATTR_RDONLY},
    {"rw", OPT_ATTR, true, true, MOUNT_ATTR_RDONLY},
    {"nosuid", OPT_ATTR, false, true, MOUNT_ATTR_NOSUID},
    {"suid", OPT_ATTR, true, true, MOUNT_ATTR_NOSUID},
    {"nodev", OPT_ATTR, false, true, MOUNT_ATTR_NODEV},
    {"dev", OPT_ATTR, true, true, MOUNT_ATTR_NODEV},
    {"noexec", OPT_ATTR, false, true, MOUNT_ATTR_NOEXEC},
    {"exec", OPT_ATTR, true, true, MOUNT_ATTR_NOEXEC},
    {"nodiratime", OPT_ATTR, false, true, MOUNT_ATTR_NODIRATIME},
    {"diratime", OPT_ATTR, true, true, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", OPT_ATTR, false, true, MOUNT_ATTR_NOSYMFOLLOW},
    {"symfollow", OPT_ATTR, true, true, MOUNT_ATTR_NOSYMFOLLOW},
    {"noatime", OPT_ATIME, false, true, MOUNT_ATTR_NOATIME},
    {"atime", OPT_ATIME, true, true, MOUNT_ATTR_NOATIME},
    {"relatime", OPT_ATIME, false, true, MOUNT_ATTR_RELATIME},
    {"norelatime", OPT_ATIME, true, true, MOUNT_ATTR_RELATIME},
    {"strictatime", OPT_ATIME, false, true, MOUNT_ATTR_STRICTATIME},
    {"nostrictatime", OPT_ATIME, true, true, MOUNT_ATTR_STRICTATIME},
    {"rro", OPT_REC_ATTR, false, true, MOUNT_ATTR_RDONLY},
    {"rrw", OPT_REC_ATTR, true, true, MOUNT_ATTR_RDONLY},
    {"rnosuid", OPT_REC_ATTR, false, true, MOUNT_ATTR_NOSUID},
    {"rsuid", OPT_REC_ATTR, true, true, MOUNT_ATTR_NOSUID},
    {"rnodev", OPT_REC_ATTR, false, true, MOUNT_ATTR_NODEV},
    {"rdev", OPT_REC_ATTR, true, true, MOUNT_ATTR_NODEV},
    {"rnoexec", OPT_REC_ATTR, false, true, MOUNT_ATTR_NOEXEC},
    {"rexec", OPT_REC_ATTR, true, true, MOUNT_ATTR_NOEXEC},
    {"rnodiratime", OPT_REC_ATTR, false, true, MOUNT_ATTR_NODIRATIME},
    {"rdiratime", OPT_REC_ATTR, true, true, MOUNT_ATTR_NODIRATIME},
    {"rnosymfollow", OPT_REC_ATTR, false, true, MOUNT_ATTR_NOSYMFOLLOW},
    {"rsymfollow", OPT_REC_ATTR, true, true, MOUNT_ATTR_NOSYMFOLLOW},
    {"rnoatime", OPT_REC_ATIME, false, true, MOUNT_ATTR_NOATIME},
    {"ratime", OPT_REC_ATIME, true, true, MOUNT_ATTR_NOATIME},
    {"rrelatime", OPT_REC_ATIME, false, true, MOUNT_ATTR_RELATIME},
    {"rnorelatime", OPT_REC_ATIME, true, true, MOUNT_ATTR_RELATIME},
    {"rstrictatime", OPT_REC_ATIME, false, true, MOUNT_ATTR_STRICTATIME},
    {"rnostrictatime", OPT_REC_ATIME, true, true, MOUNT_ATTR_STRICTATIME},
    {"sync", OPT_SUPER, false, true, CF_SUPER_SYNC},
    {"async", OPT_SUPER, true, true, CF_SUPER_SYNC},
    {"dirsync", OPT_SUPER, false, true, CF_SUPER_DIRSYNC},
    {"lazytime", OPT_SUPER, false, true, CF_SUPER_LAZYTIME},
    {"nolazytime", OPT_SUPER, true, true, CF_SUPER_LAZYTIME},
    {"iversion", OPT_SUPER, false, true, CF_SUPER_IVERSION},
    {"noiversion", OPT_SUPER, true, true, CF_SUPER_IVERSION},
    {"mand", OPT_IGNORE, false, true, 0},
    {"nomand", OPT_IGNORE, false, true, 0},
    {"silent", OPT_IGNORE, false, true, 0},
    {"loud", OPT_IGNORE, false, true, 0},
    {"rsync", OPT_IGNORE, false, false, 0},
    {"rasync", OPT_IGNORE, false, false, 0},
    {"rdirsync", OPT_IGNORE, false, false, 0},
    {"rmand", OPT_IGNORE, false, false, 0},
    {"rnomand", OPT_IGNORE, false, false, 0},
    {"shared", OPT_PROPAGATION, false, true, MS_SHARED},
    {"rshared", OPT_PROPAGATION, false, true, MS_SHARED | MS_REC},
    {"slave", OPT_PROPAGATION, false, true, MS_SLAVE},
    {"rslave", OPT_PROPAGATION, false, true, MS_SLAVE | MS_REC},
    {"private", OPT_PROPAGATION, false, true, MS_PRIVATE},
    {"rprivate", OPT_PROPAGATION, false, true, MS_PRIVATE | MS_REC},
    {"unbindable", OPT_PROPAGATION, false, true, MS_UNBINDABLE},
    {"runbindable", OPT_PROPAGATION, false, true, MS_UNBINDABLE | MS_REC},
    {"idmap", OPT_IDMAP, false, true, 0},
    {"ridmap", OPT_IDMAP, false, true, CF_MOUNT_OPT_RIDMAP},
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

const struct cf_mount_option *cf_mount_options(size_t *ret_n)
{
    *ret_n = N_OPTIONS;
    return options;
}

static const struct cf_mount_option *find_option(const char *name)
{
    /* The only words with a value of our own; everything else with `=` is the file system's. */
    if (cf_str_after(name, "idmap="))
        name = "idmap";
    else if (cf_str_after(name, "ridmap="))
        name = "ridmap";
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (options[i].name[0] == name[0] && strcmp(options[i].name, name) == 0)
            return &options[i];
    }
    return NULL;
}

static int option_error(const struct cf_plan_input *in, uint32_t index, size_t option, uint32_t kind,
                        const char *code, const char *text, struct cf_err *err)
{
    const char *name = in->spec->config->mounts[index].options[option];
    int r = kind == COFFER_ERROR_UNSUPPORTED ? -EOPNOTSUPP : -EINVAL;

    (void) cf_err_set(err, kind, code, r, "mount option `%.*s`: %s", (int) strnlen(name, MAX_QUOTE), name, text);
    cf_err_field(err, "mounts[%u].options[%zu]", index, option);
    return r;
}

static void set_attr(uint64_t *set, uint64_t *clr, uint64_t value, bool clear)
{
    *set = clear ? *set & ~value : *set | value;
    *clr = clear ? *clr | value : *clr & ~value;
}

/*
 * The kernel wants the whole group cleared with any change. An opposite (`norelatime`) only takes
 * back its own word; what is left then is relatime, the value 0.
 */
static void set_atime(uint64_t *set, uint64_t *clr, uint64_t value, bool clear)
{
    uint64_t now = *set & MOUNT_ATTR__ATIME;

    if (clear && now != 0 && now != value)
        return;
    *set = (*set & ~(uint64_t) MOUNT_ATTR__ATIME) | (clear ? 0 : value);
    *clr |= MOUNT_ATTR__ATIME;
}

static void apply_option(struct cf_mount_opts *o, const struct cf_mount_option *opt)
{
    switch (opt->kind) {
    case OPT_WHAT:
        o->what |= (uint32_t) opt->value;
        break;
    case OPT_ATTR:
        set_attr(&o->attr_set, &o->attr_clr, opt->value, opt->clear);
        o->mentioned |= opt->value;
        break;
    case OPT_REC_ATTR:
        set_attr(&o->rec_set, &o->rec_clr, opt->value, opt->clear);
        o->attr_set &= ~opt->value;
        o->attr_clr &= ~opt->value;
        o->mentioned |= opt->value;
        break;
    case OPT_ATIME:
        set_atime(&o->attr_set, &o->attr_clr, opt->value, opt->clear);
        break;
    case OPT_REC_ATIME:
        set_atime(&o->rec_set, &o->rec_clr, opt->value, opt->clear);
        o->attr_set &= ~(uint64_t) MOUNT_ATTR__ATIME;
        o->attr_clr &= ~(uint64_t) MOUNT_ATTR__ATIME;
        break;
    case OPT_SUPER:
        if (opt->clear) {
            o->super_set &= ~(uint32_t) opt->value;
            o->super_clr |= (uint32_t) opt->value;
        } else {
            o->super_set |= (uint32_t) opt->value;
            o->super_clr &= ~(uint32_t) opt->value;
        }
        break;
    case OPT_PROPAGATION:
        o->propagation[o->n_propagation++] = (uint32_t) opt->value;
        break;
    default:
        break;
    }
}

/* Length up to the next comma that is neither in double quotes nor behind a backslash. */
static size_t param_len(const char *s)
{
    bool quoted = false;
    size_t n = 0;

    for (; s[n]; n++) {
        if (s[n] == '"')
            quoted = !quoted;
        else if (s[n] == '\\' && s[n + 1])
            n++;
        else if (s[n] == ',' && !quoted)
            break;
    }
    return n;
}

/* A value that is wholly quoted loses the quotes, as the kernel's own reader of such text does. */
static char *param_value(struct cf_arena *arena, const char *s, size_t n)
{
    if (n >= 2 && s[0] == '"' && s[n - 1] == '"')
        return cf_arena_strndup(arena, s + 1, n - 2);
    return cf_arena_strndup(arena, s, n);
}

static int add_params(const struct cf_plan_input *in, struct cf_mount_opts *o, size_t *cap, const char *text,
                      size_t option, struct cf_err *err)
{
    while (*text) {
        size_t n = param_len(text), key_len;
        const char *equals = memchr(text, '=', n);
        struct cf_mount_param *p, *bigger;

        if (n == 0) {
            text++;
            continue;
        }
        if (o->n_params == *cap) {
            *cap = *cap ? *cap * 2 : 8;
            bigger = cf_arena_calloc(in->arena, *cap, sizeof(*bigger));
            if (!bigger)
                return cf_err_oom(err);
            if (o->n_params)
                memcpy(bigger, o->params, o->n_params * sizeof(*bigger));
            o->params = bigger;
        }
        p = &o->params[o->n_params++];
        key_len = equals ? (size_t) (equals - text) : n;
        *p = (struct cf_mount_param) {.key = cf_arena_strndup(in->arena, text, key_len),
                                      .option_index = (uint32_t) option};
        if (equals)
            p->value = param_value(in->arena, equals + 1, n - key_len - 1);
        if (!p->key || (equals && !p->value))
            return cf_err_oom(err);
        text += n + (text[n] == ',');
    }
    return 0;
}

int cf_mount_opts_parse(const struct cf_plan_input *in, uint32_t index, struct cf_mount_opts *ret,
                        struct cf_err *err)
{
    const struct ocispec_mount *m = &in->spec->config->mounts[index];
    size_t data = 0, cap = 0;
    int r;

    *ret = (struct cf_mount_opts) {0};
    ret->propagation = cf_arena_calloc(in->arena, m->n_options, sizeof(*ret->propagation));
    if (!ret->propagation)
        return cf_err_oom(err);
    for (size_t i = 0; i < m->n_options; i++) {
        const struct cf_mount_option *opt = find_option(m->options[i]);

        if (opt && opt->kind == OPT_IDMAP) {
            const char *equals = strchr(m->options[i], '=');

            ret->what = (ret->what & ~CF_MOUNT_OPT_RIDMAP) | CF_MOUNT_OPT_IDMAP | (uint32_t) opt->value;
            ret->idmap = equals ? equals + 1 : "";
            ret->idmap_option = (uint32_t) i;
            continue;
        }
        if (opt) {
            apply_option(ret, opt);
            continue;
        }
        data += strlen(m->options[i]) + 1;
        if (data > MAX_DATA)
            return option_error(in, index, i, COFFER_ERROR_CONFIG, "mount-data-size",
                                "file-system options are longer than one page", err);
        r = add_params(in, ret, &cap, m->options[i], i, err);
        if (r < 0)
            return r;
    }
    return 0;
}

bool cf_mount_opts_has_param(const struct cf_mount_opts *opts, const char *key)
{
    for (size_t i = 0; i < opts->n_params; i++) {
        if (strcmp(opts->params[i].key, key) == 0)
            return true;
    }
    return false;
}
