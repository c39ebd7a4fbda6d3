# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Where cgroup v1 keeps a container, and cgroups that a test makes itself; after helpers.bash.

TREE=/sys/fs/cgroup

# The directory of CONTROLLER for a process; without CONTROLLER the v2 tree of a hybrid host.
dir_of() { # dir_of PID CONTROLLER
  local path
  path=$(awk -F: -v c="$2" '{ n = split($2, names, ","); for (i = 1; i <= n; i++) if (names[i] == c) print $3 }' "/proc/$1/cgroup")
  echo "$TREE/$2$path"
}

file_of() { cat "$(dir_of "$PID" "$1")/$2"; } # file_of CONTROLLER FILE

rmdir_tree() { [ ! -d "$1" ] || find "$1" -depth -type d -exec rmdir {} +; }

# A cgroup that is there before the container, which goes into it.
in_own_cgroup() { # in_own_cgroup CONTROLLER: sets dir
  dir=$TREE/$1/mine-$CID
  mkdir "$dir"
  OWN_CGROUPS=$dir
  RESIDUE_BEFORE=$(picture)
  bundle_edit '.linux.cgroupsPath = $p' --arg p "/mine-$CID"
}

# For teardown(): what the test has made itself.
remove_own_cgroups() {
  local dir status=0
  for dir in ${OWN_CGROUPS:-}; do
    wait_for 5 rmdir_tree "$dir" || status=1
  done
  return "$status"
}
