"""Finished requests for tests of what is told about them."""

from typing import Any

from outrider_sidecar.telemetry.record import Record

REQUEST_ID = "or_01JD4QK9Z6W8T2M5R7Y0B3C1XA"


def record(latency: float = 0.25, **fields: Any) -> Record:
    """A request that took `latency` seconds; by default a good Chat answer of route support."""
    made = Record(REQUEST_ID, began=100.0)
    made.duration = latency
    defaults: dict[str, Any] = {
        "route": "support",
        "backend": "main",
        "model": "m",
        "dialect": "chat",
        "status": 200,
    }
    for name, value in (defaults | fields).items():
        setattr(made, name, value)
    return made
