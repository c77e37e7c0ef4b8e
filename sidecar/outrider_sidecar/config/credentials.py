"""Provider keys as files of mounted Secrets: `<directory>/<secret>/<key>`.

A key's value leaves this module only through `key`; it stands in no message, log or repr.
Rotation is a file change: each read looks at the file's inode and time, not at its content.
"""

import logging
import os
import re
import stat
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from outrider_sidecar.snapshot import SecretKey

LARGEST_FILE: Final = 64 * 1024

_SAFE_NAME: Final = re.compile(r"(?!\.\.|\.$)[A-Za-z0-9._-]{1,253}", re.ASCII)
_HEADER_TEXT: Final = re.compile(r"[\x20-\x7e]+", re.ASCII)

_KEYLESS: Final = "; backends that need it have no key"

logger = logging.getLogger(__name__)


class Credentials(Protocol):
    """Where provider keys come from."""

    def key(self, ref: SecretKey) -> str | None:
        """The key's present value, or None when there is none that can be used."""

    def hosts(self, ref: SecretKey) -> frozenset[str]:
        """Hosts beside its provider's own that the key's owner lets it go to, in lower case."""


class _Cached(NamedTuple):
    """One entry as it was read last.

    ``stamp`` is the file's inode, time and size, which change when the file, or the directory
    that `..data` names, is replaced. ``key`` is the content as a key, None when it is none.
    """

    path: str
    stamp: tuple[int, int, int]
    content: bytes | None
    key: str | None


class FileCredentials:
    """Keys under `directory`; without a directory there are none.

    A name that is no plain Secret or entry name (so that it could climb out of the
    directory), a file above 64 KiB and a value that is no header text give no key and one
    warning, which names the file.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._cache: dict[tuple[str, str], _Cached] = {}
        self._warned: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"FileCredentials({str(self._directory)!r})"

    def key(self, ref: SecretKey) -> str | None:
        """The file's text with the newline at its end cut; None when absent or unusable."""
        cached = self._read(ref.name, ref.key)
        if cached is None or cached.content is None:
            return None
        if cached.key is None:
            self._warn(ref.name, ref.key, f"is empty or holds what no header may hold{_KEYLESS}")
        elif self._warned:
            self._warned.pop(f"{ref.name}/{ref.key}", None)
        return cached.key

    def hosts(self, ref: SecretKey) -> frozenset[str]:
        """The hosts in the entry `<key>.hosts`: a comma list of names without ports."""
        cached = self._read(ref.name, f"{ref.key}.hosts")
        if cached is None or cached.content is None:
            return frozenset()
        text = cached.content.decode("utf-8", "replace")
        if not text.isascii():
            self._warn(
                ref.name,
                f"{ref.key}.hosts",
                "holds a name that is not ASCII; it allows nothing until it is written as xn--...",
            )
        elif self._warned:
            self._warned.pop(f"{ref.name}/{ref.key}.hosts", None)
        return hosts_in(text)

    def _read(self, secret: str, entry: str) -> _Cached | None:
        name = (secret, entry)
        cached = self._cache.get(name)
        path = self._path(secret, entry) if cached is None else cached.path
        if path is None:
            return None
        try:
            found = os.stat(path)
        except OSError:
            self._cache.pop(name, None)
            return None
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if cached is None or cached.stamp != stamp:
            content = self._load(secret, entry, path, found)
            key = None if content is None else key_in(content)
            cached = self._cache[name] = _Cached(path, stamp, content, key)
        return cached

    def _path(self, secret: str, entry: str) -> str | None:
        if self._directory is None:
            return None
        if not (_SAFE_NAME.fullmatch(secret) and _SAFE_NAME.fullmatch(entry)):
            self._warn(secret, entry, f"is no name that a Secret or its entry can have{_KEYLESS}")
            return None
        return os.path.join(self._directory, secret, entry)

    def _load(self, secret: str, entry: str, path: str, found: os.stat_result) -> bytes | None:
        if not stat.S_ISREG(found.st_mode):
            self._warn(secret, entry, f"is not a file{_KEYLESS}")
            return None
        try:
            with open(path, "rb") as file:
                content = file.read(LARGEST_FILE + 1)
        except OSError as error:
            self._warn(secret, entry, f"cannot be read: {error.strerror}{_KEYLESS}")
            return None
        if len(content) > LARGEST_FILE:
            self._warn(secret, entry, f"is larger than {LARGEST_FILE} bytes{_KEYLESS}")
            return None
        return content

    def _warn(self, secret: str, entry: str, why: str) -> None:
        """One line for a file and a reason, however often it is asked for."""
        name = f"{secret}/{entry}"
        if self._warned.get(name) != why:
            self._warned[name] = why
            logger.warning("credential %s %s", name, why)


def key_in(data: bytes) -> str | None:
    """The key that an entry's bytes are, the newline at their end cut; None where no header may
    hold it."""
    text = data.rstrip(b"\r\n").decode("ascii", "replace")
    return None if _HEADER_TEXT.fullmatch(text) is None else text


def hosts_in(text: str) -> frozenset[str]:
    """The names of a list with commas or spaces, in lower case without a dot at the end.

    A name that is not ASCII is left out: what it would be spelt as is not for us to say.
    """
    names = text.replace(",", " ").split()
    return frozenset(name.lower().rstrip(".") for name in names if name.isascii())
