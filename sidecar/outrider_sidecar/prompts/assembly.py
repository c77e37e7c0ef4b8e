"""A prompt version and a request, made into the request that is sent.

The caller's messages and system blocks go on byte for byte; what is added is encoded here.
System text of the caller is, in Chat, every system and developer message wherever it stands; in
Messages the `system` member, a string or blocks.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping
from random import Random

import msgspec

from outrider_sidecar.dialects import layout
from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.dialect import Dialect, Turn
from outrider_sidecar.dialects.errors import refuse
from outrider_sidecar.prompts import template, variables
from outrider_sidecar.prompts.conversation import joined, take_input
from outrider_sidecar.prompts.version import CompiledVersion, Line

_CHAT_SYSTEM = ("system", "developer")


class Rendered(msgspec.Struct, frozen=True):
    """Changes to the request by JSON pointer, the output limit that is still without a name
    (in Chat the backend decides), and the names of variables that were sent for nothing and of
    parameters that the provider does not take."""

    changes: dict[str, bytes | None]
    max_tokens: bytes | None
    dropped: tuple[str, ...]


def render(
    version: CompiledVersion,
    dialect: Dialect,
    body: Body,
    sent: variables.Sent,
    user: str | None,
    tenant: str | None,
    today: datetime.date,
    random: Random,
    api_version: str | None = None,
) -> Rendered:
    """What `version` makes of a request. `random` marks fences; `today` is the date in UTC;
    `api_version` is the caller's ``anthropic-version``.

    Raises `caller_variable_*`, `caller_system`, `caller_tool_clash`, and `caller_invalid` when
    messages, system or tools have no form that can be joined.
    """
    fields = body.fields
    parameters = version.parameters.changes(dialect.name, fields, api_version)
    changes = parameters.changes
    unknown = tuple(name for name in sent if name not in version.declared)
    if version.lines:
        conversation = dialect.turns(body)
        taken = take_input(dialect, conversation) if "input" in version.names else None
        built_in: Mapping[str, str | None] = {
            "input": taken[0] if taken else None,
            "user": user,
            "tenant": tenant,
            "date": today.isoformat(),
        }
        resolved = variables.resolve(
            version.names, version.declared, sent, built_in.get, _marks(random)
        )
        if taken is not None and "input" in resolved.built_in:
            conversation = taken[1]
        if dialect.name == "chat":
            changes["/messages"] = _chat(version, resolved.values, conversation)
        else:
            blocks = _blocks(dialect.system_raw(body))
            changes |= _messages(version, resolved.values, conversation, blocks, "system" in fields)
    if version.tools.names:
        changes["/tools"] = version.tools.joined(fields.get("tools"), dialect.name)
    return Rendered(changes, parameters.max_tokens, unknown + parameters.dropped)


def _chat(version: CompiledVersion, values: Mapping[str, str], conversation: list[Turn]) -> bytes:
    """Chat has system text among the messages: the caller's follows the template's last system
    message before the conversation (Append), or opens the request (Prepend)."""
    theirs = [turn.raw for turn in conversation if turn.role in _CHAT_SYSTEM]
    rest = [turn.raw for turn in conversation if turn.role not in _CHAT_SYSTEM]
    ours, theirs = _ruled(version, theirs)
    out: list[bytes] = []
    after = 0
    seen = False
    for line in ours:
        if line.role is None:
            out.extend(rest)
            seen = True
            continue
        out.append(_message(line, values))
        if line.role == "system" and not seen:
            after = len(out)
    place = 0 if version.source.caller_system == "Prepend" else after
    out[place:place] = theirs
    return joined(out)


def _messages(
    version: CompiledVersion,
    values: Mapping[str, str],
    conversation: list[Turn],
    theirs: list[bytes],
    has_system: bool,
) -> dict[str, bytes | None]:
    """Messages has system text apart, in blocks; each system message of ours is one."""
    ours, theirs = _ruled(version, theirs)
    system = [
        msgspec.json.encode({"type": "text", "text": template.fill(line.parts, values)})
        for line in ours
        if line.role == "system"
    ]
    system = theirs + system if version.source.caller_system == "Prepend" else system + theirs
    changes: dict[str, bytes | None] = {}
    if system:
        changes["/system"] = joined(system)
    elif has_system:
        changes["/system"] = None
    out: list[bytes] = []
    for line in ours:
        if line.role is None:
            out.extend(turn.raw for turn in conversation)
        elif line.role != "system":
            out.append(_message(line, values))
    changes["/messages"] = joined(out)
    return changes


def _message(line: Line, values: Mapping[str, str]) -> bytes:
    return msgspec.json.encode({"role": line.role, "content": template.fill(line.parts, values)})


def _ruled(version: CompiledVersion, theirs: list[bytes]) -> tuple[Iterable[Line], list[bytes]]:
    """The template's lines and the caller's system text that are left by `callerSystem`."""
    rule = version.source.caller_system
    if theirs and rule == "Reject":
        raise refuse(
            "caller_system",
            f"the prompt version {version.name} takes no system text from callers: leave it out",
        )
    if rule == "Drop":
        return version.lines, []
    if theirs and rule == "TakeOver":
        return [line for line in version.lines if line.role != "system"], theirs
    return version.lines, theirs


def _blocks(system: bytes | None) -> list[bytes]:
    """The caller's `system` as blocks: a string becomes one, its bytes as they are."""
    if system is None or system in (b"null", b'""'):
        return []
    if system.startswith(b'"'):
        return [b'{"type":"text","text":' + system + b"}"]
    if system.startswith(b"["):
        return [bytes(block) for block in layout.items(system)]
    raise refuse("caller_invalid", "system must be a string or an array of blocks", param="system")


def _marks(random: Random) -> Callable[[], str]:
    return lambda: f"{random.getrandbits(64):016x}"
