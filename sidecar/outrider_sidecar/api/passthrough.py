"""Whatever we have no stages for: identified, limited, logged, and sent on as it is.

One attempt, streamed both ways without a limit and without a buffer; the answer goes back as
sent, a redirect too.
"""

import time
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp import web

from outrider_sidecar.api.exchange import Exchange
from outrider_sidecar.api.upload import Upload
from outrider_sidecar.dialects.errors import Refusal, refuse
from outrider_sidecar.routing.choice import Candidate
from outrider_sidecar.upstream.classify import CONSEQUENCES, ProviderError, of_error, of_exception
from outrider_sidecar.upstream.client import Target, Upstream
from outrider_sidecar.upstream.deadline import Deadline
from outrider_sidecar.upstream.failure import cause
from outrider_sidecar.upstream.outgoing import CREDENTIALS, KeyMissing, target

# Of one connection, of the provider's own origin, or a key that it repeats.
_KEPT_BACK: Final = (CREDENTIALS - {"openai-organization", "openai-project"}) | {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "alt-svc",
    "set-cookie",
}


def aim(exchange: Exchange, candidate: Candidate, upstream: Upstream) -> Target:
    """Where the request goes; raises `Refusal` when the backend's key cannot be used."""
    request = exchange.request
    try:
        return target(
            candidate.backend,
            candidate.name,
            exchange.operation.path,
            request.raw_path.partition("?")[2],
            request.headers,
            credentials=upstream.credentials,
            allow_loopback=upstream.allow_loopback,
            encoding="caller",
        )
    except KeyMissing as error:
        raise refuse("outrider_credential_missing", str(error)) from error


async def send_on(
    exchange: Exchange, candidate: Candidate, upload: Upload, upstream: Upstream
) -> web.StreamResponse:
    """Sends the request to the candidate and its answer back, both as they come.

    A provider that is silent for the backend's ``request`` time, while nothing is awaited from
    the caller, ends it. Raises `Refusal`.
    """
    request, record = exchange.request, exchange.record
    where = aim(exchange, candidate, upstream)
    for field in ("Content-Length", "Content-Encoding"):
        if field in request.headers:
            where.headers[field] = request.headers[field]
    timeouts = candidate.backend.timeouts
    deadline = Deadline()
    deadline.within(timeouts.request_ms)
    response: aiohttp.ClientResponse | None = None
    asked = time.perf_counter()
    try:
        with deadline:
            response = await upstream.open(
                request.method,
                where,
                None if upload.empty else _watched(upload, deadline, timeouts.request_ms),
                connect_ms=timeouts.connect_ms,
            )
        record.cls = _class_of(response)
        record.attempts = f"{candidate.name}:{record.cls}"
        writer = await exchange.begin(response.status, _returned(response))
        while True:
            deadline.within(timeouts.request_ms)
            with deadline:
                chunk = await response.content.readany()
            if not chunk:
                return await exchange.end()
            if writer is not None:
                await writer.write(chunk)
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise _failed(exchange, candidate, upload, error) from error
    finally:
        record.waited += time.perf_counter() - asked  # all of it: the bytes are only carried
        deadline.drop()
        if response is not None:
            response.close()


async def _watched(upload: Upload, deadline: Deadline, patience_ms: int) -> AsyncIterator[bytes]:
    """The upload; each piece shows that the provider still reads."""
    async for piece in upload.pieces():
        deadline.within(patience_ms)
        yield piece


def _returned(response: aiohttp.ClientResponse) -> list[tuple[str, str]]:
    """The answer's own headers, as far as they are the caller's."""
    named = {
        word.strip().lower()
        for line in response.headers.getall("connection", [])
        for word in line.split(",")
    }
    fields = [
        (field, value)
        for field, value in response.headers.items()
        if not (
            (lower := field.lower()) in _KEPT_BACK
            or lower in named
            or lower.startswith("x-outrider-")
        )
    ]
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        fields = [item for item in fields if item[0].lower() != "cache-control"]
        fields += [("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")]
    return fields


def _class_of(response: aiohttp.ClientResponse) -> str:
    if response.status < 400:
        return "ok"
    return of_error(response.status, response.headers, ProviderError()).value


def _failed(
    exchange: Exchange, candidate: Candidate, upload: Upload, error: Exception
) -> Exception:
    """What the exchange ends with: the caller's own failure, its leaving, or the provider's."""
    if upload.failure is not None:
        return upload.failure
    transport = exchange.request.transport
    if transport is None or transport.is_closing():
        return ConnectionResetError("the caller has left")
    return unreached(exchange, candidate, error)


def unreached(exchange: Exchange, candidate: Candidate, error: Exception) -> Refusal:
    """The refusal for a provider that gave no answer, noted in the record."""
    found = of_exception(error)
    exchange.record.cls = found.value
    exchange.record.attempts = f"{candidate.name}:{found.value}"
    exchange.once = True
    return refuse(
        CONSEQUENCES[found].code,
        f"backend {candidate.name} at {candidate.backend.base_url} gave no answer ({cause(error)})",
    )
