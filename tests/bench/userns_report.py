# SPDX-License-Identifier: LGPL-2.1-or-later
"""Statistics, tables and the plot of tests/bench/userns. Pure computation and text."""

import os
import re
import statistics
from xml.sax.saxutils import escape

VARIANTS = ["none", "control", "chowned", "auto"]
BASE = "none"
NAMES = {
    "control": "no user namespace, once more (noise)",
    "chowned": "user namespace, chowned tree",
    "auto": "automatic range, id-mapped root",
}

# (case, kind, what one of it is)
CASES = [
    ("run", "run", "start-up: run to the end"),
    ("run-cpu", "cpu", "start-up: processor time"),
    ("exec", "exec", "exec: run to the end"),
    ("exec-cpu", "cpu", "exec: processor time"),
    ("syscall", "micro", "system call: getppid"),
    ("fork", "micro", "fork, exit, wait"),
    ("stat", "micro", "stat"),
    ("open", "micro", "open, close"),
    ("create", "micro", "create, write, unlink"),
    ("chown", "micro", "chown, twice"),
    ("connect", "micro", "loopback: connect, close"),
    ("ping", "micro", "loopback: 1 byte and back"),
    ("stream", "micro", "loopback: 32 KiB"),
]

# (case, variant, most): ratio to the plain one
TARGETS = [("run", "auto", 1.15)]

BEGIN, END = "<!-- userns-cost: begin -->", "<!-- userns-cost: end -->"


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def summary(data):
    """{case: {variant: {min, q1, median, q3 in ns; ratio, ratio_q1, ratio_q3, ratio_min}}}"""
    found = {}
    for case, _, _ in CASES:
        per_variant = data["samples"].get(case)
        if not per_variant:
            continue
        base = per_variant[BASE]
        found[case] = {}
        for variant in VARIANTS:
            values = per_variant[variant]
            low, middle, high = quartiles(values)
            ratio_low, ratio, ratio_high = quartiles([v / b for v, b in zip(values, base)])
            found[case][variant] = {
                "min": min(values), "q1": low, "median": middle, "q3": high,
                "ratio": ratio, "ratio_q1": ratio_low, "ratio_q3": ratio_high,
                "ratio_min": min(values) / min(base),
            }
    return found


def targets_met(found):
    return all(found[case][variant]["ratio"] <= most for case, variant, most in TARGETS)


def span(ns):
    """A time with its unit, three digits."""
    for unit, size in (("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return "%.3g %s" % (ns / size, unit)
    return "%.0f ns" % ns


def label_of(data, case):
    text = {c: t for c, _, t in CASES}[case]
    if case.startswith("exec") and data["exec"] == "floor":
        text += " (floor)"
    return text


def text_table(data, found):
    lines = ["kernel %s %s, %d cpus, load %.1f to %.1f, files on %s, %d rounds, real-time policy: %s"
             % (data["kernel"], data["machine"], data["cpus"], *data["load"], data["files"],
                data["rounds"], "yes" if data["real_time"] else "no")]
    lines.append("%-36s %10s | %-26s| %-26s| %s" % ("", "plain", "control", "chowned", "auto"))
    lines.append("%-36s %10s |%s" % ("", "median", " |".join([" ratio [q1 q3]  of minima "] * 3)))
    for case, per in found.items():
        cells = ["%5.2f [%.2f %.2f]    %5.2f " % (v["ratio"], v["ratio_q1"], v["ratio_q3"],
                                                  v["ratio_min"])
                 for v in (per["control"], per["chowned"], per["auto"])]
        lines.append("%-36s %10s | %s" % (label_of(data, case), span(per[BASE]["median"]),
                                          "| ".join(cells)))
    lines.append("(ratios to the plain container: medians and quartiles of the ratios of each round)")
    lines.append("chown -R of a tree of %d files: %.0f ms" % (data["chown"]["files"],
                                                             data["chown"]["seconds"] * 1000))
    for case, variant, most in TARGETS:
        is_ = found[case][variant]["ratio"]
        lines.append("target: %s, %s at most %.2f x: %.2f %s" %
                     (case, variant, most, is_, "pass" if is_ <= most else "FAIL"))
    return "\n".join(lines)


def markdown(data, found):
    def cell(v):
        return "%.2f (%.2f–%.2f)" % (v["ratio"], v["ratio_q1"], v["ratio_q3"])

    lines = ["| | without | with, chowned tree | with, automatic range, id-mapped root "
             "| without, once more |", "|---|---|---|---|---|"]
    for case, per in found.items():
        lines.append("| %s | %s | %s | %s | %s |" %
                     (label_of(data, case), span(per[BASE]["median"]), cell(per["chowned"]),
                      cell(per["auto"]), cell(per["control"])))
    if data["exec"] == "floor":
        lines.append("\n(floor): setns, clone and execve alone, by a program that does nothing else.")
    lines += ["", "Linux %s, %s, %d processors, load %.1f to %.1f, files on %s, %d rounds. The second "
              "column is the median," % (data["kernel"], data["machine"], data["cpus"],
                                         *data["load"], data["files"], data["rounds"]),
              "the others are ratios to it: median and quartiles of the ratios of each round. The last "
              "column is the noise.", "Of start-up and exec a round takes the best of three.",
              "`chown -R` of a tree of %d files, which an id-mapped root does without, took %.0f ms." %
              (data["chown"]["files"], data["chown"]["seconds"] * 1000)]
    return "\n".join(lines)


STYLE = """
  .paper { fill: #ffffff } .ink { fill: #1f2328 } .dim { fill: #59636e }
  .grid { stroke: #d1d9e0 } .one { stroke: #59636e } .noise { fill: #d1d9e0 }
  .noise-line { stroke: #818b98 }
  .chowned { fill: #0969da; stroke: #0969da } .auto { fill: #bc4c00; stroke: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } .ink { fill: #e6edf3 } .dim { fill: #9198a1 }
    .grid { stroke: #30363d } .one { stroke: #9198a1 } .noise { fill: #30363d }
    .noise-line { stroke: #818b98 }
    .chowned { fill: #58a6ff; stroke: #58a6ff } .auto { fill: #f0883e; stroke: #f0883e }
  }
"""

LEFT, RIGHT, WIDTH, ROW, TOP = 235, 690, 800, 38, 92
MOST_SHOWN = 1.6


def scale_of(found):
    """Ends of the axis and the distance of its lines."""
    low = min(min(v["ratio_q1"] for v in per.values()) for per in found.values())
    high = max(max(v["ratio_q3"] for v in per.values()) for per in found.values())
    low, high = min(0.9, max(low, 0.6)), max(1.2, min(high, MOST_SHOWN))
    step = 0.05 if high - low <= 0.45 else 0.1
    return (int(low / step + 1e-9)) * step, -int(-high / step - 1e-9) * step, step


def svg(data, found):
    """One row for each case: the ratio to the plain container, from quartile to quartile."""
    low, high, step = scale_of(found)
    height = TOP + ROW * len(found) + 80

    def x(value):
        return LEFT + (min(max(value, low), high) - low) / (high - low) * (RIGHT - LEFT)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" '
           'font-family="system-ui, sans-serif" font-size="13" role="img">' % (WIDTH, height, WIDTH,
                                                                               height),
           "<title>What a user namespace costs</title>",
           "<style>%s</style>" % STYLE,
           '<rect class="paper" width="%d" height="%d" rx="6"/>' % (WIDTH, height),
           '<text class="ink" x="16" y="28" font-size="16" font-weight="600">What a user namespace '
           "costs: time relative to the same container without one</text>",
           '<circle class="chowned" cx="24" cy="49" r="5"/>',
           '<text class="ink" x="36" y="54">%s</text>' % escape(NAMES["chowned"]),
           '<path class="auto" d="M262 49 l6 -6 l6 6 l-6 6 z"/>',
           '<text class="ink" x="280" y="54">%s</text>' % escape(NAMES["auto"]),
           '<rect class="noise" x="510" y="41" width="18" height="16"/>',
           '<text class="ink" x="535" y="54">%s</text>' % escape(NAMES["control"])]
    bottom = TOP + ROW * len(found)
    lines = int(round((high - low) / step))
    for i in range(lines + 1):
        value = low + i * step
        kind = "one" if abs(value - 1) < 1e-6 else "grid"
        out.append('<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>' %
                   (kind, x(value), x(value), TOP - 8, bottom))
        out.append('<text class="dim" x="%.1f" y="%d" text-anchor="middle">%.2f</text>' %
                   (x(value), bottom + 18, value))
    out.append('<text class="dim" x="%d" y="%d" text-anchor="end">plain</text>' %
               (WIDTH - 16, TOP - 12))
    for index, (case, per) in enumerate(found.items()):
        y = TOP + ROW * index + ROW / 2
        noise = per["control"]
        out.append('<rect class="noise" x="%.1f" y="%.1f" width="%.1f" height="%d"/>' %
                   (x(noise["ratio_q1"]), y - 14,
                    max(x(noise["ratio_q3"]) - x(noise["ratio_q1"]), 1.5), 28))
        out.append('<line class="noise-line" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>' %
                   (x(noise["ratio"]), x(noise["ratio"]), y - 14, y + 14))
        out.append('<text class="ink" x="%d" y="%.1f" text-anchor="end">%s</text>' %
                   (LEFT - 14, y + 4.5, escape({c: t for c, _, t in CASES}[case])))
        out.append('<text class="dim" x="%d" y="%.1f" text-anchor="end">%s</text>' %
                   (WIDTH - 16, y + 4.5, span(per[BASE]["median"])))
        for variant, dy in (("chowned", -7), ("auto", 7)):
            v = per[variant]
            out.append('<line class="%s" stroke-width="2" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>' %
                       (variant, x(v["ratio_q1"]), x(v["ratio_q3"]), y + dy, y + dy))
            for end in (v["ratio_q1"], v["ratio_q3"]):
                out.append('<line class="%s" stroke-width="2" x1="%.1f" x2="%.1f" y1="%.1f" '
                           'y2="%.1f"/>' % (variant, x(end), x(end), y + dy - 4, y + dy + 4))
            if variant == "auto":
                out.append('<path class="auto" d="M%.1f %.1f l6 -6 l6 6 l-6 6 z"/>' %
                           (x(v["ratio"]) - 6, y + dy))
            else:
                out.append('<circle class="chowned" cx="%.1f" cy="%.1f" r="5"/>' %
                           (x(v["ratio"]), y + dy))
    notes = ["Medians and quartiles of the ratios of %d rounds, in each of which all take turns." %
             data["rounds"],
             "Linux %s, %d processors, files on %s. exec is %s." %
             (data["kernel"], data["cpus"], data["files"],
              "coffer's" if data["exec"] == "coffer" else "its floor: setns, clone, execve")]
    for i, note in enumerate(notes):
        out.append('<text class="dim" x="16" y="%d" font-size="12">%s</text>' %
                   (height - 30 + 17 * i, escape(note)))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def write_docs(docs, data, found):
    """The plot, and the table between its two marks in the page."""
    write(os.path.join(docs, "userns-cost.svg"), svg(data, found))
    page = os.path.join(docs, "user-namespaces.md")
    with open(page, encoding="utf-8") as f:
        text = f.read()
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise SystemExit("userns: %s has not exactly one place for the table" % page)
    table = BEGIN + "\n" + markdown(data, found) + "\n" + END
    write(page, pattern.sub(lambda _: table, text))
