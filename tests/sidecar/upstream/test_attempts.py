"""Which backends are called, in which order, and what the caller gets when all of them fail."""

import json
from typing import Any

import pytest

from loopback.scripted import Serve, answers, hangs_up, silent, streams
from outrider_sidecar.dialects.errors import Refusal, body_of, status_of
from outrider_sidecar.snapshot import SecretKey
from outrider_sidecar.upstream.client import Upstream
from standins import tables
from standins.errands import CHAT, MESSAGES, Errand, drained, to
from standins.sse import CHAT_STREAM, COMPLETION, FINISH, MESSAGE, USAGE, delta

GOOD = answers(COMPLETION)


def error(status: int, code: str | None = None, kind: str = "error", **headers: str) -> Any:
    """An error as OpenAI words it."""
    return answers({"error": {"message": "No.", "type": kind, "code": code}}, status, **headers)


async def refused(errand: Errand, upstream: Upstream) -> Refusal:
    """The refusal that a request ends with."""
    with pytest.raises(Refusal) as caught:
        await errand.run(upstream)
    return caught.value


async def test_the_first_backend_that_answers_is_the_answer(
    serve: Serve, upstream: Upstream
) -> None:
    first, second = await serve(GOOD), await serve(GOOD)
    errand = Errand({"one": to(first), "two": to(second)})
    got = await errand.run(upstream)
    assert (got.status, got.body) == (200, json.dumps(COMPLETION).encode())
    assert (len(first.requests), len(second.requests)) == (1, 0)
    record = errand.record
    assert (record.backend, record.model, record.attempts) == ("one", "m", "one:ok")
    assert (record.cls, record.finish_reason, record.response_length) == ("ok", "stop", 2)


async def test_each_backend_is_called_once_in_order_until_one_answers(
    serve: Serve, upstream: Upstream
) -> None:
    bad = [await serve(error(500)), await serve(error(429)), await serve(hangs_up)]
    good = await serve(GOOD)
    backends = {f"bad-{place}": to(each) for place, each in enumerate(bad)} | {"good": to(good)}
    errand = Errand(backends)
    assert (await errand.run(upstream)).status == 200
    assert [len(each.requests) for each in [*bad, good]] == [1, 1, 1, 1]
    assert errand.record.attempts == (
        "bad-0:ServerError,bad-1:RateLimited,bad-2:Unreachable,good:ok"
    )
    assert (errand.record.backend, errand.record.cls) == ("good", "ok")


@pytest.mark.parametrize(
    ("status", "code", "cls"),
    [
        (408, None, "ServerError"),
        (409, None, "ServerError"),
        (424, None, "ServerError"),
        (425, None, "ServerError"),
        (500, "server_error", "ServerError"),
        (502, None, "ServerError"),
        (503, None, "ServerError"),
        (503, "slow_down", "Overloaded"),
        (529, None, "Overloaded"),
        (429, "rate_limit_exceeded", "RateLimited"),
        (429, "insufficient_quota", "QuotaExhausted"),
        (402, None, "QuotaExhausted"),
        (401, "invalid_api_key", "CredentialRejected"),
        (403, None, "CredentialRejected"),
        (404, "model_not_found", "ModelNotFound"),
        (301, None, "ServerError"),
        (307, None, "ServerError"),
    ],
)
async def test_the_next_backend_answers_for_one_whose_failure_is_its_own(
    serve: Serve, upstream: Upstream, status: int, code: str | None, cls: str
) -> None:
    elsewhere = await serve(GOOD)
    bad = await serve(error(status, code, location=elsewhere.url + CHAT))
    good = await serve(GOOD)
    errand = Errand({"bad": to(bad), "good": to(good)})
    assert (await errand.run(upstream)).status == 200
    assert errand.record.attempts == f"bad:{cls},good:ok"
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("status", "code", "cls", "ours"),
    [
        (400, None, "Invalid", "caller_invalid"),
        (422, None, "Invalid", "caller_invalid"),
        (400, "content_filter", "Invalid", "caller_invalid"),
        (400, "context_length_exceeded", "ContextLength", "caller_context_length"),
        (413, None, "TooLarge", "caller_too_large"),
    ],
)
async def test_no_other_backend_is_asked_when_the_request_itself_is_wrong(
    serve: Serve, upstream: Upstream, status: int, code: str | None, cls: str, ours: str
) -> None:
    strict, spare = await serve(error(status, code)), await serve(GOOD)
    errand = Errand({"strict": to(strict), "spare": to(spare)})
    refusal = await refused(errand, upstream)
    assert (refusal.code, errand.record.cls) == (ours, cls)
    assert errand.record.attempts == f"strict:{cls}"
    assert spare.requests == []


@pytest.mark.parametrize(
    "words",
    [
        b'{"error": {"message": "temperature is 9", "param": "temperature"}}',
        b'{"detail": [{"loc": ["body", "messages"], "msg": "Field required"}]}',
        b'{"error": "temperature is 9"}',
        b'[{"error": {"code": 400}}]',
    ],
)
async def test_an_invalid_request_is_told_in_the_providers_own_words(
    serve: Serve, upstream: Upstream, words: bytes
) -> None:
    provider = await serve(answers(words, 422))
    refusal = await refused(Errand({"only": to(provider)}), upstream)
    assert (refusal.status, body_of(refusal, "openai", "or_1")) == (400, words)


@pytest.mark.parametrize("page", [b"<html>Bad Request</html>", b"", b"{}", b"[]", b"null"])
async def test_a_page_that_says_nothing_to_a_program_is_not_passed_on(
    serve: Serve, upstream: Upstream, page: bytes
) -> None:
    provider = await serve(answers(page, 400))
    refusal = await refused(Errand({"only": to(provider)}), upstream)
    assert (refusal.code, refusal.status, refusal.body) == ("caller_invalid", 400, None)
    assert refusal.message == "backend only answered 400"


async def test_a_single_failure_is_told_by_its_own_code_and_status(
    serve: Serve, upstream: Upstream
) -> None:
    provider = await serve(error(429, "rate_limit_exceeded", retry_after="7"))
    refusal = await refused(Errand({"only": to(provider)}), upstream)
    assert (refusal.code, refusal.status, refusal.retry_after) == ("provider_rate_limited", 429, 7)
    assert refusal.message == "backend only answered 429: No."
    assert refusal.details["attempts"] == [{"backend": "only", "class": "RateLimited"}]


async def test_when_all_fail_every_attempt_is_named_with_the_last_ones_status(
    serve: Serve, upstream: Upstream
) -> None:
    busy = await serve(error(429, retry_after="30"))
    full = await serve(error(503, "slow_down", retry_after_ms="2500"))
    errand = Errand({"busy": to(busy), "full": to(full)})
    refusal = await refused(errand, upstream)
    assert refusal.code == "provider_exhausted"
    assert (status_of(refusal, "openai"), status_of(refusal, "anthropic")) == (503, 529)
    assert refusal.message == (
        "all 2 backends failed: busy answered 429: No.; full answered 503: No."
    )
    assert refusal.details["attempts"] == [
        {"backend": "busy", "class": "RateLimited"},
        {"backend": "full", "class": "Overloaded"},
    ]
    assert refusal.retry_after == 2.5
    assert (errand.record.cls, errand.record.backend) == ("Overloaded", "full")


async def test_a_request_that_is_wrong_is_told_so_without_the_waits_of_others(
    serve: Serve, upstream: Upstream
) -> None:
    busy, strict = await serve(error(429, retry_after="30")), await serve(error(400))
    refusal = await refused(Errand({"busy": to(busy), "strict": to(strict)}), upstream)
    assert (refusal.code, refusal.status, refusal.retry_after) == ("caller_invalid", 400, None)


async def test_a_backend_without_its_key_is_skipped_and_told(
    serve: Serve, upstream: Upstream
) -> None:
    keyless, good = await serve(GOOD), await serve(GOOD)
    key = SecretKey(name="outrider-credentials", key="openai")
    errand = Errand({"keyless": to(keyless, secret_key_ref=key), "good": to(good)})
    assert (await errand.run(upstream)).status == 200
    assert errand.record.attempts == "good:ok;skipped=keyless:credential"
    assert keyless.requests == []


async def test_without_any_key_nothing_is_called_and_the_fix_is_named(
    serve: Serve, upstream: Upstream
) -> None:
    provider = await serve(GOOD)
    key = SecretKey(name="outrider-credentials", key="openai")
    errand = Errand({"only": to(provider, secret_key_ref=key)})
    refusal = await refused(errand, upstream)
    assert (refusal.code, refusal.status) == ("outrider_credential_missing", 503)
    assert "'openai' of Secret 'outrider-credentials'" in refusal.message
    assert errand.record.attempts == ";skipped=only:credential"
    assert (errand.record.backend, provider.requests) == (None, [])


async def test_what_failed_is_told_and_not_what_had_no_key(
    serve: Serve, upstream: Upstream
) -> None:
    down, keyless = await serve(error(500)), await serve(GOOD)
    key = SecretKey(name="outrider-credentials", key="openai")
    errand = Errand({"down": to(down), "keyless": to(keyless, secret_key_ref=key)})
    refusal = await refused(errand, upstream)
    assert (refusal.code, errand.record.backend) == ("provider_error", "down")
    assert errand.record.attempts == "down:ServerError;skipped=keyless:credential"


async def test_backends_that_do_not_speak_the_dialect_stand_in_the_trail(
    serve: Serve, upstream: Upstream
) -> None:
    chat, messages = await serve(GOOD), await serve(answers(MESSAGE))
    backends = {"gpt": to(chat), "claude": to(messages, "Anthropic")}
    errand = Errand(backends, tables.chat("claude"), path=MESSAGES)
    assert (await errand.run(upstream)).status == 200
    assert errand.record.attempts == "claude:ok;skipped=gpt:unsupported"


async def test_each_backend_has_its_own_time(serve: Serve, upstream: Upstream) -> None:
    stuck, good = await serve(silent), await serve(GOOD)
    errand = Errand({"stuck": to(stuck, request_ms=30), "good": to(good)})
    assert (await errand.run(upstream)).status == 200
    assert errand.record.attempts == "stuck:Timeout,good:ok"


async def test_a_stream_fails_over_as_long_as_nothing_was_said(
    serve: Serve, upstream: Upstream
) -> None:
    bad, good = await serve(error(529)), await serve(streams(*CHAT_STREAM))
    errand = Errand({"bad": to(bad), "good": to(good)}, tables.chat("gpt", stream=True))
    text = await drained(await errand.run(upstream))
    assert text.startswith(b"".join(CHAT_STREAM[:4]))
    assert errand.record.attempts == "bad:Overloaded,good:ok"


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_without_content_is_a_failure_unless_none_was_asked(
    serve: Serve, upstream: Upstream, stream: bool, limit: str
) -> None:
    nothing = COMPLETION | {
        "choices": [{"index": 0, "message": {"content": ""}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 0},
    }
    script = streams(FINISH, b"data: [DONE]\n\n") if stream else answers(nothing)
    empty = await serve(script)
    good = await serve(streams(delta("Hi"), FINISH, b"data: [DONE]\n\n") if stream else GOOD)
    backends = {"empty": to(empty), "good": to(good)}
    errand = Errand(backends, tables.chat("gpt", stream=stream))
    await errand.text(upstream)
    assert errand.record.attempts == "empty:Empty,good:ok"
    errand = Errand(backends, tables.chat("gpt", stream=stream, **{limit: 0}))
    await errand.text(upstream)
    assert errand.record.attempts == "empty:ok"


async def test_usage_and_finish_of_a_whole_answer_stand_in_the_record(
    serve: Serve, upstream: Upstream
) -> None:
    provider = await serve(GOOD)
    errand = Errand({"gpt": to(provider)})
    await errand.run(upstream)
    record = errand.record
    told = (record.input_tokens, record.output_tokens, record.cached_tokens)
    assert (told, record.reasoning_tokens, record.estimated) == ((9, 2, 4), 1, False)
    provider = await serve(answers(MESSAGE))
    errand = Errand({"claude": to(provider, "Anthropic")}, path=MESSAGES)
    await errand.run(upstream)
    record = errand.record
    assert (record.input_tokens, record.output_tokens, record.cached_tokens) == (9, 2, 4)


async def test_an_answer_without_usage_is_estimated(serve: Serve, upstream: Upstream) -> None:
    silent_about_it = {name: value for name, value in COMPLETION.items() if name != "usage"}
    provider = await serve(answers(silent_about_it))
    errand = Errand({"local": to(provider)}, tables.chat("gpt", "x" * 400))
    await errand.run(upstream)
    assert errand.record.estimated
    assert (errand.record.input_tokens, errand.record.output_tokens) == (100, 1)


@pytest.mark.parametrize(
    ("finish", "cls"),
    [
        ("stop", "ok"),
        ("tool_calls", "ok"),
        ("length", "Truncated"),
        ("content_filter", "ContentFilter"),
    ],
)
async def test_how_an_answer_ended_is_its_class(
    serve: Serve, upstream: Upstream, finish: str, cls: str
) -> None:
    choice = {"index": 0, "message": {"content": "Hi"}, "finish_reason": finish}
    whole = await serve(answers(COMPLETION | {"choices": [choice]}))
    errand = Errand({"gpt": to(whole)})
    assert (await errand.run(upstream)).status == 200
    assert (errand.record.cls, errand.record.finish_reason) == (cls, finish)
    assert errand.record.attempts == f"gpt:{cls}"
    assert errand.record.alert == ("Truncated" if finish == "length" else None)
    end = FINISH.replace(b'"stop"', f'"{finish}"'.encode())
    streamed = await serve(streams(delta("Hi"), end, USAGE, b"data: [DONE]\n\n"))
    errand = Errand({"gpt": to(streamed)}, tables.chat("gpt", stream=True))
    await errand.text(upstream)
    assert (errand.record.cls, errand.record.finish_reason) == (cls, finish)
    assert errand.record.attempts == f"gpt:{cls}"
    assert errand.record.alert == ("Truncated" if finish == "length" else None)


async def test_a_tool_call_is_content(serve: Serve, upstream: Upstream) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    provider = await serve(answers(COMPLETION | {"choices": [choice], "usage": None}))
    errand = Errand({"gpt": to(provider)})
    await errand.run(upstream)
    assert errand.record.attempts == "gpt:ok"
    use = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "Basel"}}
    provider = await serve(answers(MESSAGE | {"content": [use], "stop_reason": "tool_use"}))
    errand = Errand({"claude": to(provider, "Anthropic")}, path=MESSAGES)
    await errand.run(upstream)
    assert errand.record.attempts == "claude:ok"
    assert errand.record.response_length == len('{"city": "Basel"}')


async def test_the_trail_names_sixteen_attempts(serve: Serve, upstream: Upstream) -> None:
    down, good = await serve(error(500)), await serve(GOOD)
    backends = {f"down-{place}": to(down) for place in range(17)} | {"good": to(good)}
    errand = Errand(backends)
    assert (await errand.run(upstream)).status == 200
    assert len(down.requests) == 17
    assert errand.record.attempts is not None
    assert errand.record.attempts.count(",") == 15
