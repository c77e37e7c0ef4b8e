"""Values for a template's variables: from the body, a header, built in, or the default."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from outrider_sidecar.dialects import layout
from outrider_sidecar.dialects.errors import Refusal, refuse
from outrider_sidecar.snapshot import Variable

HEADER = "x-outrider-variables"
HEADER_LIMIT = 8_192  # bytes as sent

Sent = Mapping[str, msgspec.Raw]


class _InputText(msgspec.Struct):
    type: Literal["input_text"]
    text: str


# Text cut before each "<" and behind each ">".
_PIECES = re.compile(r"<[^<>]*>?|[^<>]+>?|>").findall

_text = msgspec.json.Decoder(str)
_input_text = msgspec.json.Decoder(_InputText)


class Declared(msgspec.Struct, frozen=True):
    """A declared variable. `closing` finds the ends of fences of its name."""

    name: str
    default: str | None
    max_length: int
    closing: re.Pattern[str] | None

    @classmethod
    def of(cls, variable: Variable) -> "Declared":
        pattern = rf"</{re.escape(variable.name)}-[0-9a-f]{{16}}>"
        return cls(
            variable.name,
            variable.default,
            variable.max_length,
            re.compile(pattern, re.IGNORECASE) if variable.fence else None,
        )

    def fenced(self, value: str, mark: str) -> str:
        """The value between separators that its writer could not know.

        Closing forms of this variable are stripped, also those that stripping creates.
        """
        if self.closing is None:
            return value
        if self.closing.search(value) is not None:
            value = _without(self.closing, len(self.name) + 20, value)
        return f"<{self.name}-{mark}>\n{value}\n</{self.name}-{mark}>"


def _without(closing: re.Pattern[str], length: int, text: str) -> str:
    """`text` without any match of `closing`, which is of this length from its "<" to its ">".

    One pass, however deep the forms are nested in each other: the writer may mean harm.
    """
    kept: list[str] = []
    for piece in _PIECES(text):
        kept.append(piece)
        if piece[-1] != ">":
            continue
        start, size = len(kept) - 1, len(piece)
        while start and size < length and kept[start][0] != "<":
            start -= 1
            size += len(kept[start])
        if size == length and closing.fullmatch("".join(kept[start:])):
            del kept[start:]
    return "".join(kept)


class Resolved(msgspec.Struct, frozen=True):
    """The value of every name a template uses, and the names whose value is the built-in one."""

    values: dict[str, str]
    built_in: frozenset[str]


def resolve(
    names: tuple[str, ...],
    declared: Mapping[str, Declared],
    sent: Sent,
    built_in: Callable[[str], str | None],
    mark: Callable[[], str],
) -> Resolved:
    """Values for `names`: what was sent for a declared one, else built in, else the default.

    `mark` gives the 16 hex digits of this request's fences. Raises `caller_variable_missing`,
    `caller_variable_invalid` and `caller_variable_too_long`.
    """
    values: dict[str, str] = {}
    taken: set[str] = set()
    missing: list[str] = []
    given = {name: _checked(declared[name], raw) for name, raw in sent.items() if name in declared}
    digits = ""
    for name in names:
        variable = declared.get(name)
        value = given.get(name)
        if value is None:
            value = built_in(name)
            if value is not None:
                taken.add(name)
                if variable is not None:
                    _bounded(variable, value)
            elif variable is not None:
                value = variable.default
        if value is None:
            missing.append(name)
            continue
        if variable is not None and variable.closing is not None:
            digits = digits or mark()
            value = variable.fenced(value, digits)
        values[name] = value
    if missing:
        raise _missing(missing)
    return Resolved(values, frozenset(taken))


def from_body(raw: msgspec.Raw | None) -> Sent:
    """The variables of the body's `prompt` member; raises `caller_variable_invalid`."""
    if raw is None or bytes(raw) == b"null":
        return {}
    try:
        return layout.fields(raw)
    except msgspec.ValidationError as error:
        raise _invalid("prompt.variables must be a JSON object of names and values") from error


def from_header(value: str) -> Sent:
    """The variables of a header's value: JSON if it begins with ``{``, else base64url of JSON.

    Raises `caller_header_too_long` above 8 KiB as sent and `caller_variable_invalid`.
    """
    sent = value.encode("utf-8", "surrogateescape")
    if len(sent) > HEADER_LIMIT:
        raise refuse(
            "caller_header_too_long",
            f"{HEADER} has {len(sent)} bytes, {HEADER_LIMIT} are allowed: "
            "send the variables in the body's prompt member",
            param=HEADER,
        )
    sent = sent.strip()
    try:
        if not sent.startswith(b"{"):
            digits = sent.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            sent = base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
        sent.decode()
        return layout.fields(sent)
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _invalid(
            f"{HEADER} must be a JSON object, as it is or in base64url", param=HEADER
        ) from error


def _checked(variable: Declared, raw: msgspec.Raw) -> str:
    value = _spelled(variable.name, bytes(raw))
    _bounded(variable, value)
    return value


def _bounded(variable: Declared, value: str) -> None:
    if len(value) > variable.max_length:
        raise refuse(
            "caller_variable_too_long",
            f"variable {variable.name} has {len(value)} characters, "
            f"{variable.max_length} are allowed: shorten it",
            param=f"prompt.variables.{variable.name}",
        )


def _spelled(name: str, raw: bytes) -> str:
    """Strings as they are, numbers and booleans by their JSON spelling, input_text by text."""
    try:
        if raw.startswith(b'"'):
            return _text.decode(raw)
        if raw.startswith(b"{"):
            return _input_text.decode(raw).text
    except msgspec.DecodeError as error:
        raise _unusable(name) from error
    if raw.startswith((b"[", b"n")):
        raise _unusable(name)
    return raw.decode()


def _unusable(name: str) -> Refusal:
    return _invalid(
        f"prompt.variables.{name} must be a string of Unicode characters, a number, a boolean "
        'or {"type": "input_text", "text": ...}',
        param=f"prompt.variables.{name}",
    )


def _invalid(message: str, param: str = "prompt.variables") -> Refusal:
    return refuse("caller_variable_invalid", message, param=param)


def _missing(names: list[str]) -> Refusal:
    one = len(names) == 1
    what = f"variable {names[0]} has" if one else f"variables {', '.join(names)} have"
    them = "it" if one else "them"
    return refuse(
        "caller_variable_missing",
        f"{what} no value: send {them} in the body's prompt.variables or in the header {HEADER}",
        param=f"prompt.variables.{names[0]}",
    )
