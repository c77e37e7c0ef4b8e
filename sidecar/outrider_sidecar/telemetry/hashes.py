"""Keyed hashes that stand for users and sessions wherever these are logged."""

import hmac
import os
from functools import lru_cache
from typing import Final, Literal

_BYTES: Final = 8
_REMEMBERED: Final = 1024


class Hasher:
    """HMAC-SHA256, the first 8 bytes in hexadecimal, under `key`.

    Without a `key` a random one is drawn: ids then agree within this process only.
    """

    __slots__ = ("_key", "identity", "lasting")

    def __init__(self, key: bytes | None = None) -> None:
        self.lasting = key is not None
        self._key = os.urandom(32) if key is None else key
        # Requests of one user come in rows, and a keyed hash costs as much as a log line.
        self.identity = lru_cache(maxsize=_REMEMBERED)(self._identity)

    def _identity(self, kind: Literal["user", "session"], namespace: str, value: str) -> str:
        """``u_`` or ``s_`` and 16 digits, the same for the same value in a namespace."""
        text = f"{kind}\x1f{namespace}\x1f{value}".encode("utf-8", "surrogatepass")
        return f"{kind[0]}_{self._digest(text)}"

    def _digest(self, text: bytes) -> str:
        return hmac.digest(self._key, text, "sha256")[:_BYTES].hex()
