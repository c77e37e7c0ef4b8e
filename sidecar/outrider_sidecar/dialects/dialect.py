"""The dialects whose operations get all stages, and everything that differs between them."""

from typing import Literal, Protocol

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.chat import CHAT
from outrider_sidecar.dialects.errors import Family
from outrider_sidecar.dialects.facts import Outcome, Seen, Texts, Usage
from outrider_sidecar.dialects.messages import MESSAGES
from outrider_sidecar.dialects.turns import Turn

__all__ = ["CHAT", "MESSAGES", "Dialect", "Outcome", "Seen", "Texts", "Turn", "Usage"]


class Dialect(Protocol):
    """One dialect's reading of requests, answers and events. Nothing here changes a byte."""

    @property
    def name(self) -> Literal["chat", "messages"]: ...

    @property
    def family(self) -> Family: ...

    def streams(self, body: Body) -> bool:
        """Whether the caller asked for a stream."""

    def turns(self, body: Body) -> list[Turn]:
        """The messages in order; [] when the member is absent.

        Raises Refusal `caller_invalid` naming the place when one is no message.
        """

    def system_raw(self, body: Body) -> bytes | None:
        """The JSON of system text that stands outside the messages; None when there is none."""

    def user_text(self, turn: bytes, path: str) -> str | None:
        """The text parts of a raw message, joined with a line feed; None when it has none.

        Raises Refusal `caller_json` naming the path when there is a lone surrogate in it.
        """

    def texts(self, body: Body) -> Texts:
        """The measures that rules and estimates are made of; raises what `turns` raises."""

    def outcome(self, answer: bytes) -> Outcome | None:
        """What a whole answer says; None when it is no JSON object."""

    def inspect(self, event: bytes) -> Seen | None:
        """What an event of a stream says; None when that is nothing, as for comments and pings."""
