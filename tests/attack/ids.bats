#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Ids and capabilities: exactly what the configuration says or an error, never root by accident.

load attack

setup() { attack_setup; }
teardown() { attack_teardown; }

# Puts a literal (not necessarily valid) JSON value for @VALUE@ into the config.
literal_value() { # literal_value VALUE
  sed "s|\"@VALUE@\"|$1|" "$BUNDLE/config.template" >"$BUNDLE/config.json"
}

# Values that are no id; and those that are, with their number.
BAD_IDS='-1 -0.5 1.5 4294967295 4294967296 4294967297 18446744073709551616 99999999999999999999 1e100 "1000" "0" "" true null [] {} 0x1 01 +1'

@test "config-user-id-range: process.user.uid and gid" {
  local value field
  set_args /bin/testinit ids
  cp "$BUNDLE/config.json" "$BUNDLE/config.saved"
  for field in uid gid; do
    cp "$BUNDLE/config.saved" "$BUNDLE/config.json"
    bundle_edit '.process.user = {uid: 1000, gid: 1000} | .process.user[$f] = "@VALUE@"' --arg f "$field"
    cp "$BUNDLE/config.json" "$BUNDLE/config.template"
    for value in $BAD_IDS; do
      literal_value "$value"
      run_bundle
      assert_refused "$field $value"
      remove_container
    done
    for value in 1 65534 2147483647 2147483648 4294967294; do
      literal_value "$value"
      run_bundle
      [ "$status" -eq 0 ] || { echo "$field $value: $output" >&2; return 1; }
      assert_has "r$field=$value e$field=$value s$field=$value"
      remove_container
    done
  done
}

@test "config-user-id-range: an exponent or a float is never uid 0" {
  local value
  set_args /bin/testinit ids
  bundle_edit '.process.user = {uid: "@VALUE@", gid: 1000}'
  cp "$BUNDLE/config.json" "$BUNDLE/config.template"
  for value in 1e3 1000.0 1E3 1e-9 0.9; do
    literal_value "$value"
    run_bundle
    assert_lacks 'ruid=0 '
    [ "$status" -ne 0 ] || assert_has 'ruid=1000 '
    remove_container
  done
}

@test "config-user-id-range: additionalGids" {
  local value
  set_args /bin/testinit ids
  bundle_edit '.process.user = {uid: 1000, gid: 1000, additionalGids: [5, "@VALUE@"]}'
  cp "$BUNDLE/config.json" "$BUNDLE/config.template"
  for value in $BAD_IDS; do
    literal_value "$value"
    run_bundle
    assert_refused "additionalGids $value"
    remove_container
  done
  literal_value 2000
  run_bundle
  [ "$status" -eq 0 ]
  grep -qx 'groups 5 2000' <<<"$output"
}

@test "config-user-id-range: device owners" {
  local value
  set_args /bin/testinit statpath /dev/test
  bundle_edit '.linux.devices = [{path: "/dev/test", type: "c", major: 1, minor: 3, fileMode: 384, uid: "@VALUE@", gid: 5}]'
  cp "$BUNDLE/config.json" "$BUNDLE/config.template"
  for value in $BAD_IDS; do
    [ "$value" != null ] || continue
    literal_value "$value"
    run_bundle
    assert_refused "device uid $value"
    remove_container
  done
}

@test "config-user-id-range: mappings" {
  local value
  make_userns
  set_args /bin/testinit ids
  bundle_edit '.linux.uidMappings[0].hostID = "@VALUE@"'
  cp "$BUNDLE/config.json" "$BUNDLE/config.template"
  for value in $BAD_IDS 4294967000; do
    literal_value "$value"
    run_bundle
    assert_refused "hostID $value"
    remove_container
  done
}

@test "config-user-id-range: no supplementary groups of the caller" {
  set_args /bin/testinit ids
  bundle_edit '.process.user = {uid: 1000, gid: 1000}'
  run setpriv --groups 3,4 timeout 60 "$COFFER" --root "$ROOT" run --bundle "$BUNDLE" "$CID"
  [ "$status" -eq 0 ]
  grep -qx groups <<<"$output"
}

cap_line() { # cap_line NAME: the value as a decimal number
  printf '%d' "0x$(sed -n "s/^$1:[[:space:]]*//p" <<<"$output")"
}

# CAP_KILL is bit 5; the last list says which of bpeia are listed.
caps_case() { # caps_case UID NNP LISTED
  local uid=$1 nnp=$2 listed=$3 bit=32 b=0 p=0 e=0 i=0 a=0 want_p want_e
  bundle_edit '.process.user = {uid: $u, gid: $u} | .process.noNewPrivileges = $n
    | .process.capabilities = (
        {b: "bounding", p: "permitted", e: "effective", i: "inheritable", a: "ambient"}
        | with_entries(select(.key as $k | $l | contains($k)) | {key: .value, value: ["CAP_KILL"]}))' \
    --argjson u "$uid" --argjson n "$nnp" --arg l "$listed"
  run_bundle
  remove_container
  [[ $listed != *b* ]] || b=$bit
  [[ $listed != *p* ]] || p=$bit
  [[ $listed != *e* ]] || e=$bit
  [[ $listed != *i* ]] || i=$bit
  [[ $listed != *a* ]] || a=$bit
  # The kernel takes neither an effective nor an ambient capability that is not permitted.
  if [ "$status" -ne 0 ]; then
    [ "$e$a$i" != 000 ] || { echo "uid $uid, $listed: $output" >&2; return 1; }
    return 0
  fi
  # What the kernel cannot give is left out: inheritable ones are limited by the bounding set, and
  # ambient ones by the permitted and inheritable sets.
  i=$((i & b))
  a=$((a & p & i))
  # What execve makes of the sets: capabilities(7), "Transformation of capabilities during execve()".
  if [ "$uid" -eq 0 ]; then
    want_p=$(((i | b) | a))
    [ "$nnp" = false ] || want_p=$((want_p & p))
    want_e=$want_p
  else
    want_p=$a
    want_e=$a
  fi
  [ "$(cap_line CapBnd)" -eq $b ] && [ "$(cap_line CapInh)" -eq $i ] && [ "$(cap_line CapAmb)" -eq $a ] &&
    [ "$(cap_line CapPrm)" -eq $want_p ] && [ "$(cap_line CapEff)" -eq $want_e ] || {
    echo "uid $uid, noNewPrivileges $nnp, listed $listed, want b=$b i=$i a=$a p=$want_p e=$want_e:" >&2
    echo "$output" >&2
    return 1
  }
}

@test "caps-five-sets-exact: every subset of lists, uid 0 and 1000" {
  local listed
  set_args /bin/testinit caps
  for listed in '' b p e i a bp be bi ba pe pi pa ei ea ia bpe bpi bpa bei bea bia pei pea pia eia bpei bpea bpia beia peia bpeia; do
    caps_case 0 true "$listed"
    caps_case 1000 true "$listed"
    caps_case 0 false "$listed"
  done
}

@test "caps-five-sets-exact: no capabilities object means none at all" {
  bundle_edit 'del(.process.capabilities)'
  set_args /bin/testinit caps
  run_bundle
  [ "$status" -eq 0 ]
  [ "$(grep -c '0000000000000000$' <<<"$output")" -eq 5 ]
}

@test "caps-five-sets-exact: an unknown name gives nothing, whatever it looks like" {
  local name
  set_args /bin/testinit caps
  for name in CAP_NO_SUCH '' KILL cap_kill 'CAP_KILL ' CAP_ALL ALL 5 -1 0xffffffff; do
    bundle_edit '.process.capabilities = {bounding: [$c], permitted: [$c], effective: [$c]}' --arg c "$name"
    run_bundle
    # Refused or ignored with a warning (runtime-spec: config.md, "Linux Process").
    [ "$status" -ne 0 ] || [ "$(grep -c '0000000000000000$' <<<"$output")" -eq 5 ] || {
      echo "capability \`$name\`: $output" >&2
      return 1
    }
    remove_container
  done
}

@test "caps-five-sets-exact: the spec command lists neither inheritable nor ambient ones" {
  run jq -c '.process.capabilities | [(.inheritable // []), (.ambient // [])] | add' "$BUNDLE/config.json"
  [ "$output" = '[]' ]
}
