/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bad documents: each row with the path and the message it must give. */

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "load.h"

struct row {
    const char *text, *path, *message;
};

#define DOC(rest) "{\"ociVersion\":\"1.0.0\"," rest "}"
#define PROCESS(rest) DOC("\"process\":{\"cwd\":\"/\"," rest "}")
#define LINUX(rest) DOC("\"linux\":{" rest "}")
#define MISSING "required, but missing"
#define TWICE "key given twice"
#define U32 "expected an integer from 0 to 4294967295, got "

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct ocispec_error err;
        int r = test_try(rows[i].text, strlen(rows[i].text), NULL, &err);

        cr_expect_eq(r, -EINVAL, "%s", rows[i].text);
        cr_expect_str_eq(err.path, rows[i].path, "%s", rows[i].text);
        cr_expect_str_eq(err.message, rows[i].message, "%s", rows[i].text);
    }
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows[0]))

Test(bad, required)
{
    static const struct row rows[] = {
        {"{}", "ociVersion", MISSING},
        {"{\"ociVersion\":null}", "ociVersion", MISSING},
        {DOC("\"process\":{}"), "process.cwd", MISSING},
        {PROCESS("\"user\":{\"gid\":0}"), "process.user.uid", MISSING},
        {PROCESS("\"user\":{\"uid\":0,\"gid\":null}"), "process.user.gid", MISSING},
        {PROCESS("\"consoleSize\":{\"width\":0}"), "process.consoleSize.height", MISSING},
        {PROCESS("\"rlimits\":[{\"type\":\"x\",\"soft\":1}]"), "process.rlimits[0].hard", MISSING},
        {PROCESS("\"scheduler\":{}"), "process.scheduler.policy", MISSING},
        {PROCESS("\"ioPriority\":{\"class\":\"x\"}"), "process.ioPriority.priority", MISSING},
        {DOC("\"root\":{}"), "root.path", MISSING},
        {DOC("\"mounts\":[{\"destination\":\"/\"},{}]"), "mounts[1].destination", MISSING},
        {DOC("\"hooks\":{\"poststop\":[{}]}"), "hooks.poststop[0].path", MISSING},
        {LINUX("\"namespaces\":[{}]"), "linux.namespaces[0].type", MISSING},
        {LINUX("\"devices\":[{\"path\":\"/dev/x\"}]"), "linux.devices[0].type", MISSING},
        {LINUX("\"gidMappings\":[{\"containerID\":0,\"size\":1}]"), "linux.gidMappings[0].hostID", MISSING},
        {LINUX("\"seccomp\":{}"), "linux.seccomp.defaultAction", MISSING},
        {LINUX("\"seccomp\":{\"defaultAction\":\"a\",\"syscalls\":[{\"action\":\"a\"}]}"),
         "linux.seccomp.syscalls[0].names", MISSING},
        {LINUX("\"resources\":{\"devices\":[{}]}"), "linux.resources.devices[0].allow", MISSING},
        {LINUX("\"resources\":{\"hugepageLimits\":[{\"limit\":1}]}"),
         "linux.resources.hugepageLimits[0].pageSize", MISSING},
        {LINUX("\"resources\":{\"blockIO\":{\"throttleReadIOPSDevice\":[{\"major\":1,\"minor\":1}]}}"),
         "linux.resources.blockIO.throttleReadIOPSDevice[0].rate", MISSING},
        {LINUX("\"memoryPolicy\":{}"), "linux.memoryPolicy.mode", MISSING},
        {LINUX("\"personality\":{}"), "linux.personality.domain", MISSING},
    };

    CHECK(rows);
}

Test(bad, types_and_ranges)
{
    static const struct row rows[] = {
        {"[]", "", "expected an object, got an array"},
        {"null", "", "expected an object, got null"},
        {"1", "", "expected an object, got 1"},
        {"\"x\"", "", "expected an object, got a string"},
        {"true", "", "expected an object, got true"},
        {"{\"ociVersion\":1}", "ociVersion", "expected a string, got 1"},
        {"{\"ociVersion\":{}}", "ociVersion", "expected a string, got an object"},
        {DOC("\"process\":[]"), "process", "expected an object, got an array"},
        {DOC("\"mounts\":{}"), "mounts", "expected an array, got an object"},
        {DOC("\"mounts\":[null]"), "mounts[0]", "expected an object, got null"},
        {DOC("\"mounts\":[\"/\"]"), "mounts[0]", "expected an object, got a string"},
        {DOC("\"mounts\":[{\"destination\":\"/\",\"options\":[\"a\",1]}]"), "mounts[0].options[1]",
         "expected a string, got 1"},
        {DOC("\"annotations\":[]"), "annotations", "expected an object, got an array"},
        {DOC("\"annotations\":{\"a.b\":false}"), "annotations[\"a.b\"]", "expected a string, got false"},
        {DOC("\"annotations\":{\"\":\"x\"}"), "annotations", "an empty key is not allowed"},
        {LINUX("\"sysctl\":{\"\":\"x\"}"), "linux.sysctl", "an empty key is not allowed"},
        {PROCESS("\"terminal\":0"), "process.terminal", "expected true or false, got 0"},
        {PROCESS("\"terminal\":\"true\""), "process.terminal", "expected true or false, got a string"},
        {PROCESS("\"args\":\"sh\""), "process.args", "expected an array, got a string"},
        {PROCESS("\"args\":[[]]"), "process.args[0]", "expected a string, got an array"},
        {PROCESS("\"user\":{\"uid\":-1,\"gid\":0}"), "process.user.uid", U32 "-1"},
        {PROCESS("\"user\":{\"uid\":4294967296,\"gid\":0}"), "process.user.uid", U32 "4294967296"},
        {PROCESS("\"user\":{\"uid\":1.0,\"gid\":0}"), "process.user.uid", U32 "1.0"},
        {PROCESS("\"user\":{\"uid\":1e3,\"gid\":0}"), "process.user.uid", U32 "1e3"},
        {PROCESS("\"user\":{\"uid\":\"0\",\"gid\":0}"), "process.user.uid", U32 "a string"},
        {PROCESS("\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[1,-2]}"),
         "process.user.additionalGids[1]", U32 "-2"},
        {PROCESS("\"user\":{\"uid\":11111111111111111111111111111111111111111111,\"gid\":0}"),
         "process.user.uid", U32 "1111111111111111111111111111111111111111..."},
        {PROCESS("\"oomScoreAdj\":2147483648"), "process.oomScoreAdj",
         "expected an integer from -2147483648 to 2147483647, got 2147483648"},
        {PROCESS("\"oomScoreAdj\":-2147483649"), "process.oomScoreAdj",
         "expected an integer from -2147483648 to 2147483647, got -2147483649"},
        {PROCESS("\"rlimits\":[{\"type\":\"x\",\"hard\":18446744073709551616}]"), "process.rlimits[0].hard",
         "expected an integer from 0 to 18446744073709551615, got 18446744073709551616"},
        {LINUX("\"resources\":{\"memory\":{\"limit\":9223372036854775808}}"), "linux.resources.memory.limit",
         "expected an integer from -9223372036854775808 to 9223372036854775807, got 9223372036854775808"},
        {LINUX("\"resources\":{\"memory\":{\"limit\":-9223372036854775809}}"), "linux.resources.memory.limit",
         "expected an integer from -9223372036854775808 to 9223372036854775807, got -9223372036854775809"},
        {LINUX("\"resources\":{\"blockIO\":{\"weight\":65536}}"), "linux.resources.blockIO.weight",
         "expected an integer from 0 to 65535, got 65536"},
        {LINUX("\"resources\":{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":\"x\"}}}"),
         "linux.resources.rdma.mlx5_1.hcaHandles", U32 "a string"},
        {LINUX("\"netDevices\":{\"eth0\":{\"name\":23}}"), "linux.netDevices.eth0.name",
         "expected a string, got 23"},
        {LINUX("\"netDevices\":{\"a\\n\\\"\\u0080b\":1}"), "linux.netDevices[\"a\\x0a\\x22\\xc2\\x80b\"]",
         "expected an object, got 1"},
    };

    CHECK(rows);
}

Test(bad, keys_given_twice)
{
    static const struct row rows[] = {
        {"{\"ociVersion\":\"1\",\"ociVersion\":\"1\"}", "ociVersion", TWICE},
        {"{\"ociVersion\":null,\"ociVersion\":\"1\"}", "ociVersion", TWICE},
        {"{\"ociVersion\":\"1\",\"oci\\u0056ersion\":\"1\"}", "ociVersion", TWICE},
        {PROCESS("\"user\":{\"uid\":0,\"gid\":0,\"uid\":0}"), "process.user.uid", TWICE},
        {DOC("\"annotations\":{\"a\":\"1\",\"b\":\"1\",\"\\u0061\":\"2\"}"), "annotations.a", TWICE},
        {DOC("\"annotations\":{\"a\":null,\"a\":\"2\"}"), "annotations.a", TWICE},
        {DOC("\"vm\":1,\"vm\":2"), "vm", TWICE},
        {DOC("\"vm\":[{\"x\":{\"y\":1},\"y\":1,\"x\":2}]"), "vm[0].x", TWICE},
        {DOC("\"vm\":{\"\":1,\"\":2}"), "vm[\"\"]", TWICE},
        {DOC("\"vm\":{\"\\u0061\":1,\"a\":2}"), "vm.a", TWICE},
    };

    CHECK(rows);
}

Test(bad, text)
{
    static const struct row rows[] = {
        {"", "", "empty"},
        {" \n", "", "empty"},
        {"\xef\xbb\xbf{}", "", "starts with a byte order mark"},
        {"{", "", "not valid JSON: the text ends too early (line 1, column 2)"},
        {"{\n\"ociVersion\":\"1", "ociVersion",
         "not valid JSON: the text ends too early (line 2, column 16)"},
        {"{\"ociVersion\":\"1\"} x", "", "text after the end of the document (line 1, column 21)"},
        {"{\"ociVersion\":\"1\"}{}", "", "text after the end of the document (line 1, column 20)"},
        {"{\"ociVersion\":\"1\"}//", "", "text after the end of the document (line 1, column 19)"},
        {DOC("\"mounts\":[{\"destination\":\"/\"},]"), "mounts[1]",
         "not valid JSON: unallowed token at this point in JSON text (line 1, column 54)"},
        {DOC("\"hostname\":\"\xc0\x80\""), "hostname", "not valid UTF-8 (line 1, column 35)"},
        {DOC("\"hostname\":\"\xed\xa0\x80\""), "hostname", "not valid UTF-8 (line 1, column 35)"},
        {DOC("\"hostname\":\"\xf4\x90\x80\x80\""), "hostname", "not valid UTF-8 (line 1, column 35)"},
        {DOC("\"hostname\":\"12345678\xe2\x82\""), "hostname", "not valid UTF-8 (line 1, column 43)"},
        {DOC("\"vm\":[\"a\",\"\xff\"]"), "vm[1]", "not valid UTF-8 (line 1, column 34)"},
        {DOC("\"hostname\":\"\\u0000\""), "hostname",
         "a NUL character (`\\u0000`) is not allowed (line 1, column 35)"},
        {DOC("\"vm\":{\"\\u0000\":1}"), "vm",
         "a NUL character (`\\u0000`) is not allowed (line 1, column 30)"},
        {DOC("\"hostname\":\"\\\\\\ud800\\\\\""), "hostname",
         "half of a surrogate pair (`\\ud800` to `\\udfff`) is not a character (line 1, column 37)"},
        {DOC("\"hostname\":\"\\udc00\\ud800\""), "hostname",
         "half of a surrogate pair (`\\ud800` to `\\udfff`) is not a character (line 1, column 35)"},
    };

    CHECK(rows);
}

/* Whatever the library's words are: these are refused. */
Test(bad, syntax)
{
    static const char *const texts[] = {
        "{]",
        "}",
        "]",
        ",",
        "{\"ociVersion\"}",
        "{\"ociVersion\":}",
        "{\"ociVersion\":\"1\",}",
        "{'ociVersion':'1'}",
        "{ociVersion:\"1\"}",
        "{\"ociVersion\":\"1\",\"a\":01}",
        "{\"ociVersion\":\"1\",\"a\":+1}",
        "{\"ociVersion\":\"1\",\"a\":.5}",
        "{\"ociVersion\":\"1\",\"a\":1.}",
        "{\"ociVersion\":\"1\",\"a\":-}",
        "{\"ociVersion\":\"1\",\"a\":0x10}",
        "{\"ociVersion\":\"1\",\"a\":NaN}",
        "{\"ociVersion\":\"1\",\"a\":True}",
        "{\"ociVersion\":\"1\",\"a\":nul}",
        "{\"ociVersion\":\"1\n\"}",
        "{\"ociVersion\":\"\\x\"}",
        "{\"ociVersion\":\"\\u12g4\"}",
        "{\"ociVersion\":\"\\u12",
        "{\"ociVersion\":\"\\",
        "/* c */{\"ociVersion\":\"1\"}",
        "{\"ociVersion\":\"1\"/* c */}",
        "{// c\n\"ociVersion\":\"1\"}",
        "{\"ociVersion\":\"1\" \"a\":1}",
        "{\"ociVersion\":\"1\",1:1}",
        "{\"ociVersion\":\"1\",\"a\":[1 2]}",
        "{\"ociVersion\":\"1\",\"a\":[1,]}",
        "{\"ociVersion\":\"1\",\"a\":[}",
        "\\u0000",
        "\xff",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ocispec_error err;

        cr_expect_eq(test_try(texts[i], strlen(texts[i]), NULL, &err), -EINVAL, "%s", texts[i]);
        cr_expect(err.message[0] != '\0', "%s", texts[i]);
    }
}

Test(bad, raw_nul_and_other_roots)
{
    static const char nul[] = "{\"ociVersion\":\"1\0\"}", outside[] = "{\"ociVersion\":\"1\"}\0";
    struct ocispec_features *features;
    struct ocispec_mount *mounts;
    struct ocispec_state *state;
    struct ocispec_doc *doc;
    struct ocispec_error err;
    size_t n;

    cr_expect_eq(test_try(nul, sizeof(nul) - 1, NULL, &err), -EINVAL);
    cr_expect_eq(test_try(outside, sizeof(outside) - 1, NULL, &err), -EINVAL);
    cr_expect_eq(test_try("\0", 1, NULL, &err), -EINVAL);
    cr_expect_eq(ocispec_features_parse("{\"ociVersionMin\":\"1\"}", 21, NULL, &features, &doc, &err),
                 -EINVAL);
    cr_expect_str_eq(err.path, "ociVersionMax");
    cr_expect_eq(ocispec_state_parse("{\"pid\":-1}", 10, NULL, &state, &doc, &err), -EINVAL);
    cr_expect_str_eq(err.message, "expected an integer from 0 to 2147483647, got -1");
    cr_expect_eq(ocispec_mounts_parse("[{}]", 4, NULL, &mounts, &n, &doc, &err), -EINVAL);
    cr_expect_str_eq(err.path, "[0].destination");
    cr_expect_eq(ocispec_mounts_parse("{}", 2, NULL, &mounts, &n, &doc, &err), -EINVAL);
    cr_expect_str_eq(err.message, "expected an array, got an object");
}
