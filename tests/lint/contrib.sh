#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What contrib/ holds can be read by what it is for, names files that exist, and is of this version.
#
# usage: contrib.sh SOURCE_TREE BUILD
set -u
cd "$1" || exit 1
bad=0
complain() { echo "$1"; bad=1; }

python3 -B - <<'END' || bad=1
import json, pathlib, re, sys
try:
    import tomllib
except ImportError:
    tomllib = None
try:
    import yaml
except ImportError:
    yaml = None
bad = 0
top = pathlib.Path("contrib")


def complain(text):
    global bad
    print(text)
    bad = 1


def at(data, *keys):
    for key in keys:
        data = data.get(key, {}) if isinstance(data, dict) else {}
    return data


def toml(path, *keys):
    """The table `keys` of the file; without a parser of Python 3.11 what lint can see by reading."""
    if tomllib:
        try:
            return at(tomllib.loads((top / path).read_text()), *keys)
        except tomllib.TOMLDecodeError as e:
            complain("%s: %s" % (path, e))
            return {}
    print("note: no tomllib: %s is not parsed" % path)
    return None


for path, keys in (("containerd/config-1.7.toml", ("plugins", "io.containerd.grpc.v1.cri", "containerd", "runtimes")),
                   ("containerd/config-2.x.toml", ("plugins", "io.containerd.cri.v1.runtime", "containerd", "runtimes"))):
    found = toml(path, *keys, "coffer")
    if found is not None and (at(found, "options", "BinaryName") != "/usr/bin/coffer"
                              or found.get("runtime_type") != "io.containerd.runc.v2"):
        complain("%s: no runtime `coffer`" % path)
found = toml("cri-o/10-coffer.conf", "crio", "runtime", "runtimes", "coffer")
if found is not None and (found.get("runtime_path") != "/usr/bin/coffer" or found.get("runtime_type") != "oci"):
    complain("cri-o/10-coffer.conf: no runtime `coffer`")
found = toml("podman/coffer.conf", "engine")
if found is not None and ("/usr/bin/coffer" not in at(found, "runtimes", "coffer")
                          or found.get("runtime") != "coffer"):
    complain("podman/coffer.conf: no runtime `coffer`")

try:
    docker = json.loads((top / "docker/daemon.json").read_text())
    if at(docker, "runtimes", docker.get("default-runtime", ""), "path") != "/usr/bin/coffer":
        complain("docker/daemon.json: no runtime `coffer`")
except json.JSONDecodeError as e:
    complain("docker/daemon.json: %s" % e)

if yaml:
    try:
        kinds = {p.name: yaml.safe_load(p.read_text()) for p in (top / "kubernetes").glob("*.yaml")}
        handler, pod = kinds["runtimeclass.yaml"], kinds["pod.yaml"]
        if handler["kind"] != "RuntimeClass" or handler["handler"] != "coffer":
            complain("kubernetes/runtimeclass.yaml: the handler is not `coffer`")
        if pod["spec"]["runtimeClassName"] != handler["metadata"]["name"] or pod["spec"]["hostUsers"] is not False:
            complain("kubernetes/pod.yaml: not of that class, or without `hostUsers: false`")
    except (yaml.YAMLError, KeyError) as e:
        complain("kubernetes: %r" % e)
else:
    print("note: no python3-yaml: kubernetes/*.yaml is not parsed")

# ids.conf: its keys are those of the parser, all commented out.
source = pathlib.Path("src/userns/id-config.c").read_text()
for line in (top / "ids.conf").read_text().splitlines():
    key = re.match(r"#(\w+) = ", line)
    if key and '"%s"' % key.group(1) not in source:
        complain("ids.conf: the parser does not know `%s`" % key.group(1))
    if line and not line.startswith("#"):
        complain("ids.conf: `%s` is a setting" % line)

version = re.search(r"version : '([^']+)'", pathlib.Path("meson.build").read_text()).group(1)
if re.match(r"coffer \((.*)-\d+\)", (top / "packaging/debian/changelog").read_text()).group(1) != version:
    complain("debian/changelog is not of version %s" % version)
if not re.search(r"^Version: +%s$" % re.escape(version), (top / "packaging/coffer.spec").read_text(), re.M):
    complain("coffer.spec is not of version %s" % version)
# A package names files of the tree as documents or examples, and what `ninja install` makes.
named = (top / "packaging/debian/coffer.examples").read_text().split()
named += (top / "packaging/debian/coffer.docs").read_text().split()
for line in re.findall(r"^%(?:doc|license) (.*)$", (top / "packaging/coffer.spec").read_text(), re.M):
    named += line.split()
for pattern in named:
    if not list(pathlib.Path(".").glob(pattern)):
        complain("packaging: `%s` does not exist" % pattern)

# The measured table and its plot.
page = pathlib.Path("docs/user-namespaces.md").read_text()
if page.count("<!-- userns-cost: begin -->") != 1 or page.count("<!-- userns-cost: end -->") != 1:
    complain("docs/user-namespaces.md: not exactly one place for the table of tests/bench/userns")
if "<title>" not in pathlib.Path("docs/userns-cost.svg").read_text():
    complain("docs/userns-cost.svg: no plot")
# Every file of contrib is told of somewhere.
told = "".join(p.read_text() for p in [pathlib.Path("README.md"), *pathlib.Path("docs").glob("*.md")])
for name in sorted({p.parts[1] for p in top.rglob("*") if p.is_file() and "__pycache__" not in p.parts}):
    if "contrib/%s" % name not in told:
        complain("contrib/%s: neither README.md nor docs/ tells of it" % name)
sys.exit(bad)
END

# Links between documents: the file, and the heading in it.
python3 -B - <<'END' || bad=1
import pathlib, re, sys
bad = 0


def anchors(path):
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
    heads = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


for page in [pathlib.Path("README.md"), *sorted(pathlib.Path("docs").glob("*.md")),
             *sorted(pathlib.Path("tests").rglob("*.md"))]:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, head = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists():
            print("%s: link to %s, which does not exist" % (page, target))
            bad = 1
        elif head and path.suffix == ".md" and head not in anchors(path):
            print("%s: %s has no heading of that name" % (page, target))
            bad = 1
sys.exit(bad)
END

# AppArmor 3 does not know the rule `userns`; tests/vm/apparmor.bats loads the profile.
if command -v apparmor_parser >/dev/null && apparmor_parser --version | grep -qE ' version ([4-9]|[1-9][0-9])'; then
  apparmor_parser -Q -K -S contrib/apparmor/coffer >/dev/null || complain 'contrib/apparmor/coffer: not accepted'
fi
exit $bad
