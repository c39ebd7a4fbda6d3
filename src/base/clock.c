/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Time as numbers and as text. Host side. The calendar is computed here, because gmtime(3) and
 * strftime(3) know about locales and time zones and may read files. clock_gettime(2) by the C library is no system call: it knows the vdso. */

#include "base/clock.h"

#include <time.h>

#include "base/format.h"

int64_t cf_clock_monotonic_ns(void)
{
    struct timespec ts = {0};

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t cf_clock_monotonic_ms(void)
{
    return cf_clock_monotonic_ns() / 1000000;
}

size_t cf_clock_rfc3339(char buf[CF_CLOCK_TEXT_SIZE], int64_t seconds, uint32_t nanoseconds)
{
    int64_t days = seconds / 86400, rest = seconds % 86400;
    int64_t era, year;
    unsigned int day_of_era, year_of_era, day_of_year, shifted_month, month, day;

    if (rest < 0) {
        rest += 86400;
        days--;
    }
    /* Years begin in March here, so that the leap day is the last one; eras have 400 years. */
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    day_of_era = (unsigned int) (days - era * 146097);
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    shifted_month = (5 * day_of_year + 2) / 153;
    day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
    year = (int64_t) year_of_era + era * 400 + (month <= 2 ? 1 : 0);

    return cf_format(buf, CF_CLOCK_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
                     (unsigned int) year % 10000, month, day, (unsigned int) (rest / 3600),
                     (unsigned int) (rest / 60 % 60), (unsigned int) (rest % 60),
                     nanoseconds % 1000000000);
}

size_t cf_clock_rfc3339_now(char buf[CF_CLOCK_TEXT_SIZE])
{
    struct timespec ts = {0};

    (void) clock_gettime(CLOCK_REALTIME, &ts);
    return cf_clock_rfc3339(buf, ts.tv_sec, (uint32_t) ts.tv_nsec);
}
