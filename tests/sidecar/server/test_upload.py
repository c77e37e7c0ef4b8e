"""Files much larger than the memory they may cost, both ways through the real program."""

import asyncio
import hashlib
from pathlib import Path

from aiohttp import web

from loopback.process import running
from loopback.provider import Provider
from loopback.stage import compiled, route
from loopback.wire import request
from outrider_sidecar.api.bounds import MIB
from outrider_sidecar.snapshot import encode, seal

SIZE = 200 * MIB
ROOM_KIB = 16 * 1024

HEAD = (
    b'--edge\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)
TAIL = b"\r\n--edge--\r\n"
PIECE = bytes(range(256)) * 4096


async def test_200_mib_pass_in_less_than_16_mib_of_memory(
    tmp_path: Path, provider: Provider
) -> None:
    got = hashlib.sha256()

    async def count(request: web.BaseRequest) -> web.StreamResponse:
        provider.note(request)
        async for part in request.content.iter_any():
            got.update(part)
        return web.json_response({"id": "file-1"})

    provider.take = count
    (tmp_path / "snapshot.json").write_bytes(encode(seal(compiled({"support": route(provider)}))))
    length = len(HEAD) + SIZE + len(TAIL)
    sent = hashlib.sha256(HEAD)
    async with running(tmp_path) as sidecar:
        small = {"content_type": "multipart/form-data; boundary=edge"}
        answer = await sidecar.ask("POST", "/v1/files", HEAD + TAIL, **small)
        assert answer.status == 200
        got = hashlib.sha256()
        before = sidecar.kib("VmRSS")
        wire = await sidecar.wire()
        await wire.send(request("POST", "/v1/files", content_length=str(length), **small), HEAD)
        for _ in range(SIZE // len(PIECE)):
            await wire.send(PIECE)
            sent.update(PIECE)
        await wire.send(TAIL)
        sent.update(TAIL)
        async with asyncio.timeout(30):
            answer = await wire.answer()
        peak = sidecar.kib("VmHWM")
    assert answer.json() == {"id": "file-1"}
    assert got.digest() == sent.digest()
    assert provider.seen[1].headers["Content-Length"] == str(length)
    assert peak - before < ROOM_KIB


async def test_200_mib_come_back_in_less_than_16_mib_of_memory(
    tmp_path: Path, provider: Provider
) -> None:
    async def flow(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(pieces * len(PIECE))})
        await response.prepare(request)
        for _ in range(pieces):
            await response.write(PIECE)
        return response

    provider.take = flow
    (tmp_path / "snapshot.json").write_bytes(encode(seal(compiled({"support": route(provider)}))))
    async with running(tmp_path) as sidecar:
        wire = await sidecar.wire()
        pieces = 1
        assert (await wire.ask("GET", "/v1/files/f/content")).body == PIECE
        pieces = SIZE // len(PIECE)
        before = sidecar.kib("VmRSS")
        await wire.send(request("GET", "/v1/files/f/content"))
        status, _ = await wire.head()
        assert status == 200
        for _ in range(pieces):
            assert await wire.reader.readexactly(len(PIECE)) == PIECE
        peak = sidecar.kib("VmHWM")
    assert peak - before < ROOM_KIB
