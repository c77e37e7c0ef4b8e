"""Requests and answers as bytes on a socket."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDict


@dataclass
class Answer:
    """An HTTP answer as read from a socket."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Wire:
    """One raw connection to the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *data: bytes) -> None:
        """Writes bytes as they are."""
        for piece in data:
            self.writer.write(piece)
            await self.writer.drain()

    async def ask(self, method: str, path: str, body: bytes = b"", /, **headers: str) -> Answer:
        """Sends a whole request and reads its answer; `_` in a header's name is a dash."""
        await self.send(request(method, path, body, **headers))
        return await self.answer(method)

    async def head(self) -> tuple[int, CIMultiDict[str]]:
        """Reads an answer's head."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers: CIMultiDict[str] = CIMultiDict()
        for line in lines[1:-2]:
            name, _, value = line.partition(": ")
            headers.add(name, value)
        return int(lines[0].split(" ")[1]), headers

    async def answer(self, method: str = "POST") -> Answer:
        """Reads an answer to its end."""
        status, headers = await self.head()
        body = b""
        if method != "HEAD" and status not in (204, 304):
            if headers.get("Transfer-Encoding") == "chunked":
                while chunk := await self.chunk():
                    body += chunk
            elif "Content-Length" in headers:
                body = await self.reader.readexactly(int(headers["Content-Length"]))
            else:
                body = await self.reader.read()
        return Answer(status, headers, body)

    async def chunk(self) -> bytes:
        """Reads one chunk of a chunked answer; b"" is its end."""
        size = int(await self.reader.readline(), 16)
        data = await self.reader.readexactly(size)
        await self.reader.readexactly(2)
        return data

    async def closed(self) -> bytes:
        """Whatever comes until the proxy closes the connection."""
        return await self.reader.read()

    def close(self) -> None:
        """Leaves."""
        self.writer.close()


def request(method: str, path: str, body: bytes = b"", /, **headers: str) -> bytes:
    """The bytes of a request."""
    fields = {"host": "127.0.0.1:4141"}
    if body or method in ("POST", "PUT"):
        fields["content-length"] = str(len(body))
        fields["content-type"] = "application/json"
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
    return "\r\n".join(lines).encode() + body


def streamed(path: str, /, **headers: str) -> bytes:
    """The head of a request whose body comes in chunks."""
    fields = {"host": "127.0.0.1:4141", "content-type": "application/json"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"POST {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "transfer-encoding: chunked", "", ""]).encode()


def piece(data: bytes) -> bytes:
    """A chunk of such a body; of b"" the last one."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def chat(**fields: Any) -> bytes:
    """A small Chat request's body."""
    return json.dumps(
        {"model": "gpt-5.4", "messages": [{"role": "user", "content": "Hi"}]} | fields
    ).encode()
