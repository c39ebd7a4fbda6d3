# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of coffer for fish. Install in share/fish/vendor_completions.d.
# Made by contrib/completion/generate.py from the help texts: do not edit.

function __coffer_containers
    set -l words (commandline -opc)
    set -l root
    if set -l i (contains -i -- --root $words)
        set root --root $words[(math $i + 1)]
    end
    coffer $root list --quiet 2>/dev/null
end

function __coffer_no_command
    not __fish_seen_subcommand_from create start run exec state kill delete pause resume update mounts list ps events audit whois spec plan features doctor
end

complete -c coffer -f
complete -c coffer -n '__coffer_no_command' -l root -x -a '(__fish_complete_directories)' -d 'state directory'
complete -c coffer -n '__coffer_no_command' -l log -r -F -d 'log to FILE, journald:ID or syslog:ID as well'
complete -c coffer -n '__coffer_no_command' -l log-format -x -a 'text json' -d 'text (default) or json'
complete -c coffer -n '__coffer_no_command' -l log-level -x -a 'error warning debug' -d 'error, warning or debug'
complete -c coffer -n '__coffer_no_command' -l debug -d 'the same as --log-level debug'
complete -c coffer -n '__coffer_no_command' -l systemd-cgroup -d 'the same as --cgroup-manager systemd'
complete -c coffer -n '__coffer_no_command' -l cgroup-manager -x -a 'cgroupfs systemd disabled' -d 'cgroupfs (default), systemd or disabled'
complete -c coffer -n '__coffer_no_command' -l rootless -x -a 'true false auto' -d 'true, false or auto (default): limits as far as permitted'
complete -c coffer -n '__coffer_no_command' -l id-policy -x -a 'off warn enforce' -d 'host ids shared with others: off, warn (default) or enforce'
complete -c coffer -n '__coffer_no_command' -l id-ledger -x -a '(__fish_complete_directories)' -d 'directory of the id ledger'
complete -c coffer -n '__coffer_no_command' -l id-config -r -F -d 'id configuration (default: /etc/coffer/ids.conf)'
complete -c coffer -n '__coffer_no_command' -l version -s v -d 'show what this is'
complete -c coffer -n '__coffer_no_command' -l help -s h -d 'show this help'

complete -c coffer -n '__coffer_no_command' -a create -d 'make a container; its process waits for start'
complete -c coffer -n '__fish_seen_subcommand_from create' -l bundle -s b -x -a '(__fish_complete_directories)' -d 'directory with config.json (default: working directory)'
complete -c coffer -n '__fish_seen_subcommand_from create' -l config -s f -r -F -d 'another name for config.json'
complete -c coffer -n '__fish_seen_subcommand_from create' -l console-socket -r -F -d 'socket that gets the terminal of the process'
complete -c coffer -n '__fish_seen_subcommand_from create' -l pid-file -r -F -d 'write the pid of the process'
complete -c coffer -n '__fish_seen_subcommand_from create' -l pidfd-socket -r -F -d 'socket that gets a pidfd of the process'
complete -c coffer -n '__fish_seen_subcommand_from create' -l no-pivot -d 'move the root instead of pivot_root (initramfs)'
complete -c coffer -n '__fish_seen_subcommand_from create' -l no-new-keyring -d 'keep the caller'\''s session keyring'
complete -c coffer -n '__fish_seen_subcommand_from create' -l preserve-fds -x -d 'pass N more file descriptors, from 3 on'
complete -c coffer -n '__fish_seen_subcommand_from create' -l userns -x -a 'auto' -d 'a user namespace with a free range of host ids'
complete -c coffer -n '__fish_seen_subcommand_from create' -l preset -x -a 'default hardened' -d 'default or hardened; hardened:WORD,... allows these things after all'
complete -c coffer -n '__fish_seen_subcommand_from create' -l detach -s d -d 'return when the process was started'
complete -c coffer -n '__fish_seen_subcommand_from create' -l keep -d 'do not delete the container when the process ends'
complete -c coffer -n '__fish_seen_subcommand_from create' -l no-subreaper -d 'do not adopt orphans while waiting'
complete -c coffer -n '__fish_seen_subcommand_from create' -l help -s h -d 'show this help'

complete -c coffer -n '__coffer_no_command' -a start -d 'start the process of a created container'
complete -c coffer -n '__fish_seen_subcommand_from start' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from start' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a run -d 'create and start a container, and wait for it'
complete -c coffer -n '__fish_seen_subcommand_from run' -l bundle -s b -x -a '(__fish_complete_directories)' -d 'directory with config.json (default: working directory)'
complete -c coffer -n '__fish_seen_subcommand_from run' -l config -s f -r -F -d 'another name for config.json'
complete -c coffer -n '__fish_seen_subcommand_from run' -l console-socket -r -F -d 'socket that gets the terminal of the process'
complete -c coffer -n '__fish_seen_subcommand_from run' -l pid-file -r -F -d 'write the pid of the process'
complete -c coffer -n '__fish_seen_subcommand_from run' -l pidfd-socket -r -F -d 'socket that gets a pidfd of the process'
complete -c coffer -n '__fish_seen_subcommand_from run' -l no-pivot -d 'move the root instead of pivot_root (initramfs)'
complete -c coffer -n '__fish_seen_subcommand_from run' -l no-new-keyring -d 'keep the caller'\''s session keyring'
complete -c coffer -n '__fish_seen_subcommand_from run' -l preserve-fds -x -d 'pass N more file descriptors, from 3 on'
complete -c coffer -n '__fish_seen_subcommand_from run' -l userns -x -a 'auto' -d 'a user namespace with a free range of host ids'
complete -c coffer -n '__fish_seen_subcommand_from run' -l preset -x -a 'default hardened' -d 'default or hardened; hardened:WORD,... allows these things after all'
complete -c coffer -n '__fish_seen_subcommand_from run' -l detach -s d -d 'return when the process was started'
complete -c coffer -n '__fish_seen_subcommand_from run' -l keep -d 'do not delete the container when the process ends'
complete -c coffer -n '__fish_seen_subcommand_from run' -l no-subreaper -d 'do not adopt orphans while waiting'
complete -c coffer -n '__fish_seen_subcommand_from run' -l help -s h -d 'show this help'

complete -c coffer -n '__coffer_no_command' -a exec -d 'run a program in a container'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l process -s p -r -F -d 'a process object instead of COMMAND'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l detach -s d -d 'return when the process was started'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l tty -s t -d 'with a terminal'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l console-socket -r -F -d 'socket that gets the terminal of the process'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l pid-file -r -F -d 'write the pid of the process'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l pidfd-socket -r -F -d 'socket that gets a pidfd of the process'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l cwd -x -a '(__fish_complete_directories)' -d 'working directory in the container'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l env -s e -x -d 'an environment variable (repeatable)'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l user -s u -x -d 'ids in the container'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l additional-gids -s g -x -d 'one more supplementary group (repeatable)'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l cap -s c -x -d 'one more capability (repeatable)'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l no-new-privs -d 'set no_new_privs'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l apparmor -x -d 'AppArmor profile'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l process-label -x -d 'SELinux label'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l preserve-fds -x -d 'pass N more file descriptors, from 3 on'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l cgroup -x -d 'sub-cgroup of the container (v1: repeatable)'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l ignore-paused -d 'also in a paused container; begins when it is resumed'
complete -c coffer -n '__fish_seen_subcommand_from exec' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from exec' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a state -d 'print the state of a container as JSON'
complete -c coffer -n '__fish_seen_subcommand_from state' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from state' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a kill -d 'send a signal (default: SIGTERM) to a container'\''s init'
complete -c coffer -n '__fish_seen_subcommand_from kill' -l all -s a -d 'signal every process of the container'
complete -c coffer -n '__fish_seen_subcommand_from kill' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from kill' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a delete -d 'delete a container'
complete -c coffer -n '__fish_seen_subcommand_from delete' -l force -s f -d 'kill it if it still runs; an unknown id is no error'
complete -c coffer -n '__fish_seen_subcommand_from delete' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from delete' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a pause -d 'freeze all processes of a container'
complete -c coffer -n '__fish_seen_subcommand_from pause' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from pause' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a resume -d 'let a paused container go on'
complete -c coffer -n '__fish_seen_subcommand_from resume' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from resume' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a update -d 'change the limits of a container'
complete -c coffer -n '__fish_seen_subcommand_from update' -l resources -s r -r -F -d 'linux.resources as JSON, - for standard input; other limits are ignored then'
complete -c coffer -n '__fish_seen_subcommand_from update' -l blkio-weight -x -d 'share of block I/O, 10 to 1000'
complete -c coffer -n '__fish_seen_subcommand_from update' -l cpu-period -x -d 'period of the CPU quota'
complete -c coffer -n '__fish_seen_subcommand_from update' -l cpu-quota -x -d 'CPU time in each period, -1: no limit'
complete -c coffer -n '__fish_seen_subcommand_from update' -l cpu-burst -x -d 'unused CPU time that may be saved up'
complete -c coffer -n '__fish_seen_subcommand_from update' -l cpu-share -x -d 'share of CPU time, 2 to 262144'
complete -c coffer -n '__fish_seen_subcommand_from update' -l cpu-rt-period -x -d 'period of realtime scheduling (v1)'
complete -c coffer -n '__fish_seen_subcommand_from update' -l cpu-rt-runtime -x -d 'realtime CPU time in each period (v1)'
complete -c coffer -n '__fish_seen_subcommand_from update' -l cpu-idle -x -a '0 1' -d '1: only CPU time that nobody else wants'
complete -c coffer -n '__fish_seen_subcommand_from update' -l cpuset-cpus -x -d 'CPUs that may be used: 0-3,7'
complete -c coffer -n '__fish_seen_subcommand_from update' -l cpuset-mems -x -d 'memory nodes that may be used'
complete -c coffer -n '__fish_seen_subcommand_from update' -l memory -x -d 'memory limit; suffixes b k m g t p, -1: no limit (for the others too)'
complete -c coffer -n '__fish_seen_subcommand_from update' -l memory-reservation -x -d 'memory that is kept when it gets scarce'
complete -c coffer -n '__fish_seen_subcommand_from update' -l memory-swap -x -d 'limit of memory and swap together'
complete -c coffer -n '__fish_seen_subcommand_from update' -l pids-limit -x -d 'most processes, -1: no limit'
complete -c coffer -n '__fish_seen_subcommand_from update' -l l3-cache-schema -x -d 'Intel RDT: line of the L3 cache'
complete -c coffer -n '__fish_seen_subcommand_from update' -l mem-bw-schema -x -d 'Intel RDT: line of memory bandwidth'
complete -c coffer -n '__fish_seen_subcommand_from update' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from update' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a mounts -d 'mount something in a running container, or unmount it again'
complete -c coffer -n '__fish_seen_subcommand_from mounts' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from mounts' -a 'add remove'
complete -c coffer -n '__fish_seen_subcommand_from mounts' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a list -d 'list containers'
complete -c coffer -n '__fish_seen_subcommand_from list' -l format -s f -x -a 'table json' -d 'table (default) or json'
complete -c coffer -n '__fish_seen_subcommand_from list' -l quiet -s q -d 'ids only'
complete -c coffer -n '__fish_seen_subcommand_from list' -l help -s h -d 'show this help'

complete -c coffer -n '__coffer_no_command' -a ps -d 'list the processes of a container'
complete -c coffer -n '__fish_seen_subcommand_from ps' -l format -s f -x -a 'table json' -d 'table (default) or json'
complete -c coffer -n '__fish_seen_subcommand_from ps' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from ps' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a events -d 'print a container'\''s statistics and OOM events'
complete -c coffer -n '__fish_seen_subcommand_from events' -l interval -x -d 'time between two statistics (default: 5s)'
complete -c coffer -n '__fish_seen_subcommand_from events' -l stats -d 'print the statistics once and end'
complete -c coffer -n '__fish_seen_subcommand_from events' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from events' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a audit -d 'judge how isolated running containers are'
complete -c coffer -n '__fish_seen_subcommand_from audit' -l fail-on -x -a 'note warning problem' -d 'exit with 1 if a verdict is note, warning or problem, or worse'
complete -c coffer -n '__fish_seen_subcommand_from audit' -l format -s f -x -a 'table json' -d 'table (default) or json'
complete -c coffer -n '__fish_seen_subcommand_from audit' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from audit' -a '(__coffer_containers)' -d container

complete -c coffer -n '__coffer_no_command' -a whois -d 'tell who has a host id'
complete -c coffer -n '__fish_seen_subcommand_from whois' -l format -s f -x -a 'table json' -d 'table (default) or json'
complete -c coffer -n '__fish_seen_subcommand_from whois' -l gid -s g -d 'the id is a gid'
complete -c coffer -n '__fish_seen_subcommand_from whois' -l help -s h -d 'show this help'

complete -c coffer -n '__coffer_no_command' -a spec -d 'write an example config.json'
complete -c coffer -n '__fish_seen_subcommand_from spec' -l bundle -s b -x -a '(__fish_complete_directories)' -d 'where to write it (default: working directory)'
complete -c coffer -n '__fish_seen_subcommand_from spec' -l file -s f -r -F -d 'another name for config.json'
complete -c coffer -n '__fish_seen_subcommand_from spec' -l rootless -d 'for a user without privileges: container root is the caller'
complete -c coffer -n '__fish_seen_subcommand_from spec' -l userns -x -d 'with a user namespace of these host ids (size: 65536)'
complete -c coffer -n '__fish_seen_subcommand_from spec' -l help -s h -d 'show this help'

complete -c coffer -n '__coffer_no_command' -a plan -d 'show what create would do with a bundle (dry run)'
complete -c coffer -n '__fish_seen_subcommand_from plan' -l bundle -s b -x -a '(__fish_complete_directories)' -d 'directory with config.json (default: working directory)'
complete -c coffer -n '__fish_seen_subcommand_from plan' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from plan' -a '(__fish_complete_directories)'

complete -c coffer -n '__coffer_no_command' -a features -d 'print what this coffer supports as JSON'
complete -c coffer -n '__fish_seen_subcommand_from features' -l help -s h -d 'show this help'

complete -c coffer -n '__coffer_no_command' -a doctor -d 'tell what this node can do and what is wrong'
complete -c coffer -n '__fish_seen_subcommand_from doctor' -l format -s f -x -a 'table json' -d 'table (default) or json'
complete -c coffer -n '__fish_seen_subcommand_from doctor' -l fail-on -x -a 'warning problem' -d 'exit status 1 from this one on: warning or problem (default)'
complete -c coffer -n '__fish_seen_subcommand_from doctor' -l help -s h -d 'show this help'
complete -c coffer -n '__fish_seen_subcommand_from doctor' -a '(__fish_complete_directories)'
