# SPDX-License-Identifier: LGPL-2.1-or-later
"""Statistics, tables and plots of the benchmark. Pure computation and text."""

import statistics

COLOURS = {"floor": "#8a8f98", "coffer": "#1f77b4", "crun": "#ff7f0e", "runc": "#2ca02c"}

# (case, yardstick: its own case of that name, or a candidate's same case; most)
TARGETS = [
    ("run", "floor", 1.4), ("create", "floor", 1.4), ("start", "floor", 1.5), ("state", "floor", 1.5),
    ("delete", "floor", 1.5), ("delete-force", "floor", 1.5),
    ("run-seccomp-warm", "run", 1.15), ("run-seccomp-cold", "run", 1.3),
    ("run-userns", "run", 1.1),
    ("exec", "floor", 1.8), ("exec", "crun", 0.25), ("exec", "runc", 0.1),
]


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def ratio(samples, case, name, other, other_case=None):
    """Median of the ratios taken round by round, or None."""
    mine = samples.get(case, {}).get(name, {})
    theirs = samples.get(other_case or case, {}).get(other, {})
    values = [mine[r]["wall_ms"] / theirs[r]["wall_ms"] for r in mine if r in theirs]
    return statistics.median(values) if values else None


def summary(samples, names):
    """[{case, name, min, q1, median, q3, cpu, ratios}] in a fixed order."""
    rows = []
    for case, per_name in samples.items():
        for name in names:
            rounds = per_name.get(name)
            if not rounds:
                continue
            wall = [s["wall_ms"] for s in rounds.values()]
            cpu = [s["cpu_ms"] for s in rounds.values()]
            low, middle, high = quartiles(wall)
            rows.append({
                "case": case, "name": name, "rounds": len(wall), "min": min(wall), "q1": low,
                "median": middle, "q3": high, "cpu": statistics.median(cpu),
                "ratios": {o: ratio(samples, case, name, o) for o in names if o != name},
            })
    return rows


def table(rows, names):
    others = [n for n in ("floor", "crun", "runc") if n in names]
    head = "%-22s %-7s %8s %8s %8s %8s %8s" % ("case", "", "min", "q1", "median", "q3", "cpu")
    lines = [head + "".join("%9s" % ("/" + o) for o in others)]
    last = None
    for row in rows:
        if last and row["case"] != last:
            lines.append("")
        label = row["case"] if row["case"] != last else ""
        last = row["case"]
        text = "%-22s %-7s %8.3f %8.3f %8.3f %8.3f %8.3f" % (
            label, row["name"], row["min"], row["q1"], row["median"], row["q3"], row["cpu"])
        for other in others:
            value = row["ratios"].get(other)
            text += "%9s" % ("%.2f" % value if value else "-")
        lines.append(text)
    lines.append("(milliseconds; ratios are medians of the ratios of each round)")
    return "\n".join(lines)


def targets(samples, name):
    """The target table of one candidate; informational."""
    lines = ["%-22s %-24s %8s %8s  %s" % ("target of " + name, "against", "most", "is", "")]
    for case, base, most in TARGETS:
        if base in COLOURS:
            value = ratio(samples, case, name, base)
            against = base + " " + case
        else:
            value = ratio(samples, case, name, name, base)
            against = "its own " + base
        if value is None:
            continue
        lines.append("%-22s %-24s %8.2f %8.2f  %s" % (case, against, most, value,
                                                      "pass" if value <= most else "FAIL"))
    return "\n".join(lines)


def ascii_plot(rows, width=50):
    """Bars of the medians, one scale for each case."""
    lines = []
    by_case = {}
    for row in rows:
        by_case.setdefault(row["case"], []).append(row)
    for case, group in by_case.items():
        lines.append(case)
        most = max(r["q3"] for r in group)
        for r in group:
            bar = int(round(r["median"] / most * width))
            low = int(round(r["q1"] / most * width))
            high = int(round(r["q3"] / most * width))
            cells = ["#" if i < bar else " " for i in range(width + 1)]
            for i in range(low, high + 1):
                cells[i] = "=" if i < bar else "-"
            lines.append("  %-7s |%s| %.2f ms" % (r["name"], "".join(cells), r["median"]))
    return "\n".join(lines)


def svg_plot(rows, names, title):
    """A bar chart: one group for each case, whiskers from quartile to quartile."""
    cases = []
    for row in rows:
        if row["case"] not in cases:
            cases.append(row["case"])
    bar, gap, panel = 18, 6, 190
    columns = 3
    width = columns * (len(names) * (bar + gap) + 110)
    cell = width // columns
    height = 60 + ((len(cases) + columns - 1) // columns) * (panel + 50)
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'font-family="sans-serif" font-size="11">' % (width, height),
           '<rect width="100%" height="100%" fill="white"/>',
           '<text x="10" y="20" font-size="14">%s</text>' % title]
    for i, name in enumerate(names):
        x = 10 + i * 90
        out.append('<rect x="%d" y="30" width="12" height="12" fill="%s"/>' %
                   (x, COLOURS.get(name, "#999")))
        out.append('<text x="%d" y="40">%s</text>' % (x + 17, name))
    for index, case in enumerate(cases):
        group = [r for r in rows if r["case"] == case]
        left = (index % columns) * cell + 45
        top = 70 + (index // columns) * (panel + 50)
        most = max(r["q3"] for r in group) * 1.1

        def y(value, base=top, scale=most):
            return base + panel - value / scale * panel

        out.append('<text x="%d" y="%d" font-weight="bold">%s (ms)</text>' %
                   (left, top - 6, case))
        for part in range(5):
            value = most * part / 4
            out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>' %
                       (left, left + cell - 65, y(value), y(value)))
            out.append('<text x="%d" y="%.1f" text-anchor="end" fill="#666">%.3g</text>' %
                       (left - 4, y(value) + 4, value))
        for r in group:
            x = left + 8 + names.index(r["name"]) * (bar + gap)
            out.append('<rect x="%d" y="%.1f" width="%d" height="%.1f" fill="%s"/>' %
                       (x, y(r["median"]), bar, top + panel - y(r["median"]),
                        COLOURS.get(r["name"], "#999")))
            out.append('<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="black"/>' %
                       (x + bar / 2, x + bar / 2, y(r["q1"]), y(r["q3"])))
    out.append("</svg>")
    return "\n".join(out) + "\n"


def counter_table(counters):
    keys = ["syscalls", "state_syscalls", "start_syscalls", "exec_syscalls", "delete_syscalls", "processes",
            "threads", "images", "minflt", "switches", "maxrss_kb", "init_rss_kb", "init_pss_kb",
            "longest_ms"]
    names = list(counters)
    lines = ["%-16s" % "counter of run" + "".join("%16s" % n for n in names)]
    for key in keys:
        cells = []
        for n in names:
            value = counters[n].get(key)
            value = "-" if value is None else value
            cells.append("%16s" % ("%.2f" % value if isinstance(value, float) else value))
        lines.append("%-16s" % key + "".join(cells))
    for n in names:
        for key, what in (("slow", "calls over 2 ms"), ("sleeps", "sleeps"),
                          ("mountinfo", "mount table reads")):
            if counters[n].get(key):
                found = counters[n][key]
                lines.append("%s: %s (%d): %s" % (n, what, len(found), "; ".join(found[:4])))
    return "\n".join(lines)
