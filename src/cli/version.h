/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

struct text;

/** The lines of --version. Engines split them at the word `version`: it appears once. */
void version_text(struct text *out);
