"""Gateway API durations, such as ``1m30s``, and milliseconds.

The format is GEP-2257's: one to four numbers of at most five digits, each with one of the units
h, m, s and ms.
"""

import re
from typing import Final

_UNITS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_DURATION: Final = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}", re.ASCII)
_PART: Final = re.compile(r"([0-9]+)(ms|h|m|s)", re.ASCII)


def milliseconds(duration: str) -> int:
    """The milliseconds in `duration`; raises ValueError, saying what to write, for another text."""
    if not _DURATION.fullmatch(duration):
        raise ValueError(f"{duration!r} is not a duration: write 300ms, 2s, 5m or 1h30m")
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(duration))


def spelled(total: int) -> str:
    """The shortest duration of `total` milliseconds; 0 is ``0s``.

    Raises ValueError for what the format cannot hold: negative, or more than 99,999 hours.
    """
    hours, rest = divmod(total, _UNITS["h"])
    if not 0 <= hours <= 99_999:
        raise ValueError(f"{total} ms is no duration: write one from 0s to 99999h")
    minutes, rest = divmod(rest, _UNITS["m"])
    seconds, millis = divmod(rest, _UNITS["s"])
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"), (millis, "ms"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
