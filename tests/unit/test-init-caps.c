/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* security/caps-child.c: which capabilities are dropped from the bounding set and asked for. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "init/init-internal.h"

#define FIRST_41 ((UINT64_C(1) << 41) - 1)

Test(init_caps, unwanted_is_what_the_kernel_knows_and_the_plan_does_not)
{
    struct cf_blob_header h = {.caps = {.bounding = 0xa80425fb, .last_cap = 40}};

    cr_expect(eq(u64, cf_caps_child_unwanted(&h), FIRST_41 & ~UINT64_C(0xa80425fb)));
    h.caps.bounding = 0;
    cr_expect(eq(u64, cf_caps_child_unwanted(&h), FIRST_41));
    h.caps.bounding = FIRST_41;
    cr_expect(eq(u64, cf_caps_child_unwanted(&h), 0));
}

Test(init_caps, bits_beyond_the_last_are_never_asked_for)
{
    struct cf_blob_header h = {.caps = {.bounding = UINT64_MAX, .last_cap = 40}};

    cr_expect(eq(u64, cf_caps_child_wanted(&h, UINT64_MAX), FIRST_41));
    cr_expect(eq(u64, cf_caps_child_unwanted(&h), 0));
}

Test(init_caps, absent_capabilities_mean_none)
{
    struct cf_blob_header h = {.flags = CF_BLOB_NO_CAPABILITIES,
                               .caps = {.bounding = UINT64_MAX, .last_cap = 40}};

    cr_expect(eq(u64, cf_caps_child_wanted(&h, UINT64_MAX), 0));
    cr_expect(eq(u64, cf_caps_child_unwanted(&h), FIRST_41));
}

Test(init_caps, sixty_four_capabilities)
{
    struct cf_blob_header h = {.caps = {.last_cap = 63}};

    cr_expect(eq(u64, cf_caps_child_unwanted(&h), UINT64_MAX));
    h.caps.last_cap = 1000;
    cr_expect(eq(u64, cf_caps_child_unwanted(&h), UINT64_MAX));
}
