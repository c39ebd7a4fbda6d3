/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cli/duration: lengths of time as Go writes them. The command has no library: its file is compiled in here. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "cli/duration.c"

Test(duration, valid)
{
    static const struct {
        const char *text;
        int64_t ns;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"+0", 0},
        {"0s", 0},
        {"5s", INT64_C(5000000000)},
        {"30s", INT64_C(30000000000)},
        {"1478s", INT64_C(1478000000000)},
        {"-5s", INT64_C(-5000000000)},
        {"+5s", INT64_C(5000000000)},
        {"5.0s", INT64_C(5000000000)},
        {"5.6s", INT64_C(5600000000)},
        {"5.s", INT64_C(5000000000)},
        {".5s", INT64_C(500000000)},
        {"1.004s", INT64_C(1004000000)},
        {"100.00100s", INT64_C(100001000000)},
        {"10ns", 10},
        {"11us", 11000},
        {"12\xc2\xb5s", 12000},
        {"12\xce\xbcs", 12000},
        {"13ms", 13000000},
        {"15m", INT64_C(900000000000)},
        {"16h", INT64_C(57600000000000)},
        {"1.5h", INT64_C(5400000000000)},
        {"0.000000000001h", 3},
        {"3h30m", INT64_C(12600000000000)},
        {"10.5s4m", INT64_C(250500000000)},
        {"-2m3.4s", INT64_C(-123400000000)},
        {"1h2m3s4ms5us6ns", INT64_C(3723004005006)},
        {"52763797000ns", INT64_C(52763797000)},
        {"9007199254740993ns", INT64_C(9007199254740993)},
        {"9223372036854775807ns", INT64_MAX},
        {"9223372036s775ms807us", INT64_C(9223372036775807000)},
        {"0.3333333333333333333h", INT64_C(1200000000000) - 1},
        {"0.100000000000000000000h", INT64_C(360000000000)},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t ns = 42;

        cr_expect(eq(int, duration_parse(rows[i].text, &ns), 0), "%s", rows[i].text);
        /* Digits beyond a nanosecond are cut one by one. */
        cr_expect(ns <= rows[i].ns && rows[i].ns - ns <= 1, "%s: %lld", rows[i].text, (long long) ns);
    }
}

Test(duration, invalid)
{
    static const char *const wrong[] = {"",     "3",    "-",    "s",   ".",     "-.",  ".s",   "+.s", "1s2",   "1 s",  " 1s",
                                        "1s ",  "1d",   "1S",   "1sm", "1.2.3s", "--1s", "0x1s", "1e3s", "\x85s", "1\xc2s", "1,5s",
                                        "00",   "1s-1s", "nan", "inf"};
    static const char *const large[] = {"9223372036854775808ns", "9223372036854775.808us1ns", "3000000h",
                                        "99999999999999999999999s", "2562047h48m", "9223372036854775807ns1ns"};
    int64_t ns;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_expect(eq(int, duration_parse(wrong[i], &ns), -EINVAL), "%s", wrong[i]);
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
        cr_expect(eq(int, duration_parse(large[i], &ns), -ERANGE), "%s", large[i]);
}
