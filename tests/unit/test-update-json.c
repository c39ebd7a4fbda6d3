/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cli/update-json: options to JSON. The command has no library of its own: its pure files are compiled in here. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "cli/args.c"
#include "cli/text.c"
#include "cli/update-json.c"

#define MAX_WORDS 12

/* @json: NULL: refused. */
static void expect(char *const *words, const char *json)
{
    struct args args;
    struct text t = TEXT_INIT;
    char error[256];
    int argc = 0, bad = -1, r;

    while (words[argc])
        argc++;
    cr_assert(eq(int, args_parse(update_options_table, argc, words, 0, &args, error, sizeof(error)), 0), "%s", error);
    r = update_json(&args, &t, &bad);
    if (json) {
        cr_expect(eq(int, r, 0), "%s", words[0]);
        cr_expect_str_eq(t.data, json);
    } else {
        cr_expect_lt(r, 0, "%s", words[0]);
        cr_expect_geq(bad, 0);
    }
    text_free(&t);
    args_free(&args);
}

#define EXPECT(json, ...) expect((char *const[MAX_WORDS]){__VA_ARGS__, NULL}, json)

Test(update_json, objects)
{
    EXPECT("{}", "id");
    EXPECT("{\"memory\":{\"limit\":1024}}", "--memory", "1k", "id");
    EXPECT("{\"memory\":{\"limit\":-1,\"swap\":-1}}", "--memory-swap=-1", "--memory", "-1");
    EXPECT("{\"memory\":{\"kernel\":5,\"kernelTCP\":6}}", "--kernel-memory", "5", "--kernel-memory-tcp", "6");
    EXPECT("{\"cpu\":{\"shares\":2,\"quota\":-1,\"burst\":0,\"period\":4,\"realtimeRuntime\":5,\"realtimePeriod\":6}}",
           "--cpu-share=2", "--cpu-quota", "-1", "--cpu-burst=0", "--cpu-period=4", "--cpu-rt-runtime=5",
           "--cpu-rt-period=6");
    EXPECT("{\"cpu\":{\"cpus\":\"0-3\",\"mems\":\"\\\"\",\"idle\":1},\"pids\":{\"limit\":7},\"blockIO\":{\"weight\":10}}",
           "--cpuset-cpus", "0-3", "--cpuset-mems", "\"", "--cpu-idle", "1", "--pids-limit", "007", "--blkio-weight",
           "10");
    EXPECT("{\"pids\":{\"limit\":18446744073709551615}}", "--pids-limit", "18446744073709551615");
}

Test(update_json, refused)
{
    EXPECT(NULL, "--memory", "");
    EXPECT(NULL, "--memory", "-2");
    EXPECT(NULL, "--memory", "k");
    EXPECT(NULL, "--memory", "1kb");
    EXPECT(NULL, "--memory", "1.5g");
    EXPECT(NULL, "--memory", "8192p");
    EXPECT(NULL, "--memory", "99999999999999999999");
    EXPECT(NULL, "--pids-limit", "x");
    EXPECT(NULL, "--pids-limit", "5x");
    EXPECT(NULL, "--pids-limit", "-");
    EXPECT(NULL, "--cpu-quota", "--1");
}

Test(update_json, bytes)
{
    static const struct {
        const char *text;
        int64_t value;
    } table[] = {{"0", 0}, {"5b", 5}, {"5K", 5120}, {"2m", 2097152}, {"1g", 1073741824}, {"1T", 1099511627776},
                 {"8191p", 8191LL << 50}, {"9223372036854775807", INT64_MAX}, {"-1", -1}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        int64_t v = -2;

        cr_expect(eq(int, update_parse_bytes(table[i].text, &v), 0), "%s", table[i].text);
        cr_expect(eq(i64, v, table[i].value), "%s", table[i].text);
    }
}
