#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the completions of coffer for bash, zsh and fish from the help texts of the command, which
come from its tables of commands and options.

    contrib/completion/generate.py PATH-OF-COFFER [--check]

writes coffer.bash, _coffer and coffer.fish beside itself; --check only compares and exits with 1 if
they are not current.
"""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OPTION = re.compile(r"^ +(?:-(\w), )?--([a-z0-9-]+)(?: (\S+))? +(\S.*)$")
CHOICE = re.compile(r"(?:[a-z]+(?: \(default\))?, )*[a-z]+(?: \(default\))? or [a-z]+")
CHOOSERS = {"FORMAT", "LEVEL", "POLICY", "VERDICT", "NAME", "BOOL"}
NOTE = "Made by contrib/completion/generate.py from the help texts: do not edit."


class Option:
    def __init__(self, letter, name, value, text):
        self.letter, self.name, self.value, self.text = letter, name, value, text

    def words(self):
        """What the value may be, where the help text lists it."""
        if not self.value:
            return []
        if "|" in self.value:
            return self.value.split("|")
        if self.value.startswith("auto"):
            return ["auto"]
        found = CHOICE.search(self.text) if self.value in CHOOSERS else None
        return re.findall(r"[a-z]+", re.sub(r" \(default\)| or ", " ", found.group())) if found else []

    def path(self):
        """'directory', 'file' or None."""
        return {"DIR": "directory", "FILE": "file", "PATH": "file"}.get(self.value)

    def spellings(self):
        return (["-" + self.letter] if self.letter else []) + ["--" + self.name]


class Command:
    def __init__(self, name, summary, usage, options):
        self.name, self.summary, self.options = name, summary, options
        first = re.search(r"\b(ID|PATH|BUNDLE)\b", usage)
        self.takes = {"ID": "container", "PATH": "directory", "BUNDLE": "directory"}.get(
            first.group() if first else "")
        if name in ("create", "run", "restore"):  # a new name
            self.takes = None
        # `mounts add|remove ID FILE`: a word that comes before it.
        verbs = re.match(r" (\w+(?:\|\w+)+) ", usage)
        self.verbs = verbs.group(1).split("|") if verbs else []
        self.many = "..." in usage[first.end():][:3] if first else False


def help_of(coffer, *words):
    return subprocess.run([coffer, *words, "--help"], check=True, capture_output=True,
                          text=True).stdout


def options_of(text):
    found = [OPTION.match(line) for line in text.splitlines()]
    return [Option(*m.groups()) for m in found if m]


def read(coffer):
    """(global options, commands)"""
    text = help_of(coffer)
    listed = re.search(r"^Commands:\n(.*?)\n\n", text, re.DOTALL | re.MULTILINE).group(1)
    commands = []
    for line in listed.splitlines():
        name, summary = line.split(None, 1)
        own = help_of(coffer, name)
        usage = own.splitlines()[0].split(" " + name, 1)[1]
        commands.append(Command(name, summary, usage, options_of(own)))
    return options_of(text), commands


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def bash_values(place, options):
    """case branches for the values of the options of a command ('' for the global ones)"""
    out = []
    for o in options:
        if not o.value:
            continue
        pattern = " | ".join("%s:%s" % (place, s) for s in o.spellings())
        if o.words():
            action = "_coffer_reply -W %s" % quote(" ".join(o.words()))
        elif o.path():
            action = "_coffer_reply -d" if o.path() == "directory" else "_coffer_reply -f"
        else:
            action = ":"
        out.append("    %s) %s ;;" % (pattern, action))
    return out


def bash(options, commands):
    def words(some):
        return " ".join("--" + o.name for o in some)

    by_kind = {}
    for c in commands:
        by_kind.setdefault(c.takes, []).append(c.name)
    place = {c.name: "%s:%s" % (c.name, "*" if c.many else 1 if c.verbs else 0) for c in commands}
    lines = ["# SPDX-License-Identifier: LGPL-2.1-or-later", "# shellcheck shell=bash disable=SC2016",
             "# Completion of coffer for bash. Install as coffer in share/bash-completion/completions.",
             "# " + NOTE, "",
             "_coffer_options() { # of the command $1; '' for the global ones", "  case $1 in",
             "    '') echo '%s' ;;" % words(options)]
    lines += ["    %s) echo '%s' ;;" % (c.name, words(c.options)) for c in commands]
    lines += ["  esac", "}", "",
              "_coffer_commands='%s'" % " ".join(c.name for c in commands), "",
              "_coffer_reply() { mapfile -t COMPREPLY < <(compgen \"$@\" -- \"$current\"); }", "",
              "_coffer_value() { # of the option $2 of the command $1; fails if it has none",
              '  case $1:$2 in']
    lines += bash_values("", options)
    for c in commands:
        lines += bash_values(c.name, c.options)
    lines += ["    *) return 1 ;;", "  esac", "  return 0", "}", "", "_coffer() {",
              "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} "
              "command='' i arguments=0",
              "  local -a global=()", "  COMPREPLY=()", "  for ((i = 1; i < COMP_CWORD; i++)); do",
              "    case ${COMP_WORDS[i]} in", "      -*)", '        [ -z "$command" ] && [ "${COMP_WORDS[i]}" = --root ] && '
              'global=(--root "${COMP_WORDS[i + 1]}")',
              '        _coffer_value "$command" "${COMP_WORDS[i]}" && i=$((i + 1))', "        ;;",
              "      *) if [ -z \"$command\" ]; then command=${COMP_WORDS[i]}; else arguments=$((arguments + 1)); fi ;;",
              "    esac", "  done", "  COMPREPLY=()", "",
              '  _coffer_value "$command" "$previous" && return',
              "  if [[ $current == -* ]]; then",
              '    _coffer_reply -W "$(_coffer_options "$command")"', "    return", "  fi",
              "  case $command:$arguments in", "    :*) _coffer_reply -W \"$_coffer_commands\" ;;",
              "    %s) _coffer_reply -W \"$(coffer \"${global[@]}\" list --quiet 2>/dev/null)\" ;;" %
              " | ".join(place[n] for n in by_kind.get("container", [])),
              "    %s) _coffer_reply -d ;;" %
              " | ".join(place[n] for n in by_kind.get("directory", [])),
              *("    %s:0) _coffer_reply -W '%s' ;;" % (c.name, " ".join(c.verbs))
                for c in commands if c.verbs),
              "  esac", "}", "", "complete -F _coffer coffer"]
    return "\n".join(lines) + "\n"


def zsh_option(o):
    text = o.text.replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    value = ""
    if o.value:
        action = ("(%s)" % " ".join(o.words()) if o.words() else
                  {"directory": "_files -/", "file": "_files", None: " "}[o.path()])
        value = ":%s:%s" % (o.value.replace(":", "\\:").replace("[", "").replace("]", ""), action)
    if not o.letter:
        return quote("--%s[%s]%s" % (o.name, text, value))
    return "'(-%s --%s)'{-%s,--%s}%s" % (o.letter, o.name, o.letter, o.name,
                                         quote("[%s]%s" % (text, value)))


def zsh(options, commands):
    rest = {"container": "'%s:container:_coffer_containers'", "directory": "'%s:directory:_files -/'",
            None: "'*:argument:_default'"}
    lines = ["#compdef coffer", "# SPDX-License-Identifier: LGPL-2.1-or-later",
             "# Completion of coffer for zsh. Install as _coffer in share/zsh/site-functions.",
             "# " + NOTE, "", "_coffer_containers() {", "  local -a ids root",
             "  (( ${+coffer_root} )) && [[ -n $coffer_root ]] && root=(--root $coffer_root)",
             '  ids=(${(f)"$(coffer $root list --quiet 2>/dev/null)"})', "  compadd -a ids", "}", "",
             "_coffer() {", "  local curcontext=$curcontext state line coffer_root",
             "  typeset -A opt_args", "  local -a commands", "  _arguments -C -S \\"]
    lines += ["    %s \\" % zsh_option(o) for o in options]
    lines += ["    '1:command:->command' '*::argument:->argument'", "  coffer_root=$opt_args[--root]",
              "  case $state in", "    command)", "      commands=("]
    lines += ["        %s" % quote("%s:%s" % (c.name, c.summary)) for c in commands]
    lines += ["      )", "      _describe command commands", "      ;;", "    argument)",
              "      case $words[1] in"]
    for c in commands:
        lines += ["        %s)" % c.name, "          _arguments -S \\"]
        lines += ["            %s \\" % zsh_option(o) for o in c.options]
        own = rest[c.takes]
        if "%s" in own:
            own = own % "*" if c.many else own % ("2" if c.verbs else "1") + " '*:argument:_default'"
        if c.verbs:
            own = "'1:action:(%s)' %s" % (" ".join(c.verbs), own)
        lines += ["            %s" % own, "          ;;"]
    lines += ["      esac", "      ;;", "  esac", "}", "", '_coffer "$@"']
    return "\n".join(lines) + "\n"


def fish_option(condition, o):
    parts = ["complete -c coffer -n %s -l %s" % (quote(condition), o.name)]
    if o.letter:
        parts.append("-s " + o.letter)
    if o.words():
        parts.append("-x -a " + quote(" ".join(o.words())))
    elif o.path() == "directory":
        parts.append("-x -a '(__fish_complete_directories)'")
    elif o.path():
        parts.append("-r -F")
    elif o.value:
        parts.append("-x")
    return " ".join(parts + ["-d " + quote(o.text)])


def fish(options, commands):
    lines = ["# SPDX-License-Identifier: LGPL-2.1-or-later",
             "# Completion of coffer for fish. Install in share/fish/vendor_completions.d.",
             "# " + NOTE, "",
             "function __coffer_containers",
             "    set -l words (commandline -opc)",
             "    set -l root", "    if set -l i (contains -i -- --root $words)",
             "        set root --root $words[(math $i + 1)]", "    end",
             "    coffer $root list --quiet 2>/dev/null", "end", "",
             "function __coffer_no_command",
             "    not __fish_seen_subcommand_from " + " ".join(c.name for c in commands), "end", "",
             "complete -c coffer -f"]
    nothing = "__coffer_no_command"
    lines += [fish_option(nothing, o) for o in options]
    for c in commands:
        seen = "__fish_seen_subcommand_from " + c.name
        lines += ["", "complete -c coffer -n %s -a %s -d %s" %
                  (quote(nothing), c.name, quote(c.summary))]
        lines += [fish_option(seen, o) for o in c.options]
        if c.verbs:
            lines.append("complete -c coffer -n %s -a %s" % (quote(seen), quote(" ".join(c.verbs))))
        if c.takes == "container":
            lines.append("complete -c coffer -n %s -a '(__coffer_containers)' -d container" % quote(seen))
        elif c.takes == "directory":
            lines.append("complete -c coffer -n %s -a '(__fish_complete_directories)'" % quote(seen))
    return "\n".join(lines) + "\n"


def main():
    check = "--check" in sys.argv[1:]
    rest = [a for a in sys.argv[1:] if a != "--check"]
    if len(rest) != 1 or rest[0].startswith("-"):
        sys.exit(__doc__)
    options, commands = read(os.path.abspath(rest[0]))
    status = 0
    for name, text in (("coffer.bash", bash(options, commands)), ("_coffer", zsh(options, commands)),
                       ("coffer.fish", fish(options, commands))):
        path = os.path.join(HERE, name)
        if check:
            with open(path, encoding="utf-8") as f:
                if f.read() != text:
                    print("%s is not current: run contrib/completion/generate.py COFFER" % path)
                    status = 1
            continue
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    return status


if __name__ == "__main__":
    sys.exit(main())
