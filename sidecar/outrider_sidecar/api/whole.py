"""An answer that is there as a whole, its head and its body written as one piece."""

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from multidict import CIMultiDict


class Whole(web.StreamResponse):
    """`body` under these `fields`, which are changed.

    `web.Response` works out coding, length and payload for any body; all of that is known here,
    and asking costs a twentieth of a request.
    """

    def __init__(self, status: int, fields: CIMultiDict[str], body: bytes) -> None:
        super().__init__(status=status)
        self._fields = fields
        self._whole = body
        self._stays = False

    @property
    def keep_alive(self) -> bool:
        """Whether the connection serves further requests."""
        return self._stays

    async def send(self, request: web.BaseRequest, *, closing: bool) -> None:
        """Writes all of it; `closing` makes it the connection's last answer."""
        fields = self._fields
        fields["Content-Length"] = str(len(self._whole))
        fields["Date"] = _date(int(time.time()))
        self._stays = not closing and request.keep_alive
        if not self._stays:
            fields["Connection"] = "close"
        writer = request.writer
        await writer.write_headers(f"HTTP/1.1 {self.status} {_reason(self.status)}", fields)
        await writer.write_eof(b"" if request.method == "HEAD" else self._whole)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Nothing: the server asks for it once more at the end."""
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing, like `prepare`."""


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


@lru_cache(maxsize=64)
def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
