"""Multipart forms as they came."""

from email.message import Message
from email.parser import BytesParser
from typing import NamedTuple

from standins.api import Received


class Field(NamedTuple):
    """One field: its file name and type, None for a plain value, and its content."""

    filename: str | None
    kind: str | None
    content: bytes


def fields_of(got: Received) -> dict[str, Field]:
    """The fields of a multipart form by name; empty for what is none."""
    head = f"Content-Type: {got.headers.get('content-type', '')}\r\n\r\n".encode()
    message: Message = BytesParser().parsebytes(head + got.body)
    found: dict[str, Field] = {}
    if not message.is_multipart():
        return found
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found[name] = Field(part.get_filename(), part.get("content-type"), content)
    return found
