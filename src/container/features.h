/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/err.h"

/** The features document of the runtime-spec (features.md): what is built in. Caller frees *ret. */
int cf_features_json(char **ret, struct cf_err *err);
