#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian and RPM packages of this tree: they build, hold what they should, and the command in them runs.

TREE=$(cd "${BATS_TEST_DIRNAME}/../.." && pwd)

setup() {
  OUT=$BATS_TEST_TMPDIR/out
  mkdir "$OUT"
}

needs() { # needs PROGRAM...
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || skip "$program is not installed"
  done
}

# The tree must look as before: packages are built elsewhere.
tree_state() { (cd "$TREE" && git status --porcelain --ignored 2>/dev/null || find . -newer "$OUT" -type f ! -path './.build/*'); }

@test "deb: three packages, with command, container side, man page, completions and examples" {
  needs dpkg-buildpackage dh dpkg-deb
  before=$(tree_state)
  "$TREE/contrib/packaging/build-deb" "$OUT" >"$BATS_TEST_TMPDIR/log" 2>&1 || { tail -n 40 "$BATS_TEST_TMPDIR/log"; return 1; }
  [ "$(tree_state)" = "$before" ]
  version=$(sed -n "s/^  version : '\(.*\)',$/\1/p" "$TREE/meson.build")
  for name in coffer libcoffer0 libcoffer-dev; do
    file=("$OUT/${name}_$version"-*.deb)
    [ -f "${file[0]}" ]
    dpkg-deb -x "${file[0]}" "$OUT/$name"
  done
  root=$OUT/coffer
  [ -x "$root/usr/bin/coffer" ] && [ -x "$root/usr/libexec/coffer/coffer-init" ]
  [ -f "$root/usr/share/man/man8/coffer.8.gz" ]
  [ -f "$root/usr/share/bash-completion/completions/coffer" ]
  [ -f "$root/usr/share/zsh/vendor-completions/_coffer" ]
  [ -f "$root/usr/share/fish/vendor_completions.d/coffer.fish" ]
  [ -f "$root/usr/share/doc/coffer/examples/kubernetes/runtimeclass.yaml" ]
  "$root/usr/bin/coffer" --version | grep -qx "coffer version $version"
  "$root/usr/bin/coffer" --version | grep -q '+SECCOMP +SYSTEMD'
  # Libraries that are opened on demand are no dependency.
  file=("$OUT/coffer_$version"-*.deb)
  depends=$(dpkg-deb -f "${file[0]}" Depends)
  [[ $depends == *libc6* ]]
  [[ $depends != *seccomp* && $depends != *systemd* ]]
  [ -e "$OUT/libcoffer0/usr/lib/"*/libcoffer.so.0 ]
  [ -f "$OUT/libcoffer-dev/usr/include/coffer/coffer.h" ]
  # The container's side carries no debug data.
  [ "$(stat -c %s "$root/usr/libexec/coffer/coffer-init")" -lt 150000 ]
}

@test "rpm: three packages, and the command in them runs" {
  needs rpmbuild rpm2cpio cpio
  before=$(tree_state)
  "$TREE/contrib/packaging/build-rpm" "$OUT" >"$BATS_TEST_TMPDIR/log" 2>&1 || { tail -n 40 "$BATS_TEST_TMPDIR/log"; return 1; }
  [ "$(tree_state)" = "$before" ]
  [ "$(find "$OUT" -name '*.rpm' | wc -l)" = 3 ]
  file=("$OUT"/coffer-[0-9]*.rpm)
  list=$(rpm -qpl "${file[0]}")
  for path in /usr/bin/coffer /usr/libexec/coffer/coffer-init /usr/share/zsh/site-functions/_coffer; do
    grep -qxF "$path" <<<"$list"
  done
  mkdir "$OUT/root"
  (cd "$OUT/root" && rpm2cpio "${file[0]}" | cpio -id --quiet)
  "$OUT/root/usr/bin/coffer" --version | grep -q '+SECCOMP +SYSTEMD'
  rpm -qp --recommends "${file[0]}" | grep -qx libseccomp
}
