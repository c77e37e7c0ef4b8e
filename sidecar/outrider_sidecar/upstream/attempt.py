"""One call of one backend, up to the moment when its answer is committed."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import aiohttp

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.dialect import Dialect
from outrider_sidecar.dialects.errors import Refusal, refuse
from outrider_sidecar.routing.choice import Candidate
from outrider_sidecar.routing.decision import Call, Plan
from outrider_sidecar.telemetry.record import Record
from outrider_sidecar.upstream.classify import ErrorClass, of_exception
from outrider_sidecar.upstream.client import Target, Upstream
from outrider_sidecar.upstream.deadline import Deadline
from outrider_sidecar.upstream.failure import Failed, cause, of_answer
from outrider_sidecar.upstream.incoming import passed_back
from outrider_sidecar.upstream.outcome import class_of, conclude, estimated, fill
from outrider_sidecar.upstream.outgoing import target
from outrider_sidecar.upstream.relay import Relay
from outrider_sidecar.upstream.reply import Reply
from outrider_sidecar.upstream.simulated import Question
from outrider_sidecar.upstream.trail import Trail

LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes, after decoding, that an answer may have that is no stream."""

LARGEST_ERROR: Final = 1024 * 1024
"""Bytes that are read of an error's body."""


@dataclass(slots=True)
class Answer:
    """A model's answer, committed: a `body`, or the `chunks` of a stream.

    The first chunk holds everything up to the first content. Whoever takes `chunks` closes it:
    that ends the upstream call when the caller has left.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes | None = None
    chunks: AsyncGenerator[bytes, None] | None = None


class Attempt:
    """One call. `run` may be awaited once."""

    __slots__ = (
        "_began",
        "_call",
        "_candidate",
        "_deadline",
        "_dialect",
        "_key",
        "_plan",
        "_record",
        "_silent",
        "_timeouts",
        "_trail",
        "_upstream",
    )

    def __init__(
        self,
        plan: Plan,
        call: Call,
        candidate: Candidate,
        upstream: Upstream,
        record: Record,
        trail: Trail,
    ) -> None:
        if call.operation.dialect is None:
            raise refuse("outrider_internal", f"{call.operation.path} speaks no dialect of ours")
        self._plan = plan
        self._call = call
        self._candidate = candidate
        self._dialect: Dialect = call.operation.dialect
        self._upstream = upstream
        self._record = record
        self._trail = trail
        self._timeouts = candidate.backend.timeouts
        self._silent = plan.stream and thinks_in_silence(self._dialect, plan.body)
        self._key: str | None = None
        self._deadline = Deadline()
        self._began = self._deadline.now()

    async def run(self) -> Answer:
        """The committed answer. Raises `Failed`, and `KeyMissing` before anything is sent."""
        reply: Reply | None = None
        committed = False
        try:
            reply = await self._open()
            kind = reply.headers.get("content-type", "").lower()
            if not 200 <= reply.status < 300:
                raise self._failed(reply, await self._error(reply))
            if self._plan.stream and kind.startswith("text/event-stream"):
                answer = await self._stream(reply)
            elif "json" in kind or not kind:
                answer = self._whole(reply, await self._body(reply))
            else:
                raise Failed(ErrorClass.BROKEN_STREAM, f"answered with {kind[:100]!r}")
            committed = True
            return answer
        except asyncio.CancelledError:
            self._record.cls = "Cancelled"
            self._record.estimated = True
            self._record.input_tokens = self._guess()
            self._trail.add(self._candidate.name, "Cancelled")
            raise
        finally:
            if not (committed and self._plan.stream):
                self._deadline.drop()
                if reply is not None:
                    reply.close()

    async def _open(self) -> Reply:
        """The answer's head. Raises `Failed` and `KeyMissing`."""
        plan, call, backend = self._plan, self._call, self._candidate.backend
        body = plan.body_for(self._candidate)
        patience = self._patience
        asked = time.perf_counter()
        if backend.simulated is not None:
            question = Question(
                dialect=self._dialect.name,
                backend=self._candidate.name,
                model=backend.model or plan.model,
                body=body,
                stream=plan.stream,
                text=plan.features.texts.last_user or "",
                input_tokens=plan.features.input_tokens,
                request_id=call.request_id,
            )
            sending = self._upstream.simulator.reply(backend.simulated, question)
        else:
            sending = self._upstream.send(self._aim(), body, connect_ms=self._timeouts.connect_ms)
        self._deadline.within(patience)
        try:
            with self._deadline:
                return await sending
        except (aiohttp.ClientError, OSError) as error:
            cls = of_exception(error)
            if cls is ErrorClass.TIMEOUT:
                raise Failed(cls, f"did not answer within {patience} ms") from error
            if cls is ErrorClass.BROKEN_STREAM:
                raise Failed(cls, f"began an answer that is broken ({cause(error)})") from error
            raise Failed(cls, f"could not be reached ({cause(error)})") from error
        finally:
            self._record.waited += time.perf_counter() - asked

    def _aim(self) -> Target:
        """Where to, with which headers. Raises `KeyMissing`, and `Failed` for a forbidden host."""
        try:
            aim = target(
                self._candidate.backend,
                self._candidate.name,
                self._call.operation.path,
                self._call.query,
                self._call.headers,
                credentials=self._upstream.credentials,
                allow_loopback=self._upstream.allow_loopback,
                encoding="identity" if self._plan.stream else "gzip",
            )
        except Refusal as refusal:
            raise Failed(
                ErrorClass.CREDENTIAL_REJECTED,
                f"was not called: {refusal.message}",
                code=refusal.code,
            ) from refusal
        self._key = aim.key
        aim.headers.setdefault("content-type", "application/json")
        return aim

    async def _body(self, reply: Reply) -> bytes:
        """A whole body. Raises `Failed` when it breaks, is too slow or has too many bytes."""
        pieces: list[bytes] = []
        try:
            if await self._read_into(pieces, reply, LARGEST_ANSWER) > LARGEST_ANSWER:
                raise Failed(
                    ErrorClass.BROKEN_STREAM, f"answered with more than {LARGEST_ANSWER} bytes"
                )
        except TimeoutError:
            raise Failed(ErrorClass.TIMEOUT, f"did not answer within {self._patience} ms") from None
        except (aiohttp.ClientError, OSError) as error:
            raise Failed(
                ErrorClass.BROKEN_STREAM, f"broke off its answer ({cause(error)})"
            ) from error
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _error(self, reply: Reply) -> bytes:
        """An error's body as far as it comes: the status says enough where it breaks."""
        pieces: list[bytes] = []
        with suppress(aiohttp.ClientError, OSError):
            await self._read_into(pieces, reply, LARGEST_ERROR)
        return b"".join(pieces)

    async def _read_into(self, pieces: list[bytes], reply: Reply, limit: int) -> int:
        """Reads to the end, or until there are more bytes than `limit`; how many there are.

        Raises TimeoutError when the attempt takes too long, and what the client raises.
        """
        size = 0
        asked = time.perf_counter()
        self._deadline.until(self._began + self._patience / 1000)
        try:
            with self._deadline:
                while size <= limit and (piece := await reply.read()):
                    pieces.append(piece)
                    size += len(piece)
        finally:
            self._record.waited += time.perf_counter() - asked
        return size

    def _whole(self, reply: Reply, body: bytes) -> Answer:
        """The answer in a body that is no stream. Raises `Failed`."""
        outcome = self._dialect.outcome(body)
        if outcome is None:
            raise Failed(ErrorClass.BROKEN_STREAM, "answered with something that is no JSON object")
        if outcome.error is not None:
            raise self._failed(reply, outcome.error)
        if self._plan.stream:
            raise Failed(ErrorClass.BROKEN_STREAM, "answered with no stream where one was asked")
        if (
            outcome.empty
            and class_of(outcome.finish) == "ok"
            and not wants_nothing(self._plan.body)
        ):
            raise Failed(ErrorClass.EMPTY, "answered with no content and no output tokens")
        record = self._record
        cls = conclude(record, outcome.finish)
        record.response_length = outcome.text_chars
        if outcome.usage is None:
            record.estimated = True
            fill(record, estimated(None, self._guess(), outcome.text_chars))
        else:
            fill(record, outcome.usage)
        self._trail.add(self._candidate.name, cls)
        headers = passed_back(reply.headers, record.request_id)
        if "content-type" not in reply.headers:
            headers.append(("content-type", "application/json"))
        return Answer(reply.status, headers, body=body)

    async def _stream(self, reply: Reply) -> Answer:
        """The answer in a stream, held until its first content. Raises `Failed`."""
        record = self._record
        relay = Relay(
            reply,
            self._candidate.name,
            self._dialect,
            self._timeouts,
            self._deadline,
            record,
            self._trail,
            withhold=not self._plan.usage_asked,
            silent=self._silent,
            key=self._key,
            guess=self._guess,
        )
        first = await relay.begin(self._began, wants_nothing=wants_nothing(self._plan.body))
        record.first = time.perf_counter()
        self._trail.add(self._candidate.name, "ok")
        headers = passed_back(reply.headers, record.request_id)
        return Answer(reply.status, headers, chunks=relay.chunks(first))

    def _failed(self, reply: Reply, body: bytes) -> Failed:
        forwards = self._candidate.backend.caller_credentials == "Forward"
        return of_answer(reply.status, reply.headers, body, callers_key=forwards, key=self._key)

    @property
    def _patience(self) -> int:
        """Milliseconds for an answer, or for a stream until it begins."""
        if self._plan.stream and not self._silent:
            return self._timeouts.first_token_ms
        return self._timeouts.request_ms

    def _guess(self) -> int:
        """Estimated input tokens, for an answer that does not say how many there were."""
        try:
            return self._plan.features.input_tokens
        except Refusal:
            return 0


def thinks_in_silence(dialect: Dialect, body: Body) -> bool:
    """Whether the model may think for long and the dialect show nothing of it."""
    return dialect.name == "chat" and body.at("/reasoning_effort") not in (None, "none")


def wants_nothing(body: Body) -> bool:
    """Whether the request asks for no output at all."""
    return "0" in (body.at("/max_tokens"), body.at("/max_completion_tokens"))
