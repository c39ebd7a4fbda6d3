/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor: the id ledger, from faked facts. */

#include "doctor-fixture.h"

#include "coffer/coffer.h"

DOCTOR_SUITE(doctor_ids);

Test(doctor_ids, id_ledger)
{
    struct cf_ids_facts f = {.policy = "warn", .size = 65536, .blocks = 2245, .free = 2243, .first = "1-2",
                             .ledger_path = "/run/coffer/.ids", .leases = 2, .leased = 131072};

    cf_ids_judge(&f, &host_root, report);
    expect_finding(report, "ids.ledger", COFFER_DOCTOR_OK, "2 containers hold 131072 host ids", "");
    expect_finding(report, "ids.window", COFFER_DOCTOR_OK, "2243 free", "");
    cr_expect_eq(count(report, "ids.stale"), 0);
    f.dead = 3;
    f.free = 0;
    f.ledger_busy = true;
    cf_ids_judge(&f, &host_root, report);
    cr_expect_eq(nth(report, "ids.ledger", 1).verdict, COFFER_DOCTOR_NOTE);
    cr_expect_eq(nth(report, "ids.window", 1).verdict, COFFER_DOCTOR_WARNING);
    expect_finding(report, "ids.stale", COFFER_DOCTOR_NOTE, "3 leases", "none is needed");
    f.ledger = -EBADMSG;
    (void) strcpy(f.ledger_error, "damaged");
    cf_ids_judge(&f, &host_root, report);
    cr_expect_eq(nth(report, "ids.ledger", 2).verdict, COFFER_DOCTOR_PROBLEM);
    cr_expect(strstr(nth(report, "ids.ledger", 2).fact, "damaged") != NULL);
    cr_expect_eq(count(report, "ids.stale"), 1, "nothing is said about what was not read");
    f.ledger = -ENOENT;
    cf_ids_judge(&f, &host_root, report);
    cr_expect_eq(nth(report, "ids.ledger", 3).verdict, COFFER_DOCTOR_OK);
}
