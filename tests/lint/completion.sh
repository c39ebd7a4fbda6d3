#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Commands and options of the help texts are those of the completions and are in the man page; the
# completions are what the generator makes.
#
# usage: completion.sh SOURCE_TREE BUILD
# shellcheck disable=SC2154 # _coffer_commands comes from the completion
set -u
coffer=$2/src/cli/coffer page=$1/docs/coffer.8 bad=0
# shellcheck source=/dev/null
. "$1/contrib/completion/coffer.bash"

words() { tr -s ' ' '\n' | sort; }
options_of() { "$coffer" "$@" --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+' | sort; }

check() { # check NAME WANTED FOUND
  [ "$2" = "$3" ] && return
  echo "$1: the help text has: $(tr '\n' ' ' <<<"$2"), the completion has: $(tr '\n' ' ' <<<"$3")"
  bad=1
}

commands=$("$coffer" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
check commands "$(words <<<"$commands")" "$(words <<<"$_coffer_commands")"
for command in '' $commands; do
  wanted=$(options_of ${command:+"$command"})
  check "options of ${command:-coffer}" "$wanted" "$(_coffer_options "$command" | words)"
  for option in $wanted; do
    grep -qF -- "${option//-/\\-}" "$page" || { echo "coffer.8: $option ${command:+of $command }is missing"; bad=1; }
  done
  [ -z "$command" ] || grep -qE "^\.(B|BI|BR) \"?$command( |\$)" "$page" || { echo "coffer.8: $command is missing"; bad=1; }
done
"$1/contrib/completion/generate.py" --check "$coffer" || bad=1
exit $bad
