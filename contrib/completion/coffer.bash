# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Completion of coffer for bash. Install as coffer in share/bash-completion/completions.
# tests/lint/completion.sh compares the words with the help texts.

_coffer_options() { # of the command $1; '' for the global ones
  case $1 in
    '') echo '--root --log --log-format --log-level --debug --systemd-cgroup --cgroup-manager --rootless --id-policy --id-ledger --id-config --version --help' ;;
    create | run) echo '--bundle --config --console-socket --pid-file --pidfd-socket --no-pivot --no-new-keyring --preserve-fds --userns --detach --keep --no-subreaper --help' ;;
    kill) echo '--all --help' ;;
    delete) echo '--force --help' ;;
    list) echo '--format --quiet --help' ;;
    ps) echo '--format --help' ;;
    audit) echo '--fail-on --format --help' ;;
    whois) echo '--format --gid --help' ;;
    events) echo '--interval --stats --help' ;;
    update) echo '--resources --blkio-weight --cpu-period --cpu-quota --cpu-burst --cpu-share --cpu-rt-period --cpu-rt-runtime --cpu-idle --cpuset-cpus --cpuset-mems --memory --memory-reservation --memory-swap --pids-limit --l3-cache-schema --mem-bw-schema --help' ;;
    spec) echo '--bundle --file --rootless --userns --help' ;;
    plan) echo '--bundle --help' ;;
    doctor) echo '--format --fail-on --help' ;;
    start | state | pause | resume | features) echo '--help' ;;
  esac
}

_coffer_commands='create start run state kill delete pause resume update list ps events audit whois spec plan features doctor'

_coffer() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' i
  local -a global=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --root)
        global=(--root "${COMP_WORDS[i + 1]}")
        i=$((i + 1))
        ;;
      --log | --log-format | --log-level | --cgroup-manager | --rootless | --id-policy | --id-ledger | --id-config) i=$((i + 1)) ;;
      -*) ;;
      *)
        command=${COMP_WORDS[i]}
        break
        ;;
    esac
  done

  case $command:$previous in
    :--log-format) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$current") && return ;;
    :--log-level) mapfile -t COMPREPLY < <(compgen -W 'error warning debug' -- "$current") && return ;;
    :--cgroup-manager) mapfile -t COMPREPLY < <(compgen -W 'cgroupfs systemd disabled' -- "$current") && return ;;
    :--id-policy) mapfile -t COMPREPLY < <(compgen -W 'off warn enforce' -- "$current") && return ;;
    create:--userns | run:--userns) mapfile -t COMPREPLY < <(compgen -W 'auto' -- "$current") && return ;;
    :--rootless) mapfile -t COMPREPLY < <(compgen -W 'true false auto' -- "$current") && return ;;
    doctor:--fail-on) mapfile -t COMPREPLY < <(compgen -W 'warning problem' -- "$current") && return ;;
    audit:--fail-on) mapfile -t COMPREPLY < <(compgen -W 'note warning problem' -- "$current") && return ;;
    list:--format | list:-f | ps:--format | ps:-f | audit:--format | audit:-f | whois:--format | whois:-f | doctor:--format | doctor:-f)
      mapfile -t COMPREPLY < <(compgen -W 'table json' -- "$current") && return
      ;;
    :--root | :--id-ledger | *:--bundle | *:-b) mapfile -t COMPREPLY < <(compgen -d -- "$current") && return ;;
    :--log | :--id-config | *:--config | update:--resources | update:-r | *:--file | *:-f | *:--*-socket | *:--pid-file)
      [[ $command:$previous == delete:-f ]] || { mapfile -t COMPREPLY < <(compgen -f -- "$current") && return; }
      ;;
    *:--preserve-fds | *:--userns | events:--interval) return ;;
  esac

  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_coffer_options "$command")" -- "$current")
    return
  fi
  case $command in
    '') mapfile -t COMPREPLY < <(compgen -W "$_coffer_commands" -- "$current") ;;
    start | state | delete | kill | ps | events | audit | pause | resume | update)
      mapfile -t COMPREPLY < <(compgen -W "$(coffer "${global[@]}" list --quiet 2>/dev/null)" -- "$current")
      ;;
    plan | doctor) mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
  esac
}

complete -F _coffer coffer
