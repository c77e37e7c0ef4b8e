"""Sampling parameters of a prompt version, and who wins when the caller sends them too."""

from collections.abc import Mapping

import msgspec

from outrider_sidecar.snapshot import Dialect, Template

_CHAT_LIMITS = ("max_tokens", "max_completion_tokens")


class Compiled(msgspec.Struct, frozen=True):
    """A version's parameters as JSON, by the name each dialect has for them."""

    chat: tuple[tuple[str, bytes], ...]
    messages: tuple[tuple[str, bytes], ...]
    max_tokens: bytes | None
    override: bool

    @classmethod
    def of(cls, source: Template) -> "Compiled":
        """Decimals keep the spelling they have in the resource."""
        given = source.parameters
        common: list[tuple[str, bytes]] = []
        if given.temperature is not None:
            common.append(("temperature", given.temperature.encode()))
        if given.top_p is not None:
            common.append(("top_p", given.top_p.encode()))
        stop = () if given.stop is None else (msgspec.json.encode(given.stop),)
        return cls(
            (*common, *(("stop", value) for value in stop)),
            (*common, *(("stop_sequences", value) for value in stop)),
            None if given.max_tokens is None else str(given.max_tokens).encode(),
            source.parameters_policy == "Override",
        )

    def changes(
        self, dialect: Dialect, fields: Mapping[str, msgspec.Raw]
    ) -> tuple[dict[str, bytes | None], bytes | None]:
        """What to write into a request with these top-level members, by JSON pointer.

        Beside it the output limit that is still to be written because the caller spelled none:
        in Chat its name depends on the backend. A null counts as not sent.
        """
        changes: dict[str, bytes | None] = {}
        for name, value in self.chat if dialect == "chat" else self.messages:
            if self.override or not is_sent(fields, name):
                changes["/" + name] = value
        limit = self.max_tokens
        if limit is None:
            return changes, None
        spelled = [
            n for n in (_CHAT_LIMITS if dialect == "chat" else ("max_tokens",)) if n in fields
        ]
        if not self.override and any(is_sent(fields, name) for name in spelled):
            return changes, None
        for name in spelled:
            changes["/" + name] = limit
        return changes, None if spelled else limit


def is_sent(fields: Mapping[str, msgspec.Raw], name: str) -> bool:
    """Whether a request has the member, with something else than null in it."""
    value = fields.get(name)
    return value is not None and bytes(value) != b"null"
