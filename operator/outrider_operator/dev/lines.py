"""What local mode prints for people: a line per request, a line per edit."""

import time
from collections.abc import Iterator

from outrider_operator.compiler.changes import what_changed
from outrider_operator.compiler.goals import percent
from outrider_operator.compiler.ranges import moved
from outrider_sidecar.snapshot import Prompt, Snapshot
from outrider_sidecar.telemetry.record import Record


def request_line(record: Record, now: float | None = None) -> str:
    """A finished request, such as ``12:01:07 support/default support-answer-v8 sonnet ok 842ms
    ttft=190ms 450>120tok``; what does not apply is left out."""
    parts = [time.strftime("%H:%M:%S", time.localtime(now))]
    parts.append(f"{record.route or '-'}/{record.rule or record.dialect or '-'}")
    parts += [name for name in (record.version, record.backend) if name]
    parts.append(record.cls if record.error is None else f"{record.cls} {record.error}")
    parts.append(f"{record.latency_ms:.0f}ms")
    if record.ttft_ms:
        parts.append(f"ttft={record.ttft_ms:.0f}ms")
    if record.input_tokens or record.output_tokens:
        parts.append(f"{record.input_tokens}>{record.output_tokens}tok")
    if record.attempts and "," in record.attempts:
        parts.append(f"attempts={record.attempts}")
    if record.limit:
        parts.append(f"limit={record.limit}")
    return " ".join(parts)


def edit_line(before: Snapshot | None, after: Snapshot, took_ms: float) -> str:
    """An edit that is live, such as ``generation 1795219201 live in 38 ms: support-answer-v8
    5% -> 20%, 15% of users move``."""
    changes = "; ".join(_changes(before, after)) if before else _count(after)
    return f"generation {after.generation} live in {took_ms:.0f} ms: {changes}"


def _count(snapshot: Snapshot) -> str:
    numbers = (
        (len(snapshot.routes), "route"),
        (len(snapshot.prompts), "prompt"),
        (len(snapshot.limits), "limit"),
    )
    return ", ".join(f"{number} {noun}{'' if number == 1 else 's'}" for number, noun in numbers)


def _changes(before: Snapshot, after: Snapshot) -> Iterator[str]:
    found = False
    for text in (*_prompts(before, after), *what_changed(before, after)):
        found = True
        yield text
    if not found:
        yield "nothing that requests notice"


def _prompts(before: Snapshot, after: Snapshot) -> Iterator[str]:
    for name, prompt in sorted(after.prompts.items()):
        earlier = before.prompts.get(name)
        if earlier is not None and earlier.ranges != prompt.ranges:
            part = percent(moved(earlier.ranges, prompt.ranges))
            yield f"{_shares(earlier, prompt)}, {part} of users move"


def _shares(before: Prompt, after: Prompt) -> str:
    """Versions whose share changed; of two arms the one beside the stable one tells it all."""
    was = {name: version.share for name, version in before.versions.items()}
    now = {name: version.share for name, version in after.versions.items()}
    changed = sorted(
        (name for name in was.keys() | now.keys() if was.get(name, 0) != now.get(name, 0)),
        key=lambda name: (now.get(name, 0), name),
    )
    if len(changed) == 2:
        changed = [name for name in changed if name != before.stable] or changed
    return ", ".join(
        f"{name} {percent(was.get(name, 0))} -> {percent(now.get(name, 0))}" for name in changed
    )
