"""An answer whose head has come, from wherever."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple


class Reply(NamedTuple):
    """An answer whose head has come. ``read`` gives what has arrived, b'' at the end.

    ``close`` ends an answer that nobody wants to the end; its connection is not used again.
    """

    status: int
    headers: Mapping[str, str]
    read: Callable[[], Awaitable[bytes]]
    close: Callable[[], None]
