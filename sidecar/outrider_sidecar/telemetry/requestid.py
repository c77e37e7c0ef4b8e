"""Request ids: `or_` and 26 characters shaped like a ULID, opaque to callers."""

import os
import time
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS: Final = tuple(range(120, -10, -10))


def new_id() -> str:
    """A fresh id that sorts by time: 48 bits of unix milliseconds, 80 random bits, in base 32."""
    number = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(10), "big")
    pairs = _PAIRS
    return "or_" + "".join([pairs[number >> shift & 1023] for shift in _SHIFTS])
