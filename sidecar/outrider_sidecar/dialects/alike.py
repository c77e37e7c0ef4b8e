"""Events of a stream that say what the one before said, but for their text.

Most of a stream is one event over and over, with another few letters in it. Comparing bytes
tells such an event at a sixth of the cost of decoding it.
"""

import re
from typing import Final

from outrider_sidecar.dialects.facts import Seen

# Text that stands in JSON as it is, a byte a character; no match where its end precedes its start.
_PLAIN: Final = re.compile(rb"[ !#-\[\]-~]*+").fullmatch

# The member that holds the text of a plain delta, in either dialect.
_OPENINGS: Final = (b'"content":"', b'"text":"')

# A provider that writes something else into each event is not worth more comparisons.
_LESSONS: Final = 8


class Alike:
    """Knows one event of text, and those that differ from it in that text alone.

    Where all bytes but those of one JSON string are the same, and that string needs no
    escapes, the meaning is the same too.
    """

    __slots__ = ("_head", "_lessons", "_start", "_tail", "_trail")

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""
        self._start = 0
        self._trail = 0
        self._lessons = _LESSONS

    def chars(self, event: bytes) -> int | None:
        """Characters of text in an event like the one learnt; None for any other."""
        start = self._start
        if not start or not event.startswith(self._head) or not event.endswith(self._tail):
            return None
        end = len(event) - self._trail
        return None if _PLAIN(event, start, end) is None else end - start

    def learn(self, event: bytes, seen: Seen) -> None:
        """Take `event`, of which `seen` was read, as the one to compare with.

        An event that tells more than plain text ends what was learnt: the next may have another
        meaning beside it.
        """
        self._start = 0
        if not seen.content or seen.usage is not None or seen.finish is not None:
            return
        if not self._lessons:
            return
        self._lessons -= 1
        for opening in _OPENINGS:
            before, found, after = event.partition(opening)
            text, quote, rest = after.partition(b'"')
            # Were the text elsewhere, or in two places, the count of characters would differ.
            if found and quote and opening not in rest and len(text) == seen.text_chars:
                self._head, self._tail = before + opening, quote + rest
                self._start, self._trail = len(self._head), len(self._tail)
                return
