"""How a snapshot lies in a ConfigMap: plain JSON while it is small, else gzip."""

import gzip
import io
import zlib
from typing import Final

from outrider_sidecar.snapshot import Snapshot, SnapshotError, decode, encode

JSON_KEY: Final = "snapshot.json"
GZIP_KEY: Final = "snapshot.json.gz"
JSON_BYTES: Final = 256 * 1024  # above it the bytes are compressed
STORED_BYTES: Final = 900 * 1024  # of the 1 MiB that a ConfigMap holds
PLAIN_BYTES: Final = 64 * 1024 * 1024  # more is not unpacked, neither here nor by a sidecar
_OVERHEAD: Final = 1024  # what deflate may add to 900 KiB that it cannot compress


def stored(snapshot: Snapshot) -> tuple[str, bytes]:
    """The ConfigMap's key and bytes for a snapshot; equal snapshots give equal bytes."""
    data = encode(snapshot)
    if len(data) <= JSON_BYTES:
        return JSON_KEY, data
    return GZIP_KEY, _packed(data)


def fits(snapshot: Snapshot) -> bool:
    """Whether a ConfigMap has room for the snapshot, and readers take it."""
    data = encode(snapshot)
    if len(data) <= STORED_BYTES - _OVERHEAD:
        return True
    return len(data) <= PLAIN_BYTES and len(_packed(data)) <= STORED_BYTES


def unstored(key: str, data: bytes) -> Snapshot:
    """The snapshot that `stored` gave; raises `SnapshotError` when it is none."""
    if key == GZIP_KEY:
        data = _unpacked(data)
    return decode(data)


def _packed(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=6, mtime=0)


def _unpacked(data: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            plain = file.read(PLAIN_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SnapshotError(f"not gzip: {error}") from error
    if len(plain) > PLAIN_BYTES:
        raise SnapshotError(f"unpacks to more than {PLAIN_BYTES} bytes")
    return plain
