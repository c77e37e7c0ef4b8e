"""What a client may take of the shell: sizes in bytes, times in seconds."""

from typing import Final

import msgspec

KIB: Final = 1024
MIB: Final = 1024 * KIB


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of the incoming side; the values here are the documented defaults.

    A body must come at ``body_rate`` bytes a second once ``body_seconds`` of waiting for it are
    used up. ``linger_seconds`` is how long a connection that gets a last answer is still read,
    so that the answer is not lost to a reset.
    """

    body_bytes: int = 32 * MIB
    header_bytes: int = 32 * KIB
    header_fields: int = 128
    frame_bytes: int = 16 * MIB
    peek_bytes: int = 64 * KIB
    head_seconds: float = 10.0
    body_seconds: float = 10.0
    body_rate: int = KIB
    keep_alive_seconds: float = 90.0
    linger_seconds: float = 2.0
    hops: int = 3
