"""``make bench``: measure, print, and write the table of docs/benchmarks.md.

Proxies take turns on one core while load and provider share the other; every figure that matters
is a ratio of medians inside one run. ``--quick`` measures less and writes nothing, ``--only``
measures one section of the page.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.process import LOAD_CORE, PROXY_CORE, Process, start
from bench.sidecar import start_sidecar, write_config

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
SECTIONS = ("figures", "publications")
KINDS = ("1KiB", "10KiB", "stream")
TITLES = {
    "1KiB": "non-stream, 1 KiB",
    "10KiB": "non-stream, 10 KiB",
    "stream": "stream, 50 events",
}


@dataclass(frozen=True)
class Round:
    """One proxy under one load: CPU per request, and latency with one request at a time."""

    cpu_us: float
    p50_ms: float
    first_p50_ms: float


def load(port: int, kind: str, connections: int, seconds: float) -> dict[str, float]:
    """Run the load generator in a process of its own, on the load's core."""
    done = subprocess.run(
        [
            *("taskset", "-c", str(LOAD_CORE), sys.executable, "-m", "bench.load"),
            *(str(port), kind, str(connections), str(seconds)),
        ],
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    if figures["failed"]:
        raise RuntimeError(f"{figures['failed']:.0f} failed requests under {kind} load")
    return figures


def measure(proxy: Process, kind: str, seconds: float) -> Round:
    """CPU per request with 16 connections, then latency with one."""
    before = proxy.cpu_seconds()
    busy = load(proxy.port, kind, 16, seconds)
    cpu = proxy.cpu_seconds() - before
    alone = load(proxy.port, kind, 1, seconds / 2)
    return Round(cpu / busy["requests"] * 1e6, alone["p50_ms"], alone["first_p50_ms"])


def compare(
    proxies: dict[str, Process], kind: str, rounds: int, seconds: float
) -> dict[str, list[Round]]:
    """What each proxy did in each of the rounds, in which they take turns."""
    seen: dict[str, list[Round]] = {name: [] for name in proxies}
    for number in range(rounds):
        order = list(proxies) if number % 2 else list(reversed(proxies))
        for name in order:
            seen[name].append(measure(proxies[name], kind, seconds))
        print(f"  {kind}: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return seen


def cpu_us(rounds: list[Round]) -> float:
    """The median CPU time of a request, in microseconds."""
    return statistics.median(one.cpu_us for one in rounds)


def times(rounds: list[Round], base: list[Round]) -> float:
    """CPU of `base` over CPU of `rounds`: the median over rounds, so that what slows the
    machine for a while slows both sides of a ratio."""
    return statistics.median(
        theirs.cpu_us / ours.cpu_us for ours, theirs in zip(rounds, base, strict=True)
    )


def against_bare(rounds: int, seconds: float, here: Path, upstream: Process) -> Iterator[str]:
    """Rows of the sidecar beside the bare pass-through."""
    with ExitStack() as stack:
        write_config(here, upstream.port)
        bare = start("bench.bare", f"http://127.0.0.1:{upstream.port}", core=PROXY_CORE)
        stack.callback(bare.stop)
        sidecar = start_sidecar(here, PROXY_CORE)
        stack.callback(sidecar.stop)
        idle = sidecar.rss_mib()
        yield "| what | bare | sidecar | figure | to reach |"
        yield "|---|---|---|---|---|"
        yield f"| idle memory, RSS | | {idle:.1f} MiB | **{idle:.1f} MiB** | <= 64 MiB |"
        starts = [sidecar.started_s]
        for _ in range(2):
            again = start_sidecar(here, PROXY_CORE)
            starts.append(again.started_s)
            again.stop()
        began = statistics.median(starts)
        yield f"| start to ready | | {began:.2f} s | **{began:.2f} s** | <= 1 s |"
        wanted = {"1KiB": ">= 0.80", "10KiB": "", "stream": ">= 0.85"}
        for kind in KINDS:
            seen = compare({"bare": bare, "sidecar": sidecar}, kind, rounds, seconds)
            theirs, ours = seen["bare"], seen["sidecar"]
            title = TITLES[kind]
            yield (
                f"| {title}: CPU per request | {cpu_us(theirs):.0f} us | {cpu_us(ours):.0f} us "
                f"| **{times(ours, theirs):.2f}** of bare | {wanted[kind]} |"
            )
            direct = [load(upstream.port, kind, 1, seconds / 2) for _ in range(3)]
            if kind == "stream":
                what, field, limit = "time to first content event", "first_p50_ms", "<= 1 ms"
            else:
                what, field, limit = "latency", "p50_ms", "<= 0.6 ms" if kind == "1KiB" else ""
            base = statistics.median(one[field] for one in direct)
            added = [
                statistics.median(getattr(one, field) for one in side) - base
                for side in (theirs, ours)
            ]
            yield (
                f"| {title}: added {what}, p50 | {added[0]:.2f} ms | {added[1]:.2f} ms "
                f"| **{added[1]:.2f} ms** | {limit} |"
            )


def growth(rounds: int, seconds: float, here: Path, upstream: Process) -> Iterator[str]:
    """Rows of the sidecar with many routes, and with many versions, beside itself with few."""
    with ExitStack() as stack:
        proxies = {}
        sizes = {"small": (1, 2), "routes": (1_000, 2), "versions": (1, 10_000)}
        for name, (routes, versions) in sizes.items():
            directory = here / name / "config"
            directory.mkdir(parents=True)
            write_config(directory, upstream.port, routes=routes, versions=versions)
            proxies[name] = start_sidecar(directory, PROXY_CORE)
            stack.callback(proxies[name].stop)
        idle = {name: proxy.rss_mib() for name, proxy in proxies.items()}
        seen = compare(proxies, "1KiB", rounds, seconds)
        yield "| growth | CPU per request | of one route | idle memory | more for each | to reach |"
        yield "|---|---|---|---|---|---|"
        least, held = cpu_us(seen["small"]), idle["small"]
        yield f"| 1 route, 2 versions | {least:.0f} us | 1 | {held:.1f} MiB | | |"
        for name, title, more in (
            ("routes", "1,000 routes", 999),
            ("versions", "10,000 versions", 9_998),
        ):
            ratio = 1 / times(seen[name], seen["small"])
            each = (idle[name] - held) * 1024 / more
            yield (
                f"| {title} | {cpu_us(seen[name]):.0f} us | **{ratio:.2f}** "
                f"| {idle[name]:.1f} MiB | {each:.1f} KiB | flat |"
            )


def main() -> int:
    """Measure and write; exit 0 also where a figure is missed: the table says so."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few short rounds, nothing written")
    parser.add_argument("--only", choices=SECTIONS, help="one section of the page")
    options = parser.parse_args()
    sections = (options.only,) if options.only else SECTIONS
    if "figures" in sections:
        if PROXY_CORE == LOAD_CORE:
            print("bench needs two cores: one for the proxy, one for the load", file=sys.stderr)
            return 2
        rounds, seconds = (1, 1.0) if options.quick else (9, 1.5)
        lines = list(told(figures(rounds, seconds)))
        if not options.quick:
            write("figures", f"medians of {rounds} rounds of {seconds:g} s", lines)
    if "publications" in sections:
        count = 10 if options.quick else 100
        try:
            lines = list(told(publications(count)))
        except subprocess.CalledProcessError as error:
            print(f"publications were not measured: {error}, see above", file=sys.stderr)
            return 1
        if not options.quick:
            write("publications", f"{count} edits", lines)
    return 0


def figures(rounds: int, seconds: float) -> Iterator[str]:
    """Rows about the sidecar."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        here = Path(directory) / "config"
        here.mkdir()
        upstream = start("bench.upstream", core=LOAD_CORE)
        stack.callback(upstream.stop)
        yield from against_bare(rounds, seconds, here, upstream)
        yield ""
        yield from growth(rounds // 2 + 1, seconds, Path(directory), upstream)


def publications(count: int) -> Iterator[str]:
    """Rows about the controller; its API server and kubectl are those of the tests."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.publications", str(count)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests")},
    )
    yield from done.stdout.splitlines()


def told(lines: Iterable[str]) -> Iterator[str]:
    """The lines, each printed as it comes."""
    for line in lines:
        print(line, flush=True)
        yield line


def write(section: str, how: str, lines: list[str]) -> None:
    """Put the lines between the section's markers on the page."""
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    machine = (
        f"{datetime.now(UTC):%Y-%m-%d}, CPython {platform.python_version()}, "
        f"Linux {platform.release().split('-')[0]}, {os.cpu_count()} cores; {how}."
    )
    head, rest = PAGE.read_text().split(begin, 1)
    tail = rest.split(end, 1)[1]
    PAGE.write_text(f"{head}{begin}\n{machine}\n\n" + "\n".join(lines) + f"\n{end}{tail}")


if __name__ == "__main__":
    sys.exit(main())
