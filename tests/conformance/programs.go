//go:build programs

// SPDX-License-Identifier: LGPL-2.1-or-later

// Package conformance names what the tier builds, so that `go mod tidy` keeps the module of it.
package conformance

import (
	_ "github.com/opencontainers/runtime-tools/cmd/runtimetest"
	_ "github.com/opencontainers/runtime-tools/validation/util"
)
