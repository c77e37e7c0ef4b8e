"""What was said already: the same trouble is told once, then once a minute."""

import time
from collections.abc import Callable
from typing import Final

EVERY_SECONDS: Final = 60
REASONS: Final = 64


class Told:
    """Reasons by subject, such as a namespace; of each subject it remembers so many.

    `now` is a monotonic clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at: dict[str, dict[str, float]] = {}

    def news(self, subject: str, reason: str) -> bool:
        """Whether to say this of the subject now; asked once, it counts as said."""
        now, said = self._now(), self._at.setdefault(subject, {})
        if now - said.get(reason, float("-inf")) < EVERY_SECONDS:
            return False
        said.pop(reason, None)
        said[reason] = now
        if len(said) > REASONS:
            del said[next(iter(said))]
        return True

    def over(self, subject: str) -> bool:
        """The subject is well again; whether there was anything said of it."""
        return self._at.pop(subject, None) is not None
