"""Processes under measurement: pinned to a core, with their CPU time and memory from the kernel."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PROXY_CORE = max(os.sched_getaffinity(0))
LOAD_CORE = min(os.sched_getaffinity(0))
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """A started program that printed its port."""

    popen: subprocess.Popen[bytes]
    port: int
    started_s: float

    def cpu_seconds(self) -> float:
        """User and system time so far, to the nanosecond where the kernel has schedstat."""
        total = 0
        for task in Path(f"/proc/{self.popen.pid}/task").iterdir():
            stat = task / "schedstat"
            if not stat.exists():
                fields = Path(f"/proc/{self.popen.pid}/stat").read_text().rsplit(")", 1)[1].split()
                return (int(fields[11]) + int(fields[12])) / TICKS
            total += int(stat.read_text().split()[0])
        return total / 1e9

    def rss_mib(self) -> float:
        """Resident memory now."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self) -> None:
        """End it and wait for it."""
        self.popen.terminate()
        self.popen.wait(timeout=30)


def spawn(
    *arguments: str, core: int, stdout: IO[bytes] | int, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start ``python -m ...`` on one core."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=stdout,
        env=os.environ | (env or {}),
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )


def start(*arguments: str, core: int) -> Process:
    """Start ``python -m ...`` on one core; returns once it has printed its port."""
    began = time.perf_counter()
    popen = spawn(*arguments, core=core, stdout=subprocess.PIPE)
    assert popen.stdout is not None
    line = popen.stdout.readline()
    if not line.strip().isdigit():
        popen.kill()
        raise RuntimeError(f"{' '.join(arguments)} printed {line!r} instead of its port")
    return Process(popen, int(line), time.perf_counter() - began)
