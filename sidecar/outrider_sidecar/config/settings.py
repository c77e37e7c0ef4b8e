"""What the environment says: read once at start, frozen, all of its mistakes told together."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_LONGEST_DRAIN: Final = 3600.0

T = TypeVar("T")


@dataclass(frozen=True)
class SettingProblem:
    """One variable that cannot be used: its name, the value found (None: not set), the fix."""

    variable: str
    value: str | None
    fix: str

    def __str__(self) -> str:
        found = "is not set" if self.value is None else f"is {self.value!r}"
        return f"{self.variable} {found}: {self.fix}"


class SettingsError(ValueError):
    """The environment cannot be used; ``problems`` holds every reason, not the first alone."""

    def __init__(self, problems: tuple[SettingProblem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The sidecar's own settings; everything about traffic stands in the snapshot.

    ``config_dir`` None: snapshots are handed over in process. ``state_dir`` None: nothing is
    remembered over a restart. ``credentials_dir`` None: there are no provider keys. Port 0
    takes any free port. ``drain_seconds`` is how long requests in flight may take at exit.
    """

    config_dir: Path | None = None
    state_dir: Path | None = None
    credentials_dir: Path | None = None
    port: int = 4141
    admin_port: int = 4142
    allow_loopback: bool = False
    log_level: str = "INFO"
    drain_seconds: float = 25.0


def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in OUTRIDER_* variables, an empty one counting as absent.

    Raises `SettingsError` with every variable that is missing or wrong.
    """
    reader = _Reader(os.environ if environ is None else environ)
    default = Settings()
    settings = Settings(
        config_dir=reader.read("OUTRIDER_CONFIG_DIR", _path, None),
        state_dir=reader.read("OUTRIDER_STATE_DIR", _path, None),
        credentials_dir=reader.read("OUTRIDER_CREDENTIALS_DIR", _path, None),
        port=reader.read("OUTRIDER_PORT", _port, default.port),
        admin_port=reader.read("OUTRIDER_ADMIN_PORT", _port, default.admin_port),
        allow_loopback=reader.read("OUTRIDER_ALLOW_LOOPBACK", _truth, default.allow_loopback),
        log_level=reader.read("OUTRIDER_LOG_LEVEL", _level, default.log_level),
        drain_seconds=reader.read("OUTRIDER_DRAIN_SECONDS", _drain, default.drain_seconds),
    )
    if "OUTRIDER_CONFIG_DIR" not in reader.seen:
        reader.problem(
            "OUTRIDER_CONFIG_DIR",
            None,
            "name the directory that holds snapshot.json, as the mounted ConfigMap or the output "
            "of `outrider render -n NAMESPACE` does",
        )
    if settings.port and settings.port == settings.admin_port:
        reader.problem(
            "OUTRIDER_ADMIN_PORT",
            str(settings.admin_port),
            "it is the data port too; give the two different ports",
        )
    if reader.problems:
        raise SettingsError(tuple(reader.problems))
    return settings


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.seen: set[str] = set()
        self.problems: list[SettingProblem] = []

    def read(self, variable: str, parse: Callable[[str], T], default: T) -> T:
        text = self._environ.get(variable, "").strip()
        if not text:
            return default
        self.seen.add(variable)
        try:
            return parse(text)
        except ValueError as error:
            self.problem(variable, text, str(error))
            return default

    def problem(self, variable: str, value: str | None, fix: str) -> None:
        self.problems.append(SettingProblem(variable, value, fix))


def _path(text: str) -> Path | None:
    if "\0" in text:
        raise ValueError("a path holds no NUL character")
    return Path(text)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise ValueError("write a port from 1 to 65535, or 0 for any free one")
    return int(text)


def _truth(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("write true or false")


def _level(text: str) -> str:
    if text.upper() not in LOG_LEVELS:
        raise ValueError(f"write one of {', '.join(LOG_LEVELS)}")
    return text.upper()


def _drain(text: str) -> float:
    wanted = f"write seconds from 0 to {_LONGEST_DRAIN:.0f}, such as 25"
    try:
        seconds = float(text)
    except ValueError:
        raise ValueError(wanted) from None
    if not 0 <= seconds <= _LONGEST_DRAIN:
        raise ValueError(wanted)
    return seconds
