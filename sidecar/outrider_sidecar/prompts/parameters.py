"""Sampling parameters of a prompt version, and who wins when the caller sends them too."""

from collections.abc import Mapping

import msgspec

from outrider_sidecar.snapshot import Dialect, Template

_CHAT_LIMITS = ("max_tokens", "max_completion_tokens")
_SAMPLING = ("temperature", "top_p")

_NO_SAMPLING_FROM = "2026-10-21"
"""The version of Anthropic's API from which sampling parameters, whatever their value, are a 400
(https://platform.claude.com/docs/en/api/versioning)."""


class Compiled(msgspec.Struct, frozen=True):
    """A version's parameters as JSON, by the name each dialect has for them."""

    chat: tuple[tuple[str, bytes], ...]
    messages: tuple[tuple[str, bytes], ...]
    max_tokens: bytes | None
    override: bool

    @classmethod
    def of(cls, source: Template) -> "Compiled":
        """Decimals keep the spelling they have in the resource; Messages knows no temperature
        above 1, so that is what a higher one becomes there."""
        given = source.parameters
        chat: list[tuple[str, bytes]] = []
        messages: list[tuple[str, bytes]] = []
        if given.temperature is not None:
            chat.append(("temperature", given.temperature.encode()))
            highest = "1" if float(given.temperature) > 1 else given.temperature
            messages.append(("temperature", highest.encode()))
        if given.top_p is not None:
            chat.append(("top_p", given.top_p.encode()))
            messages.append(("top_p", given.top_p.encode()))
        if given.stop is not None:
            stop = msgspec.json.encode(given.stop)
            chat.append(("stop", stop))
            messages.append(("stop_sequences", stop))
        return cls(
            tuple(chat),
            tuple(messages),
            None if given.max_tokens is None else str(given.max_tokens).encode(),
            source.parameters_policy == "Override",
        )

    def changes(
        self, dialect: Dialect, fields: Mapping[str, msgspec.Raw], api_version: str | None
    ) -> "Changed":
        """What to write into a request with these top-level members; a null counts as not sent.

        `api_version` is the caller's ``anthropic-version``; newer ones know no sampling
        parameters.
        """
        changes: dict[str, bytes | None] = {}
        dropped: list[str] = []
        refused = _SAMPLING if dialect == "messages" and _is_recent(api_version) else ()
        for name, value in self.chat if dialect == "chat" else self.messages:
            if name in refused:
                dropped.append(name)
            elif self.override or not is_sent(fields, name):
                changes["/" + name] = value
        limit = self.max_tokens
        if limit is not None:
            names = _CHAT_LIMITS if dialect == "chat" else ("max_tokens",)
            spelled = [name for name in names if name in fields]
            if not self.override and any(is_sent(fields, name) for name in spelled):
                limit = None
            else:
                changes |= {"/" + name: limit for name in spelled}
                limit = None if spelled else limit
        return Changed(changes, limit, tuple(dropped))


class Changed(msgspec.Struct, frozen=True):
    """Changes by JSON pointer; the output limit that is still to be written because the caller
    spelled none (in Chat its name depends on the backend); what the provider would not take."""

    changes: dict[str, bytes | None]
    max_tokens: bytes | None
    dropped: tuple[str, ...]


def _is_recent(api_version: str | None) -> bool:
    if api_version is None or not api_version[:1].isdigit():
        return False
    return api_version >= _NO_SAMPLING_FROM


def is_sent(fields: Mapping[str, msgspec.Raw], name: str) -> bool:
    """Whether a request has the member, with something else than null in it."""
    value = fields.get(name)
    return value is not None and bytes(value) != b"null"
