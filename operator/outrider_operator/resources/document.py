"""YAML and JSON text as plain data, with the line and column of everything in it.

Nothing is constructed but dicts with string keys, lists, strings, numbers, booleans and None, as
kubectl would send them. Aliases and merge keys work; a text that would grow beyond bounds or
carries a tag is refused.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import yaml

from outrider_operator.resources.resource import Position
from outrider_operator.resources.scalars import resolve

MAX_DEPTH: Final = 100
MAX_VALUES: Final = 1_000_000  # aliases written out; a text counts once per _UNIT of characters
_UNIT: Final = 32

Positions = dict[str, Position]

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# JSON spells characters beyond U+FFFF as two escapes, which YAML does not know.
_PAIR: Final = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_HINTS: Final = {
    "found character that cannot start any token": "a value cannot begin like this; "
    "indent with spaces, not tabs, and quote values that begin with one of @ ` % & * ! |",
    "found a tab character that violates indentation": "indent with spaces",
    "mapping values are not allowed in this context": "a second ': ' on the line, or wrong "
    "indentation; quote the value if it holds ': '",
    "could not find expected ':'": "a key without ':'",
    "did not find expected ',' or ']'": "close the [ with ], or put a comma between its items",
    "did not find expected ',' or '}'": "close the { with }, or put a comma between its members",
    "did not find expected key": "wrong indentation, or text behind a value that is quoted",
    "did not find expected '-' indicator": "wrong indentation, or an item without its -",
    "found unexpected end of stream": "close the quote",
}


class Document(msgspec.Struct, frozen=True):
    """One document: its data, its first line, and positions (from 1) by path.

    A path is ``spec.rules[0].name``; the position of a member is that of its key.
    """

    data: Any
    line: int
    positions: Positions


class DocumentError(ValueError):
    """Text that is no document; the message says what to write, the position where."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(message)
        self.position = position


def documents(text: str) -> Iterator[Document]:
    """Every document that holds something; raises `DocumentError` at the first mistake."""
    if text.lstrip().startswith("{"):
        text = _PAIR.sub(_join_pair, text)
    composer: _Composer | None = None
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                composer = _Composer()
            elif isinstance(event, yaml.DocumentEndEvent):
                if composer and composer.root is not None:
                    yield Document(composer.root, composer.line, composer.positions)
            elif composer:
                composer.take(event)
    except yaml.YAMLError as error:
        raise _explained(error, text) from error


def _join_pair(match: re.Match[str]) -> str:
    high, low = int(match[2], 16), int(match[3], 16)
    return match[1] + chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _explained(error: yaml.YAMLError, text: str) -> DocumentError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        problem = getattr(error, "problem", None) or str(error)
        hint = _HINTS.get(problem)
        message = f"not YAML: {problem}" + (f": {hint}" if hint else "")
        return DocumentError(message, (mark.line + 1, mark.column + 1))
    control = re.search(
        r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text
    )
    if control is None:
        return DocumentError(f"not YAML: {error}", (1, 1))
    before = text[: control.start()]
    position = (before.count("\n") + 1, control.start() - before.rfind("\n"))
    return DocumentError(
        f"not YAML: the character U+{ord(control[0]):04X} cannot stand in a file; "
        'write it as an escape in double quotes, such as "\\u0007"',
        position,
    )


class _Node(msgspec.Struct):
    """A list or dict that is not closed yet."""

    data: list[Any] | dict[str, Any]
    path: str
    anchor: str | None
    started: int
    position: Position
    key: str | None = None
    keys: set[str] = set()
    merges: bool = False


class _Composer:
    """Builds one document's data from YAML events, without recursion."""

    def __init__(self) -> None:
        self.root: Any = None
        self.line = 1
        self.positions: Positions = {}
        self._open: list[_Node] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0

    def take(self, event: yaml.Event) -> None:
        """Add what the event says."""
        mark = event.start_mark
        position = (mark.line + 1, mark.column + 1) if mark else (self.line, 1)
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
            return
        if not isinstance(event, yaml.NodeEvent):
            return
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise DocumentError(f"the tag {tag} has no meaning in a manifest: remove it", position)
        node = self._open[-1] if self._open else None
        if node is not None and isinstance(node.data, dict) and node.key is None:
            self._key(node, event, position)
            return
        path = self._path(node, position)
        self._count(1, position)
        if isinstance(event, yaml.AliasEvent):
            data, values = self._alias(event, position)
            self._count(values, position)
            self._put(data, position)
        elif isinstance(event, yaml.ScalarEvent):
            data = _scalar(event, position)
            self._count(len(event.value) // _UNIT, position)
            if event.anchor is not None:
                self._anchors[event.anchor] = (data, 1 + len(event.value) // _UNIT)
            self._put(data, position)
        else:
            if len(self._open) >= MAX_DEPTH:
                raise DocumentError(f"nested deeper than {MAX_DEPTH} levels", position)
            empty: list[Any] | dict[str, Any] = (
                {} if isinstance(event, yaml.MappingStartEvent) else []
            )
            self._open.append(_Node(empty, path, event.anchor, self._values, position))

    def _key(self, node: _Node, event: yaml.NodeEvent, position: Position) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise DocumentError("a key must be a word; quote it if it begins like this", position)
        if event.value == "<<" and event.implicit[0]:
            node.key, node.merges = "<<", True
            return
        value = _scalar(event, position)
        if value is None:
            raise DocumentError("a key must not be empty or null; quote it", position)
        key = str(value).lower() if isinstance(value, bool) else str(value)
        path = f"{node.path}.{key}" if node.path else key
        if key in node.keys:
            first = self.positions[path][0]
            raise DocumentError(
                f"{path} stands here again, first in line {first}: remove one", position
            )
        self._count(len(key) // _UNIT, position)
        self.positions[path] = position
        node.keys.add(key)
        node.key = key

    def _path(self, node: _Node | None, position: Position) -> str:
        if node is None:
            self.line = position[0]
            return ""
        if isinstance(node.data, dict):
            return f"{node.path}.{node.key}" if node.path else str(node.key)
        path = f"{node.path}[{len(node.data)}]"
        self.positions[path] = position
        return path

    def _count(self, values: int, position: Position) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise DocumentError(
                f"more than {MAX_VALUES:,} values, aliases written out: split the document",
                position,
            )

    def _alias(self, event: yaml.AliasEvent, position: Position) -> tuple[Any, int]:
        if any(node.anchor == event.anchor for node in self._open):
            raise DocumentError(f"the alias *{event.anchor} would hold itself", position)
        if event.anchor not in self._anchors:
            raise DocumentError(f"there is no &{event.anchor} before this alias", position)
        return self._anchors[event.anchor]

    def _put(self, data: Any, position: Position) -> None:
        if not self._open:
            self.root = data
            return
        node = self._open[-1]
        if isinstance(node.data, list):
            node.data.append(data)
        elif node.merges:
            parts = data if isinstance(data, list) and data else [data]
            if not all(isinstance(part, dict) for part in parts):
                raise DocumentError("<< takes an alias of a mapping, or a list of them", position)
            for part in reversed(parts):  # as in kubectl, a merge wins over what stands before it
                node.data.update(part)
        else:
            node.data[str(node.key)] = data
        node.key, node.merges = None, False

    def _close(self) -> None:
        node = self._open.pop()
        if node.anchor is not None:
            self._anchors[node.anchor] = (node.data, self._values - node.started + 1)
        self._put(node.data, node.position)


def _scalar(event: yaml.ScalarEvent, position: Position) -> Any:
    if not event.implicit[0]:
        return event.value
    try:
        return resolve(event.value)
    except ValueError as error:
        raise DocumentError(str(error), position) from error
