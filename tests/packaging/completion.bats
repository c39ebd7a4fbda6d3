#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The completions do what they promise in the shells they are for. That they know every command and option is lint's
# to see.

COMPLETION=$BATS_TEST_DIRNAME/../../contrib/completion

setup() {
  mkdir "$BATS_TEST_TMPDIR/bin"
  ln -s "$COFFER" "$BATS_TEST_TMPDIR/bin/coffer"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH
  # A state directory in which a container seems to be: `list` names what lies there.
  ROOT=$BATS_TEST_TMPDIR/state
}

make_container() { # make_container ID: created and not started
  local bundle=$BATS_TEST_TMPDIR/bundle
  mkdir -p "$bundle"/rootfs/{bin,proc,sys,dev,tmp}
  cp "$BUSYBOX" "$bundle/rootfs/bin/true"
  coffer spec --bundle "$bundle"
  jq '.process.terminal = false | .process.args = ["/bin/true"]' "$bundle/config.json" >"$bundle/new"
  mv "$bundle/new" "$bundle/config.json"
  coffer --root "$ROOT" create --bundle "$bundle" "$1" </dev/null >/dev/null 2>&1 3>&- 4>&-
}

teardown() { coffer --root "$ROOT" list --quiet 2>/dev/null | xargs -rn1 "$COFFER" --root "$ROOT" delete --force; }

bash_offers() { # bash_offers WORD...: the last one is being typed
  bash -c '. "$0"; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _coffer; printf "%s\n" "${COMPREPLY[@]}"' \
    "$COMPLETION/coffer.bash" coffer "$@"
}

fish_offers() { fish -N -c 'source $argv[1]; complete -C "$argv[2]"' "$COMPLETION/coffer.fish" "coffer $*" | cut -f 1; }

@test "bash: commands, options, values, containers of the given root" {
  [ "$(bash_offers cre)" = create ]
  [ "$(bash_offers create --pidf)" = --pidfd-socket ]
  [ "$(bash_offers --id-policy e)" = enforce ]
  [ "$(bash_offers --log-level debug audit --fail-on w)" = warning ]
  make_container box-bash
  [ "$(bash_offers --root "$ROOT" kill b)" = box-bash ]
  [ "$(bash_offers --root "$ROOT" update --memory 1g b)" = box-bash ]
  [ "$(bash_offers mounts r)" = remove ]
  [ "$(bash_offers --root "$ROOT" mounts remove b)" = box-bash ]
  # One container is enough for `kill`; `audit` takes any number.
  [ "$(bash_offers --root "$ROOT" kill other b)" = '' ]
  [ "$(bash_offers --root "$ROOT" audit other b)" = box-bash ]
}

@test "fish: the same" {
  command -v fish >/dev/null || skip 'fish is not installed'
  [ "$(fish_offers cre)" = create ]
  [ "$(fish_offers create --pidf)" = --pidfd-socket ]
  [ "$(fish_offers --id-policy e)" = enforce ]
  [ "$(fish_offers audit --fail-on w)" = warning ]
  make_container box-fish
  [ "$(fish_offers "--root $ROOT kill b")" = box-fish ]
}

@test "zsh: the same, in a terminal" {
  command -v zsh >/dev/null || skip 'zsh is not installed'
  zsh -n "$COMPLETION/_coffer"
  cat >"$BATS_TEST_TMPDIR/type.zsh" <<'END'
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; fpath=(${(q)1} \$fpath); autoload -U compinit; compinit -u -D; setopt nobeep; echo REA''DY"
while zpty -r z line; do [[ $line == *READY* ]] && break; done
zpty -w -n z "coffer $2"$'\t'
found=
for i in {1..100}; do
  while zpty -r -t z more; do found+=$more; done
  [[ $found == *"coffer $3"* ]] && { print yes; break }
  sleep 0.1
done
[[ $found == *"coffer $3"* ]] || print -r -- ${(V)found}
zpty -d z
END
  zsh_types() { timeout 60 zsh -f "$BATS_TEST_TMPDIR/type.zsh" "$COMPLETION" "$1" "$2"; }
  [ "$(zsh_types cre create)" = yes ]
  [ "$(zsh_types 'create --pidf' 'create --pidfd-socket')" = yes ]
  [ "$(zsh_types '--id-policy e' '--id-policy enforce')" = yes ]
  make_container box-zsh
  [ "$(zsh_types "--root $ROOT kill b" "--root $ROOT kill box-zsh")" = yes ]
}
