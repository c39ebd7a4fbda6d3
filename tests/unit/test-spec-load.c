/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* spec: finding and reading config.json. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spec/spec.h"

#define SMALL "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"rootfs\"}}"

struct bundle {
    char dir[64];
    char cwd[4096];
};

static void bundle_open(struct bundle *b)
{
    (void) snprintf(b->dir, sizeof(b->dir), "/tmp/coffer-test-spec-XXXXXX");
    cr_assert(mkdtemp(b->dir) != NULL);
    cr_assert(getcwd(b->cwd, sizeof(b->cwd)) != NULL);
    cr_assert(eq(int, chdir(b->dir), 0));
}

static void bundle_close(struct bundle *b)
{
    char command[128];

    cr_expect(eq(int, chdir(b->cwd), 0));
    (void) snprintf(command, sizeof(command), "rm -rf -- '%s'", b->dir);
    cr_expect(eq(int, system(command), 0));
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    cr_assert(f != NULL);
    cr_assert(ge(int, fputs(text, f), 0));
    cr_assert(eq(int, fclose(f), 0));
}

static struct cf_spec *load(const char *bundle, const char *file)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = NULL;

    cr_assert(eq(int, cf_spec_load_bundle(bundle, file, &spec, &err), 0), "%s", err.text);
    return spec;
}

Test(spec_load, paths_become_absolute)
{
    char expected[256];
    struct cf_spec *spec;
    struct bundle b;

    bundle_open(&b);
    write_file("config.json", SMALL);
    cr_assert(eq(int, mkdir("sub", 0700), 0));

    spec = load(".", NULL);
    cr_expect(eq(str, spec->bundle, b.dir));
    (void) snprintf(expected, sizeof(expected), "%s/rootfs", b.dir);
    cr_expect(eq(str, spec->rootfs, expected));
    cr_expect(eq(sz, spec->raw_len, strlen(SMALL)));
    cr_expect(eq(int, memcmp(spec->raw, SMALL, spec->raw_len), 0));
    cf_spec_free(spec);

    (void) snprintf(expected, sizeof(expected), "%s/./sub//", b.dir);
    spec = load(expected, "config.json");
    (void) snprintf(expected, sizeof(expected), "%s/sub", b.dir);
    cr_expect(eq(str, spec->bundle, expected));
    cf_spec_free(spec);
    bundle_close(&b);
}

Test(spec_load, absolute_root)
{
    static const char json[] = "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"/var//lib/./r/\"}}";
    char expected[] = "/var/lib/r";
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = NULL;

    cr_assert(eq(int, cf_spec_load_bytes("/b", json, strlen(json), &spec, &err), 0));
    cr_expect(eq(str, spec->rootfs, expected));
    cf_spec_free(spec);
}

Test(spec_load, missing_file_has_the_known_text)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = NULL;
    struct bundle b;
    char text[512];

    bundle_open(&b);
    cr_expect(eq(int, cf_spec_load_bundle(".", NULL, &spec, &err), -ENOENT));
    (void) cf_err_print(&err, text, sizeof(text));
    cr_expect(strstr(text, "JSON specification file config.json not found") != NULL, "%s", text);
    cr_expect(spec == NULL);
    bundle_close(&b);
}

Test(spec_load, only_regular_files_of_a_decent_size)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = NULL;
    struct bundle b;

    bundle_open(&b);
    cr_assert(eq(int, mkfifo("config.json", 0600), 0));
    cr_expect(lt(int, cf_spec_load_bundle(".", NULL, &spec, &err), 0));
    cr_expect(eq(u32, err.kind, COFFER_ERROR_CONFIG));
    cf_err_clear(&err);
    cr_expect(lt(int, cf_spec_load_bundle(".", "/dev/zero", &spec, &err), 0));
    cr_assert(eq(int, unlink("config.json"), 0));
    write_file("config.json", SMALL);
    cr_assert(eq(int, truncate("config.json", CF_SPEC_MAX_FILE + 1), 0));
    cf_err_clear(&err);
    cr_expect(eq(int, cf_spec_load_bundle(".", NULL, &spec, &err), -EFBIG));
    cr_assert(eq(int, unlink("config.json"), 0));
    cr_assert(eq(int, mkdir("config.json", 0700), 0));
    cf_err_clear(&err);
    cr_expect(lt(int, cf_spec_load_bundle(".", NULL, &spec, &err), 0));
    bundle_close(&b);
}

Test(spec_load, errors_name_the_place)
{
    static const struct {
        const char *json, *field;
    } rows[] = {
        {"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":-1,\"gid\":0}}}", "process.user.uid"},
        {"{\"ociVersion\":1}", "ociVersion"},
        {"{\"ociVersion\":\"1.0.0\",\"mounts\":[{\"destination\":\"/a\",\"options\":[1]}]}", "mounts[0].options[0]"},
        {"{\"ociVersion\":", ""}, /* no JSON: the text names line and column */
        {"{\"ociVersion\":\"1.0.0\",\"annotations\":{\"\":\"x\"}}", "annotations"},
        {"[]", ""},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cf_err err = CF_ERR_INIT;
        struct cf_spec *spec = NULL;

        cr_expect(lt(int, cf_spec_load_bytes("/b", rows[i].json, strlen(rows[i].json), &spec, &err), 0));
        cr_expect(eq(int, strcmp(err.field, rows[i].field), 0), "%s: `%s` %s", rows[i].json, err.field, err.text);
        cr_expect(eq(u32, err.kind, COFFER_ERROR_CONFIG), "%s", rows[i].json);
        cr_expect(spec == NULL);
    }
}
