"""A stream on its way to the caller: held until its first content, then passed as it comes."""

import time
from collections.abc import AsyncGenerator, Callable
from typing import Final

import aiohttp

from outrider_sidecar.dialects.alike import Alike
from outrider_sidecar.dialects.dialect import Dialect, Seen, Usage
from outrider_sidecar.dialects.errors import refuse, stream_failure
from outrider_sidecar.dialects.sse import Events
from outrider_sidecar.snapshot import Timeouts
from outrider_sidecar.telemetry.record import Record
from outrider_sidecar.upstream.classify import ErrorClass, read_error
from outrider_sidecar.upstream.deadline import Deadline
from outrider_sidecar.upstream.failure import Failed, cause, masked, of_answer
from outrider_sidecar.upstream.outcome import class_of, conclude, estimated, fill
from outrider_sidecar.upstream.reply import Reply
from outrider_sidecar.upstream.trail import Trail

HOLD: Final = 64 * 1024
"""Bytes held at most while no content has come; then the answer is committed as it is."""

LINGER_MS: Final = 1_000
"""How long the end of a body is waited for after the stream's last event."""


class Relay:
    """One streamed answer. `begin` until it is committed, then `chunks` to the caller.

    `withhold` keeps back the usage-only chunk that the caller did not ask for; `silent` says
    that the model may think without showing it, so that only the request's limit counts; `key` is
    the one of ours that was sent.
    """

    __slots__ = (
        "_alike",
        "_backend",
        "_content",
        "_deadline",
        "_dialect",
        "_done",
        "_error",
        "_events",
        "_fault",
        "_finish",
        "_guess",
        "_inspect",
        "_key",
        "_record",
        "_reply",
        "_silent",
        "_text_chars",
        "_timeouts",
        "_trail",
        "_usage",
        "_withhold",
    )

    def __init__(
        self,
        reply: Reply,
        backend: str,
        dialect: Dialect,
        timeouts: Timeouts,
        deadline: Deadline,
        record: Record,
        trail: Trail,
        *,
        withhold: bool,
        silent: bool,
        key: str | None,
        guess: Callable[[], int],
    ) -> None:
        self._reply = reply
        self._backend = backend
        self._dialect = dialect
        self._inspect = dialect.inspect
        self._timeouts = timeouts
        self._deadline = deadline
        self._record = record
        self._trail = trail
        self._withhold = withhold
        self._silent = silent
        self._key = key
        self._guess = guess
        self._events = Events()
        self._alike = Alike()
        self._content = False
        self._done = False
        self._error: bytes | None = None
        self._fault: str | None = None
        self._finish: str | None = None
        self._text_chars = 0
        self._usage: Usage | None = None

    async def begin(self, began: float, *, wants_nothing: bool) -> bytes:
        """Everything up to and including the first content, to be sent first.

        `began` is the attempt's start on the deadline's clock, `wants_nothing` says that the
        request asked for no output. Raises `Failed`.
        """
        held = bytearray()
        while True:
            patience = self._patience(self._timeouts.first_token_ms)
            self._deadline.until(began + patience / 1000)
            try:
                chunk = await self._read()
            except TimeoutError:
                raise Failed(ErrorClass.TIMEOUT, f"sent no content within {patience} ms") from None
            except (aiohttp.ClientError, OSError) as error:
                raise Failed(
                    ErrorClass.BROKEN_STREAM, f"broke off before any content ({cause(error)})"
                ) from error
            held += self._take(chunk) if chunk else self._last()
            if self._content:
                return bytes(held)
            if self._error is not None:
                raise of_answer(
                    200, self._reply.headers, self._error, callers_key=False, key=self._key
                )
            if self._fault is not None:
                raise Failed(ErrorClass.BROKEN_STREAM, self._fault)
            if len(held) > HOLD:
                return bytes(held)
            if self._done:
                spent = self._usage is not None and self._usage.output > 0
                if not (spent or wants_nothing) and class_of(self._finish) == "ok":
                    raise Failed(ErrorClass.EMPTY, "answered with no content and no output tokens")
                return bytes(held)

    async def chunks(self, first: bytes) -> AsyncGenerator[bytes, None]:
        """The stream from `first` on: events as received, then our comment or a failure."""
        try:
            yield first
            while not self._done:
                if self._error is not None or self._fault is not None:
                    yield self._failure()
                    return
                passed = await self._next()
                if passed:
                    yield passed
            await self._drain()
        finally:
            self.close()

    def close(self) -> None:
        """Ends the upstream call, if it has not ended, and settles the record. May be repeated."""
        self._deadline.drop()
        self._reply.close()
        record = self._record
        record.finish_reason = self._finish
        record.response_length = self._text_chars
        if self._done:
            conclude(record, self._finish)
        elif self._error is not None or self._fault is not None:
            record.cls = str(ErrorClass.BROKEN_STREAM)
        else:
            record.cls = "Cancelled"
        if not self._done or record.cls != "ok":
            self._trail.amend(record.cls)
        usage = self._usage
        if usage is None or not (self._done or usage.output > 1):
            record.estimated = True
            usage = estimated(usage, self._guess(), self._text_chars)
        fill(record, usage)

    async def _next(self) -> bytes:
        # What a stream costs is what stands here times its events: `_read` is written out.
        timeouts, deadline = self._timeouts, self._deadline
        patience = timeouts.request_ms if self._silent else timeouts.idle_ms
        deadline.within(patience)
        asked = time.perf_counter()
        try:
            with deadline:
                chunk = await self._reply.read()
        except TimeoutError:
            self._fault = f"sent nothing for {patience} ms"
            return b""
        except (aiohttp.ClientError, OSError) as error:
            self._fault = f"broke off ({cause(error)})"
            return b""
        finally:
            self._record.waited += time.perf_counter() - asked
        return self._take(chunk) if chunk else self._last()

    async def _read(self) -> bytes:
        asked = time.perf_counter()
        try:
            with self._deadline:
                return await self._reply.read()
        finally:
            self._record.waited += time.perf_counter() - asked

    def _patience(self, usual: int) -> int:
        return self._timeouts.request_ms if self._silent else usual

    def _take(self, chunk: bytes) -> bytes:
        """What of `chunk`, and of what was kept before it, goes on; whole events only."""
        try:
            events = self._events.feed(chunk)
        except ValueError as error:
            self._fault = str(error)
            return b""
        passed: list[bytes] = []
        for event in events:
            chars = self._alike.chars(event)
            if chars is not None:
                self._text_chars += chars
                passed.append(event)
                continue
            seen = self._inspect(event)
            if seen is None:
                passed.append(event)
                continue
            if seen.error is not None or seen.broken:
                self._refuse(seen)
                break
            self._note(seen)
            self._alike.learn(event, seen)
            if not (seen.usage_only and self._withhold):
                passed.append(event)
            if seen.done:
                passed.append(self._end())
                break
        return passed[0] if len(passed) == 1 else b"".join(passed)

    def _last(self) -> bytes:
        """What goes on at the body's end: an event that lacks its blank line, and our comment.

        A stream that said why it finished is complete, whether or not it said so in the end.
        """
        passed = self._take(b"\n\n") if self._events.tail() else b""
        if self._done or self._error is not None or self._fault is not None:
            return passed
        if self._finish is None:
            self._fault = "ended its stream without saying so"
            return passed
        return passed + self._end()

    def _note(self, seen: Seen) -> None:
        if seen.content:
            self._content = True
        self._text_chars += seen.text_chars
        if seen.reasoning is not None:
            self._silent = seen.reasoning
        if seen.usage is not None:
            self._usage = seen.usage if self._usage is None else self._usage.then(seen.usage)
        if seen.finish is not None and class_of(self._finish) == "ok":
            self._finish = seen.finish

    def _refuse(self, seen: Seen) -> None:
        if seen.error is not None:
            self._error = seen.error
        else:
            self._fault = "sent an event that is no JSON"

    def _end(self) -> bytes:
        """The stream is complete: our comment, which stands after its last event."""
        self._done = True
        usage = self._usage or estimated(None, self._guess(), self._text_chars)
        return b": outrider tokens=in=%d,out=%d,cached=%d\n\n" % (
            usage.input,
            usage.output,
            usage.cached,
        )

    def _failure(self) -> bytes:
        said = self._fault
        if self._error is not None:
            told = masked(read_error(self._error).message, self._key)
            said = f"sent an error inside its stream: {told[:500]}"
        refusal = refuse(
            "provider_stream_broken", f"backend {self._backend} {said}; the answer is incomplete"
        )
        self._record.error = refusal.code
        return stream_failure(self._dialect, refusal, self._record.request_id)

    async def _drain(self) -> None:
        """Reads to the body's end, so that the connection can serve again."""
        self._deadline.within(LINGER_MS)
        try:
            while await self._read():
                pass
        except (TimeoutError, aiohttp.ClientError, OSError):
            self._reply.close()
