"""Which version a key is dealt.

The bucket of a key is a pure function of the prompt's salt, so two prompts deal the same user
independently, and every sidecar, language and tool agrees on it. Test vectors: docs/split.md.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence

from outrider_sidecar.snapshot import BUCKETS

SEPARATOR = b"\x1f"


def bucket_of(salt: str, key: str) -> int:
    """The bucket, 0 to 9,999, of a sticky key under a prompt's salt (``namespace/promptName``).

    ``(first 8 bytes of SHA-256(salt 0x1f key) as a big-endian integer * 10,000) >> 64``: integers
    only, so that no language rounds differently.
    """
    digest = hashlib.sha256(salt.encode() + SEPARATOR + key.encode()).digest()
    return int.from_bytes(digest[:8], "big") * BUCKETS >> 64


class Split:
    """The buckets of one prompt and who owns them."""

    __slots__ = ("_lasts", "_names", "salt")

    def __init__(self, salt: str, ranges: Sequence[tuple[int, int, str]]) -> None:
        self.salt = salt
        self._lasts = [last for _, last, _ in ranges]
        self._names = [name for _, _, name in ranges]

    def __bool__(self) -> bool:
        return bool(self._names)

    def owner(self, bucket: int) -> str:
        """The version that owns a bucket; raises IndexError when nothing is served."""
        return self._names[bisect_left(self._lasts, bucket)]
