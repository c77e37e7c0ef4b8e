"""Snapshots as files: `snapshot.json` or `snapshot.json.gz` in a directory."""

import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from outrider_sidecar.snapshot import Snapshot, SnapshotError, decode

PLAIN: Final = "snapshot.json"
ZIPPED: Final = "snapshot.json.gz"
LARGEST: Final = 64 * 1024 * 1024

_GZIP: Final = 16 + zlib.MAX_WBITS

# Per file its inode, time and size, None where there is none: equal marks, equal content.
Mark = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class Found:
    """What one file held: its bytes' digest, and the snapshot (with its plain bytes) or why
    there is none."""

    digest: str
    data: bytes = b""
    snapshot: Snapshot | None = None
    problem: str = ""


def mark(directory: Path) -> Mark:
    """What changes when a snapshot in `directory` does, be it a `..data` swap or a write."""
    return tuple(_stat(directory / name) for name in (PLAIN, ZIPPED))


def read(directory: Path) -> tuple[Found, ...]:
    """Every snapshot file in `directory`, read and checked; a missing one is left out."""
    found = (_read(directory / name, zipped=name == ZIPPED) for name in (PLAIN, ZIPPED))
    return tuple(one for one in found if one is not None)


def write(directory: Path, data: bytes) -> None:
    """Replace `directory`/snapshot.json by `data`: whole or not at all, even through a crash.

    Raises OSError; nothing half-written stays behind.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    target, part = directory / PLAIN, directory / f".{PLAIN}.part"
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
        _sync(directory)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _read(path: Path, *, zipped: bool) -> Found | None:
    try:
        with open(path, "rb") as file:
            raw = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Found(f"unreadable: {error.strerror}", problem=f"{path.name}: {error.strerror}")
    digest = "sha256:" + hashlib.sha256(raw).hexdigest()
    try:
        data = _bounded(_unzip(raw) if zipped else raw)
        return Found(digest, data, decode(data))
    except SnapshotError as error:
        return Found(digest, problem=f"{path.name}: {error}")


def _unzip(raw: bytes) -> bytes:
    unzip = zlib.decompressobj(_GZIP)
    try:
        data = unzip.decompress(raw, LARGEST + 1)
    except zlib.error as error:
        raise SnapshotError(f"not gzip: {error}") from error
    if len(data) <= LARGEST and not unzip.eof:
        raise SnapshotError("the gzip data is cut short")
    return data


def _bounded(data: bytes) -> bytes:
    if len(data) > LARGEST:
        raise SnapshotError(f"larger than {LARGEST} bytes")
    return data


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _sync(directory: Path) -> None:
    """Make a rename in `directory` last."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
