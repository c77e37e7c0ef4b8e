"""How a stand-in behaves, by the name of the model that is asked.

A name that stands here brings its behaviour, whichever API it is sent to; ``error-529`` and its
like answer that error; ``unknown...`` is a model that does not exist; any other name is a steady
model.
"""

from enum import Enum


class Manner(Enum):
    """A behaviour; the value is the model's name."""

    STEADY = "steady"
    RAGGED = "ragged"
    """A stream in pieces of five bytes."""
    LONG = "long"
    """An answer of 2,000 words."""
    CUT = "cut"
    """The connection breaks in the middle of an answer."""
    SHORT = "short"
    """A stream ends in the middle, as if it were complete."""
    ERROR_INSIDE = "error-inside"
    """A stream turns into an error after some content."""
    ERROR_AT_ONCE = "error-at-once"
    """A 200 whose stream begins with an error."""
    ENDLESS = "endless"
    """A stream that stays open after some content, until the client leaves."""
    STALLS = "stalls"
    """The same, for stories in which it is the proxy that loses patience."""
    SILENT = "silent"
    """No answer at all, until the client leaves."""
    HTML = "html"
    """A load balancer's page instead of an answer."""
    EMPTY = "empty"
    """A 200 without content and without output tokens."""
    HANGS_UP = "hangs-up"
    """The connection closes before the first byte."""


WORDS_OF_LONG = 2_000

_BY_NAME = {manner.value: manner for manner in Manner}


def manner_of(model: str) -> Manner:
    """The behaviour of a model."""
    return _BY_NAME.get(model, Manner.STEADY)


def error_of(model: str) -> str | None:
    """The error that a model always answers, such as ``429`` or ``429-quota``; None if none."""
    if model.startswith("unknown"):
        return "404"
    return model.removeprefix("error-") if model[:7] in _ERRORS else None


_ERRORS = frozenset({"error-4", "error-5"})
