#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Input made to exhaust, confuse or forge: passwd files, configuration bombs, hostile log content.

load attack

setup() { attack_setup; }
teardown() { attack_teardown; }

# Runs the runtime with little memory and time; 124 is the timeout, above it are signals.
run_bounded() {
  run bash -c 'ulimit -v "$1"; shift; exec timeout --signal=KILL "$@"' bounded "${ATTACK_MEMORY_KB:-262144}" 5 \
    "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  [ "$status" -lt 124 ] || {
    echo "hangs or crashes: status $status: ${output:0:2000}" >&2
    return 1
  }
  remove_container
}

@test "the harness itself: an ordinary bundle runs within these bounds" {
  set_args /bin/testinit ids
  run_bounded
  [ "$status" -eq 0 ] || { echo "$output" >&2; return 1; }
  assert_has ruid=0
}

@test "hostile-passwd-file-types" {
  local file kind path
  echo 'root:x:0:0::/host-home:/bin/sh' >"$CANARY/passwd"
  CANARY_BEFORE=$(canary_picture)
  bundle_edit '.process.user = {uid: 1000, gid: 1000} | .process.env = ["PATH=/bin"]'
  set_args /bin/testinit ids + getenv HOME
  for file in passwd group; do
    path=$BUNDLE/rootfs/etc/$file
    for kind in fifo zero tty sparse long-line directory host-link nul many-lines loop; do
      rm -rf "$path"
      case $kind in
        fifo) mkfifo "$path" ;;
        zero) ln -s /dev/zero "$path" ;;
        tty) ln -s /dev/tty "$path" ;;
        sparse) truncate -s 10G "$path" ;;
        long-line) head -c 300M /dev/zero | tr '\0' a >"$path" ;;
        directory) mkdir "$path" ;;
        host-link) ln -s "$CANARY/passwd" "$path" ;;
        nul) printf 'user:x:1000:1000::/ho\0me:/bin/sh\n' >"$path" ;;
        many-lines) yes 'u:x:1:1::/:/bin/sh' | head -n 3000000 >"$path" ;;
        loop) ln -s "$file" "$path" ;;
      esac
      run_bounded || { echo "$file $kind" >&2; return 1; }
      assert_lacks host-home
      [ "$status" -ne 0 ] || assert_has 'ruid=1000'
    done
    rm -rf "$path"
  done
}

# Replaces the marker string by raw bytes from standard input.
splice_raw() {
  python3 -c '
import sys
path = sys.argv[1]
text = open(path, "rb").read()
raw = sys.stdin.buffer.read()
assert b"\"@RAW@\"" in text
open(path, "wb").write(text.replace(b"\"@RAW@\"", raw))' "$BUNDLE/config.json"
}

@test "config-json-bombs: depth, length, counts" {
  local kind
  cp "$BUNDLE/config.json" "$BUNDLE/config.saved"
  for kind in arrays objects string mounts env; do
    cp "$BUNDLE/config.saved" "$BUNDLE/config.json"
    bundle_edit '.annotations = {"a": "b"} | .extra = "@RAW@"'
    case $kind in
      arrays) python3 -c 'print("[" * 1000000 + "]" * 1000000)' | splice_raw ;;
      objects) python3 -c 'print("{\"a\":" * 1000000 + "1" + "}" * 1000000)' | splice_raw ;;
      string) { printf '"'; head -c 200M /dev/zero | tr '\0' a; printf '"'; } | splice_raw ;;
      mounts)
        python3 -c '
import json, sys
path = sys.argv[1]
c = json.load(open(path))
c["mounts"] += [{"destination": "/mnt/%d" % i, "type": "tmpfs", "source": "tmpfs"} for i in range(20000)]
json.dump(c, open(path, "w"))' "$BUNDLE/config.json"
        ;;
      env)
        python3 -c '
import json, sys
path = sys.argv[1]
c = json.load(open(path))
c["process"]["env"] += ["V%d=%d" % (i, i) for i in range(1000000)]
json.dump(c, open(path, "w"))' "$BUNDLE/config.json"
        ;;
    esac
    run_bounded || { echo "$kind" >&2; return 1; }
    assert_refused "$kind"
  done
}

# Inserts text before the last brace, so that it is the last word of the document.
append_keys() {
  python3 -c '
import sys
path, text = sys.argv[1], sys.argv[2]
c = open(path).read().rstrip()
open(path, "w").write(c[:-1] + "," + text + "}")' "$BUNDLE/config.json" "$1"
}

@test "config-json-bombs: duplicate keys are refused" {
  append_keys '"process": {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 0, "gid": 0}}'
  run_bounded
  assert_refused
}

@test "config-json-bombs: duplicate keys in a nested object are refused" {
  set_args /bin/testinit ids
  bundle_edit '.process.user = "@RAW@"'
  printf '{"uid": 1000, "gid": 1000, "uid": 0}' | splice_raw
  run_bounded
  assert_refused
}

@test "config-json-bombs: keys of another case never weaken a setting" {
  set_args /bin/testinit ids + status
  bundle_edit '.process.noNewPrivileges = true | .process.user = {uid: 1000, gid: 1000, UID: 0, Gid: 0}
    | .process.NONEWPRIVILEGES = false | .Process = {user: {uid: 0, gid: 0}}'
  run_bounded
  if [ "$status" -eq 0 ]; then
    assert_has 'ruid=1000 euid=1000'
    assert_has 'NoNewPrivs:'$'\t'1
  fi
}

@test "config-json-bombs: a NUL in a string, trailing data, a byte order mark" {
  local kind
  cp "$BUNDLE/config.json" "$BUNDLE/config.saved"
  for kind in nul-args nul-env nul-mount trailing second-document bom truncated empty utf8; do
    cp "$BUNDLE/config.saved" "$BUNDLE/config.json"
    case $kind in
      nul-args) bundle_edit '.process.args = ["/bin/true\u0000x"]' ;;
      nul-env) bundle_edit '.process.env += ["A=b\u0000c"]' ;;
      nul-mount) bundle_edit '.mounts[0].destination = "/proc\u0000x"' ;;
      trailing) echo 'garbage' >>"$BUNDLE/config.json" ;;
      second-document) echo '{"process": {}}' >>"$BUNDLE/config.json" ;;
      bom) { printf '\xef\xbb\xbf'; cat "$BUNDLE/config.saved"; } >"$BUNDLE/config.json" ;;
      truncated) head -c 300 "$BUNDLE/config.saved" >"$BUNDLE/config.json" ;;
      empty) : >"$BUNDLE/config.json" ;;
      utf8)
        bundle_edit '.hostname = "@RAW@"'
        printf '"\xff\xfe"' | splice_raw
        ;;
    esac
    run_bounded || { echo "$kind" >&2; return 1; }
    assert_refused "$kind"
  done
}

@test "config-json-bombs: config.json is a FIFO, a directory, /dev/zero" {
  local kind
  for kind in fifo directory zero; do
    rm -rf "$BUNDLE/config.json"
    case $kind in
      fifo) mkfifo "$BUNDLE/config.json" ;;
      directory) mkdir "$BUNDLE/config.json" ;;
      zero) ln -s /dev/zero "$BUNDLE/config.json" ;;
    esac
    run_bounded || { echo "$kind" >&2; return 1; }
    assert_refused "$kind"
  done
}

# No control byte but the line feed at the end of each record, and valid UTF-8.
assert_clean_text() { # assert_clean_text FILE WHAT
  if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$1" || ! iconv -f UTF-8 -t UTF-8 "$1" >/dev/null 2>&1; then
    echo "raw bytes in $2:" >&2
    od -c "$1" | head -20 >&2
    return 1
  fi
}

@test "log-and-error-injection: args, env, id, paths" {
  local forged format log=$BATS_TEST_TMPDIR/log where id bundle
  forged=$'x\nlevel=error msg=forged\r\e[31m%n%s%99999d\x7f'
  for format in json text; do
    for where in args cwd env-path mount hostname id bundle; do
      rm -f "$log"
      rm -rf "$BUNDLE.x" && cp -r "$BUNDLE" "$BUNDLE.x"
      id=$CID bundle=$BUNDLE.x
      case $where in
        args) (BUNDLE=$bundle && set_args "/no/such/$forged") ;;
        cwd) (BUNDLE=$bundle && bundle_edit '.process.cwd = $v' --arg v "relative$forged") ;;
        env-path) (BUNDLE=$bundle && bundle_edit '.process.env = ["PATH=/\($v)"] | .process.args = ["nosuch\($v)"]' --arg v "$forged") ;;
        mount) (BUNDLE=$bundle && add_mount "/mnt" bind "/no/such/$forged" bind) ;;
        hostname) (BUNDLE=$bundle && bundle_edit '.mounts[0].type = "no\($v)"' --arg v "$forged") ;;
        id) id="bad$forged" ;;
        bundle) bundle=$BATS_TEST_TMPDIR/$'no-\xff\e[31m\nsuch' ;;
      esac
      timeout 20 "$COFFER" --root "$ROOT" --log "$log" --log-format "$format" run --bundle "$bundle" "$id" \
        >/dev/null 2>"$BATS_TEST_TMPDIR/err" </dev/null && { echo "$where succeeded" >&2; return 1; }
      assert_clean_text "$log" "the $format log ($where)"
      assert_clean_text "$BATS_TEST_TMPDIR/err" "standard error ($where)"
      [ "$(wc -l <"$log")" -eq 1 ] || { echo "records forged in $format ($where)" >&2; cat "$log" >&2; return 1; }
      [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" -le 1 ] || { cat "$BATS_TEST_TMPDIR/err" >&2; return 1; }
      not grep -q '^level=error msg=forged' "$log" "$BATS_TEST_TMPDIR/err"
      [ "$format" = text ] || jq -e '.level and .msg and .time' <"$log" >/dev/null
      remove_container
    done
  done
}

@test "log-and-error-injection: 1 MB of text gives a short record" {
  local log=$BATS_TEST_TMPDIR/log
  bundle_edit '.process.args = ["/no/" + ("a" * 1000000)]'
  timeout 20 "$COFFER" --root "$ROOT" --log "$log" --log-format json run --bundle "$BUNDLE" "$CID" \
    >/dev/null 2>"$BATS_TEST_TMPDIR/err" </dev/null && return 1
  [ "$(stat -c %s "$log")" -le 16384 ]
  [ "$(stat -c %s "$BATS_TEST_TMPDIR/err")" -le 16384 ]
  jq -e .msg <"$log" >/dev/null
}
