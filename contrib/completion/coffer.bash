# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2016
# Completion of coffer for bash. Install as coffer in share/bash-completion/completions.
# Made by contrib/completion/generate.py from the help texts: do not edit.

_coffer_options() { # of the command $1; '' for the global ones
  case $1 in
    '') echo '--root --log --log-format --log-level --debug --systemd-cgroup --cgroup-manager --rootless --id-policy --id-ledger --id-config --version --help' ;;
    create) echo '--bundle --config --console-socket --pid-file --pidfd-socket --no-pivot --no-new-keyring --preserve-fds --userns --preset --detach --keep --no-subreaper --help' ;;
    start) echo '--help' ;;
    run) echo '--bundle --config --console-socket --pid-file --pidfd-socket --no-pivot --no-new-keyring --preserve-fds --userns --preset --detach --keep --no-subreaper --help' ;;
    exec) echo '--process --detach --tty --console-socket --pid-file --pidfd-socket --cwd --env --user --additional-gids --cap --no-new-privs --apparmor --process-label --preserve-fds --cgroup --ignore-paused --help' ;;
    state) echo '--help' ;;
    kill) echo '--all --help' ;;
    delete) echo '--force --help' ;;
    pause) echo '--help' ;;
    resume) echo '--help' ;;
    update) echo '--resources --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime --cpu-idle --cpuset-cpus --cpuset-mems --memory --memory-reservation --memory-swap --pids-limit --l3-cache-schema --mem-bw-schema --help' ;;
    mounts) echo '--help' ;;
    list) echo '--format --quiet --help' ;;
    ps) echo '--format --help' ;;
    events) echo '--interval --stats --help' ;;
    audit) echo '--fail-on --format --help' ;;
    whois) echo '--format --gid --help' ;;
    spec) echo '--bundle --file --rootless --userns --help' ;;
    plan) echo '--bundle --help' ;;
    features) echo '--help' ;;
    doctor) echo '--format --fail-on --help' ;;
  esac
}

_coffer_commands='create start run exec state kill delete pause resume update mounts list ps events audit whois spec plan features doctor'

_coffer_reply() { mapfile -t COMPREPLY < <(compgen "$@" -- "$current"); }

_coffer_value() { # of the option $2 of the command $1; fails if it has none
  case $1:$2 in
    :--root) _coffer_reply -d ;;
    :--log) _coffer_reply -f ;;
    :--log-format) _coffer_reply -W 'text json' ;;
    :--log-level) _coffer_reply -W 'error warning debug' ;;
    :--cgroup-manager) _coffer_reply -W 'cgroupfs systemd disabled' ;;
    :--rootless) _coffer_reply -W 'true false auto' ;;
    :--id-policy) _coffer_reply -W 'off warn enforce' ;;
    :--id-ledger) _coffer_reply -d ;;
    :--id-config) _coffer_reply -f ;;
    create:-b | create:--bundle) _coffer_reply -d ;;
    create:-f | create:--config) _coffer_reply -f ;;
    create:--console-socket) _coffer_reply -f ;;
    create:--pid-file) _coffer_reply -f ;;
    create:--pidfd-socket) _coffer_reply -f ;;
    create:--preserve-fds) : ;;
    create:--userns) _coffer_reply -W 'auto' ;;
    create:--preset) _coffer_reply -W 'default hardened' ;;
    run:-b | run:--bundle) _coffer_reply -d ;;
    run:-f | run:--config) _coffer_reply -f ;;
    run:--console-socket) _coffer_reply -f ;;
    run:--pid-file) _coffer_reply -f ;;
    run:--pidfd-socket) _coffer_reply -f ;;
    run:--preserve-fds) : ;;
    run:--userns) _coffer_reply -W 'auto' ;;
    run:--preset) _coffer_reply -W 'default hardened' ;;
    exec:-p | exec:--process) _coffer_reply -f ;;
    exec:--console-socket) _coffer_reply -f ;;
    exec:--pid-file) _coffer_reply -f ;;
    exec:--pidfd-socket) _coffer_reply -f ;;
    exec:--cwd) _coffer_reply -d ;;
    exec:-e | exec:--env) : ;;
    exec:-u | exec:--user) : ;;
    exec:-g | exec:--additional-gids) : ;;
    exec:-c | exec:--cap) : ;;
    exec:--apparmor) : ;;
    exec:--process-label) : ;;
    exec:--preserve-fds) : ;;
    exec:--cgroup) : ;;
    update:-r | update:--resources) _coffer_reply -f ;;
    update:--blkio-weight) : ;;
    update:--cpu-period) : ;;
    update:--cpu-quota) : ;;
    update:--cpu-burst) : ;;
    update:--cpu-share) : ;;
    update:--cpu-rt-period) : ;;
    update:--cpu-rt-runtime) : ;;
    update:--cpu-idle) _coffer_reply -W '0 1' ;;
    update:--cpuset-cpus) : ;;
    update:--cpuset-mems) : ;;
    update:--memory) : ;;
    update:--memory-reservation) : ;;
    update:--memory-swap) : ;;
    update:--pids-limit) : ;;
    update:--l3-cache-schema) : ;;
    update:--mem-bw-schema) : ;;
    list:-f | list:--format) _coffer_reply -W 'table json' ;;
    ps:-f | ps:--format) _coffer_reply -W 'table json' ;;
    events:--interval) : ;;
    audit:--fail-on) _coffer_reply -W 'note warning problem' ;;
    audit:-f | audit:--format) _coffer_reply -W 'table json' ;;
    whois:-f | whois:--format) _coffer_reply -W 'table json' ;;
    spec:-b | spec:--bundle) _coffer_reply -d ;;
    spec:-f | spec:--file) _coffer_reply -f ;;
    spec:--userns) : ;;
    plan:-b | plan:--bundle) _coffer_reply -d ;;
    doctor:-f | doctor:--format) _coffer_reply -W 'table json' ;;
    doctor:--fail-on) _coffer_reply -W 'warning problem' ;;
    *) return 1 ;;
  esac
  return 0
}

_coffer() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' i arguments=0
  local -a global=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -*)
        [ -z "$command" ] && [ "${COMP_WORDS[i]}" = --root ] && global=(--root "${COMP_WORDS[i + 1]}")
        _coffer_value "$command" "${COMP_WORDS[i]}" && i=$((i + 1))
        ;;
      *) if [ -z "$command" ]; then command=${COMP_WORDS[i]}; else arguments=$((arguments + 1)); fi ;;
    esac
  done
  COMPREPLY=()

  _coffer_value "$command" "$previous" && return
  if [[ $current == -* ]]; then
    _coffer_reply -W "$(_coffer_options "$command")"
    return
  fi
  case $command:$arguments in
    :*) _coffer_reply -W "$_coffer_commands" ;;
    start:0 | exec:0 | state:0 | kill:0 | delete:0 | pause:0 | resume:0 | update:0 | mounts:1 | ps:0 | events:0 | audit:*) _coffer_reply -W "$(coffer "${global[@]}" list --quiet 2>/dev/null)" ;;
    plan:0 | doctor:*) _coffer_reply -d ;;
    mounts:0) _coffer_reply -W 'add remove' ;;
  esac
}

complete -F _coffer coffer
