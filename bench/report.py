"""All benchmarks in one run: make bench, or python bench/report.py [PART ...] [--small]

Runs each part in a process of its own, one after the other, and writes what they found with a description of the
machine into docs/performance.json and, as tables, into docs/performance.md below its mark. Takes about half an hour;
other work on the machine spoils it, so each part gives ratios to what it measured in the same run.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE, FIGURES = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.json"
MARK = "<!-- Below this line, make bench writes. -->\n"
PACKAGES = ("tensorflow", "keras", "numpy", "django", "pillow", "openvino", "onnxruntime")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")


def parts(small: bool) -> dict[str, tuple[str, list[str]]]:
    """Return title and command of each part by its name."""
    galaxies, seconds = ("300", "5") if small else ("10000", "20")
    million = 20_000 if small else 1_000_000
    tenth = str(million // 10)
    return {
        "networks": ("Networks and engines", ["forward.py"]),
        "site": ("The site", ["load.py", "--galaxies", galaxies, "--seconds", seconds]),
        "hosts": ("Two hosts", ["hosts.py"]),
        "sets": ("Sets", ["sets.py", "200" if small else "2000"]),
        "sets-tenth": ("Sets, a tenth", ["sets.py", "64" if small else "200"]),
        "people": (f"Pages at {million:,} galaxies and votes, SQLite", ["people.py", str(million)]),
        "people-tenth": (f"Pages at {million // 10:,} galaxies and votes, SQLite", ["people.py", tenth]),
        "people-postgres": (
            f"Pages at {million:,} galaxies and votes, PostgreSQL",
            ["people.py", str(million), "--postgres"],
        ),
        "staff": (f"Staff's pages at {million:,} galaxies and votes, SQLite", ["dashboard.py", str(million)]),
        "staff-postgres": (
            f"Staff's pages at {million:,} galaxies and votes, PostgreSQL",
            ["dashboard.py", str(million), "--postgres"],
        ),
        "gallery": (f"The gallery by model and family at {million:,} galaxies, SQLite", ["gallery.py", str(million)]),
        "search": (f"The gallery's search at {million:,} measured galaxies, SQLite", ["search.py", str(million)]),
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on besides the code."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    told = {key.strip(): value.strip() for key, _colon, value in (line.partition(":") for line in lines)}
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": told.get("model name", platform.processor()),
        "instructions": [flag for flag in FLAGS if flag in told.get("flags", "").split()],
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "commit": _commit(),
        "when": datetime.now(UTC).isoformat(timespec="minutes"),
        "load_before": round(os.getloadavg()[0], 1),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return told.stdout.strip()


def run(title: str, command: list[str]) -> dict[str, Any]:
    """Run a part. Returns: its figures, and how it ended."""
    print(f"\n{title}", flush=True)
    with tempfile.NamedTemporaryFile("r") as file:
        environment = os.environ | {"NEBULAI_BENCH_FIGURES": file.name, "TF_CPP_MIN_LOG_LEVEL": "2"}
        began, load = time.monotonic(), os.getloadavg()[0]
        script = [sys.executable, str(ROOT / "bench" / command[0]), *command[1:]]
        done = subprocess.run(script, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)  # noqa: S603
        found = [json.loads(line) for line in file]
    said = (done.stderr.strip().splitlines() or [""])[-1] if done.returncode else ""
    if said:
        print(said, flush=True)
    told = " ".join(["python", f"bench/{command[0]}", *command[1:]])
    seconds = round(time.monotonic() - began)
    return {"title": title, "command": told, "seconds": seconds, "load": round(load, 1), "said": said, "figures": found}


def as_table(part: dict[str, Any]) -> str:
    """Return a part as Markdown."""
    how = f"`{part['command']}`, {part['seconds']} s, load before it {part['load']}."
    lines = [f"### {part['title']}", "", how, ""]
    if part["figures"]:
        lines += ["| What | | |", "|---|---:|---|"]
    for each in part["figures"]:
        value = f"{each['value']:,.1f}" if abs(each["value"]) < 100 else f"{each['value']:,.0f}"
        lines.append(f"| {each['what'].replace('|', '/')} | {value} {each['unit']} | {each['note']} |")
    if part["said"]:
        lines += ["", f"It ended with: {part['said']}"]
    return "\n".join(lines) + "\n"


def page(about: dict[str, Any], found: list[dict[str, Any]]) -> str:
    """Return what stands below the mark."""
    packages = ", ".join(f"{name} {number}" for name, number in about["packages"].items())
    where = (
        f"Measured {about['when']} at {about['commit']} on {about['processor']} ({', '.join(about['instructions'])}), "
        f"{about['cores']} cores, {about['memory_gib']} GiB, {about['system']}, Python {about['python']}, {packages}; "
        f"load {about['load_before']} when it began.\n"
    )
    return "\n".join([where, *(as_table(part) for part in found)])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", nargs="*", metavar="PART", help=f"some alone: {', '.join(parts(False))}")
    parser.add_argument("--small", action="store_true", help="with few galaxies, printed only: to try the scripts")
    asked = parser.parse_args()
    if unknown := set(asked.part) - set(parts(False)):
        parser.error(f"There is no part {min(unknown)}.")
    all_parts, about = parts(asked.small), machine()
    known = json.loads(FIGURES.read_text())["parts"] if asked.part and FIGURES.exists() else {}
    for name in asked.part or all_parts:
        known[name] = run(*all_parts[name])
    if asked.small:
        return
    ordered = {name: known[name] for name in all_parts if name in known}
    FIGURES.write_text(json.dumps({"machine": about, "parts": ordered}, indent=1, ensure_ascii=False) + "\n")
    above = PAGE.read_text().partition(MARK)[0]
    PAGE.write_text(above + MARK + "\n" + page(about, list(ordered.values())))


if __name__ == "__main__":
    main()
