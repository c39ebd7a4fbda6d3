#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whole validation suites of CRI against containerd with coffer as the handler: containerd's own integration
# suite, and critest where it is installed. Every test that is left out is named in cri-integration.skip or
# critest.skip, with the reason.
load cri

setup_file() {
  engine_begin
  # The suite pulls its images: they are served on the cell's own loopback.
  mkdir -p "$E/certs.d/localhost" "$BATS_FILE_TMPDIR/registry"
  printf 'server = "http://localhost"\n[host."http://localhost"]\n  capabilities = ["pull", "resolve"]\n' >"$E/certs.d/localhost/hosts.toml"
  python3 -B "$BATS_TEST_DIRNAME/registry.py" 80 "$BATS_FILE_TMPDIR/registry" </dev/null >/dev/null 2>&1 3>&- &
  echo $! >"$E/registry.pid"
  REGISTRY_CONFIG=$E/certs.d cri_containerd_config
  # The suite restarts containerd by its name and wants it back.
  (
    while [ ! -e "$E/stop" ]; do
      containerd -c "$E/config.toml" -l info >>"$E/containerd.log" 2>&1 </dev/null
      sleep 3 # the suite looks every second whether it has gone
    done
  ) 3>&- &
  echo $! >"$E/supervisor.pid"
  wait_for 60 containerd_answers
  cri_images
  serve bb "$BATS_FILE_TMPDIR/bb.tar"
  special_images
  ctr -n k8s.io images rm localhost/pause:latest >/dev/null # the suite's own is pulled
  cat >"$E/images.toml" <<TOML
alpine = "localhost/alpine:latest"
busybox = "localhost/bb:latest"
pause = "localhost/pause:latest"
resourceconsumer = "localhost/consumer:latest"
volumecopyup = "localhost/copyup:latest"
volumeownership = "localhost/ownership:latest"
TOML
}

# Images with volumes that have a content, or an owner of their own, and one that has a "stress".
special_images() {
  local d=$BATS_FILE_TMPDIR/bb
  printf 'NAME="Alpine Linux"\nID=alpine\n' >"$d/etc/os-release"
  ln -sf /bin/busybox "$d/bin/sh"
  offer alpine .
  rm "$d/etc/os-release"
  ln -sf busybox "$d/bin/sh"
  touch "$d/pause" # what the usual one has, and nothing runs here
  offer pause "$PAUSE_ENTRY"
  rm "$d/pause"
  mkdir -p "$d/test_dir" "$d/C:/weird_test_dir" "$d/:colon_prefixed"
  echo test_content | tee "$d/test_dir/test_file" "$d/C:/weird_test_dir/weird_test_file" >"$d/:colon_prefixed/colon_prefixed_file"
  offer copyup '.config.Volumes = {"/test_dir": {}, "C:/weird_test_dir": {}, "/:colon_prefixed": {}}'
  rm -rf "$d/test_dir" "${d:?}/C:" "$d/:colon_prefixed"
  mkdir "$d/test_dir"
  printf 'nobody:x:65534:65534:nobody:/:/bin/sh\n' >>"$d/etc/passwd"
  printf 'nogroup:x:65534:\n' >>"$d/etc/group"
  chown -R 0:0 "$d"
  chown 65534:65534 "$d/test_dir"
  IMAGE_KEEP_OWNER=' ' offer ownership '.config.Volumes = {"/test_dir": {}}'
  rmdir "$d/test_dir"
  # A window of 100 MB over endless zeros is held in memory.
  printf '#!/bin/sh\nexec timeout 30 tail -c 104857600 /dev/zero\n' >"$d/bin/stress"
  chmod 755 "$d/bin/stress"
  offer consumer "$PAUSE_ENTRY"
}

offer() { # offer NAME EXPR: the present tree as an image
  make_image "$BATS_FILE_TMPDIR/bb" "localhost/$1:latest" "$BATS_FILE_TMPDIR/$1.tar" "$2"
  serve "$1" "$BATS_FILE_TMPDIR/$1.tar"
}

serve() { # serve NAME ARCHIVE
  mkdir -p "$BATS_FILE_TMPDIR/registry/$1"
  tar -C "$BATS_FILE_TMPDIR/registry/$1" -xf "$2"
}

teardown_file() {
  : >"$E/stop"
  local pid
  kill "$(cat "$E/registry.pid")"
  pid=$(pidof -s containerd) && kill "$pid"
  wait_for 30 gone "$(cat "$E/supervisor.pid")"
}

teardown() {
  wait_for 30 containerd_answers
  remove_pods
  no_residue
}

# Names in the first column of a file; "#" starts a comment line.
names_of() { grep -vE '^(#|$)' "$1" | cut -f1; }

@test "containerd's CRI integration suite" {
  local skips=$BATS_TEST_DIRNAME/cri-integration.skip log=${ENGINE_LOG:-$BATS_FILE_TMPDIR/integration.log} skip passed bad left
  skip="^($(names_of "$skips" | paste -sd'|'))\$"
  status=0
  # It asks whether this file system can be id-mapped, whatever containerd's root is.
  mkdir -p /var/lib/containerd-test "$E/suite-bin"
  # And it asks "runc" whether the runtime can map mounts.
  ln -sf "$RT" "$E/suite-bin/runc"
  # Volumes of pods with user namespaces are below here.
  chmod 755 "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/* "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
  (cd "$BATS_TEST_TMPDIR" && PATH=$E/suite-bin:$PATH timeout -k 10 "${CRI_SUITE_LIMIT:-400}" "$COFFER_ENGINES/cri-integration.test" -test.v -test.run "${CRI_SUITE_RUN:-.}" \
    -test.skip "$skip" -cri-endpoint "unix://$E/c.sock" -runtime-handler coffer -containerd-bin containerd -image-list "$E/images.toml" \
    -build-dir "$COFFER_ENGINES" >"$log" 2>&1 </dev/null 3>&-) || status=$?
  passed=$(grep -cE '^ *--- PASS' "$log") || true
  bad=$(grep -cE '^ *--- FAIL' "$log") || true
  left=$(grep -cE '^ *--- SKIP' "$log") || true
  echo "# engine: cri-integration: $passed passed, $bad failed, $left skipped by themselves, $(names_of "$skips" | wc -l) left out" >&3
  grep -E '^ *--- SKIP' "$log" | sed 's/^ */# engine:   /' >&3 || true
  [ "$status" = 0 ] || { grep -E -A12 '^ *--- FAIL|panic:|Error Trace' "$log" | tail -n 100; tail -n 3 "$log"; return 1; }
  [ "$bad" = 0 ]
  # The suite has that many at least; fewer means that something did not run.
  [ -n "${CRI_SUITE_RUN:-}" ] || [ "$passed" -ge 100 ]
}

@test "critest" {
  local critest=${COFFER_CRITEST:-$(command -v critest || true)} log=${ENGINE_LOG:-$BATS_FILE_TMPDIR/critest.log} skip
  [ -n "$critest" ] || skip 'critest is not installed: Debian has no package of it, and no module proxy that was tried has its module sigs.k8s.io/cri-tools; name one in COFFER_CRITEST'
  skip=$(names_of "$BATS_TEST_DIRNAME/critest.skip" | paste -sd'|')
  printf 'defaultTestContainerImage: %s\nwebServerTestImage: %s\n' "$I" "$I" >"$BATS_TEST_TMPDIR/images.yaml"
  status=0
  timeout -k 10 600 "$critest" --runtime-endpoint "unix://$E/c.sock" --runtime-handler coffer --test-images-file "$BATS_TEST_TMPDIR/images.yaml" \
    --ginkgo.skip "$skip" >"$log" 2>&1 </dev/null 3>&- || status=$?
  echo "# engine: critest: $(grep -oE '[0-9]+ Passed \| [0-9]+ Failed \| [0-9]+ Pending \| [0-9]+ Skipped' "$log" | tail -n1)" >&3
  [ "$status" = 0 ] || { tail -n 100 "$log"; return 1; }
}
