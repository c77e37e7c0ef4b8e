"""The request path as a caller sees it, from header to header."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from loopback.provider import COMPLETION, END, MESSAGE, Provider, delta, saying, streaming
from loopback.stage import CHAT, MESSAGES, Stage, Start, compiled, route
from loopback.wire import chat, request

SPOKEN = {"role": "system", "content": "You are {{tone}}."}


def template(**changes: Any) -> dict[str, Any]:
    """A version's prompt as a snapshot says it."""
    return {
        "format": "Simple",
        "messages": [SPOKEN],
        "variables": [{"name": "tone", "default": "kind", "maxLength": 20, "fence": False}],
        "callerSystem": "Append",
        "parametersPolicy": "Override",
    } | changes


def prompted(provider: Provider, *, override: bool = True) -> Any:
    """A route whose prompt serves v1 to everybody and has a v2."""
    prompt = {
        "name": "answer",
        "assignBy": ["User"],
        "unkeyed": "Stable",
        "allowOverride": override,
    }
    version = {"digest": "sha256:1", "goal": 0, "share": 0, "prompt": template()}
    return compiled(
        {"support": route(provider, prompt=prompt)},
        prompts={
            "answer": {
                "salt": "tests/answer",
                "stable": "v1",
                "versions": {"v1": version, "v2": version},
                "ranges": [[0, 9_999, "v1"]],
            }
        },
    )


def limited(provider: Provider, **tier: Any) -> Any:
    """A route where each user has that tier."""
    policy = {
        "name": "fair",
        "subject": "User",
        "defaultTier": "free",
        "tiers": {"free": tier},
        "unknownSubject": "Shared",
        "mode": "Enforce",
    }
    return compiled({"support": route(provider)}, limits=[policy])


async def test_a_completion_comes_back_with_our_headers(stage: Stage) -> None:
    answer = await stage.chat(x_outrider_user="ann")
    assert (answer.status, answer.json()) == (200, COMPLETION)
    headers = answer.headers
    assert headers["x-outrider-request-id"].startswith("or_")
    assert headers["x-outrider-route"] == "support"
    assert headers["x-outrider-rule"] == "default"
    assert headers["x-outrider-backend"] == "openai"
    assert headers["x-outrider-model"] == "gpt-5.4"
    assert headers["x-outrider-attempts"] == "openai:ok;skipped=anthropic:unsupported"
    assert headers["x-outrider-generation"] == "7"
    assert headers["x-outrider-tokens"] == "in=5,out=2,cached=0"
    assert float(headers["x-outrider-latency-ms"]) > 0
    for absent in ("error", "prompt", "limit", "clamped", "dropped", "flags", "degraded"):
        assert f"x-outrider-{absent}" not in headers
    record = await stage.settled.get()
    assert record.request_id == headers["x-outrider-request-id"]
    assert (record.cls, record.status, record.user) == ("ok", 200, "ann")
    assert record.duration > 0


async def test_a_message_comes_back_with_our_headers(stage: Stage) -> None:
    answer = await stage.ask("POST", MESSAGES, chat(max_tokens=9))
    assert (answer.status, answer.json()) == (200, MESSAGE)
    assert answer.headers["x-outrider-backend"] == "anthropic"
    assert answer.headers["x-outrider-tokens"] == "in=5,out=2,cached=0"
    assert stage.provider.seen[0].path == MESSAGES
    assert stage.provider.seen[0].headers["anthropic-version"] == "2023-06-01"


async def test_a_streams_headers_stand_before_its_first_byte(stage: Stage) -> None:
    stage.provider.respond = streaming(delta("Hi"), stage.provider.go_on, END)
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat(stream=True)))
    status, headers = await wire.head()
    assert (status, headers["Content-Type"]) == (200, "text/event-stream")
    assert headers["x-outrider-attempts"] == "openai:ok;skipped=anthropic:unsupported"
    assert headers["x-outrider-generation"] == "7"
    stage.provider.go_on.set()
    body = b""
    while chunk := await wire.chunk():
        body += chunk
    assert body.startswith(delta("Hi") + END + b": outrider tokens=in=")
    record = await stage.settled.get()
    assert record.stream
    assert record.first > record.began


async def test_usage_that_the_caller_did_not_ask_for_is_asked_for_and_kept_back(
    stage: Stage,
) -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3}}\n\n'
    head, done = END.split(b"data: [DONE]")
    stage.provider.respond = streaming(delta("Hi") + head + usage + b"data: [DONE]" + done)
    answer = await stage.ask("POST", CHAT, chat(stream=True))
    assert stage.provider.seen[0].json()["stream_options"] == {"include_usage": True}
    assert answer.body == delta("Hi") + END + b": outrider tokens=in=9,out=3,cached=0\n\n"
    asked = chat(stream=True, stream_options={"include_usage": True})
    assert usage in (await stage.ask("POST", CHAT, asked)).body


async def test_prompt_version_and_dropped_variables_are_told(
    start: Start, provider: Provider
) -> None:
    stage = await start(served=prompted(provider))
    variables = '{"tone": "curt", "unknown": "x"}'
    answer = await stage.chat(x_outrider_user="ann", x_outrider_variables=variables)
    assert answer.headers["x-outrider-prompt"] == "answer@v1"
    assert answer.headers["x-outrider-dropped"] == "unknown"
    sent = provider.seen[0].json()["messages"]
    assert sent[0] == {"role": "system", "content": "You are curt."}
    record = await stage.settled.get()
    assert (record.prompt, record.version, record.arm) == ("answer", "v1", "stable")


async def test_a_version_may_be_named_where_the_route_allows_it(
    start: Start, provider: Provider
) -> None:
    stage = await start(served=prompted(provider))
    answer = await stage.chat(x_outrider_prompt_version="v2")
    assert answer.headers["x-outrider-prompt"] == "answer@v2"
    record = await stage.settled.get()
    assert (record.override, record.arm) == (True, "canary")
    answer = await stage.chat(x_outrider_prompt_version="v3")
    assert (answer.status, answer.json()["error"]["code"]) == (400, "caller_prompt_unknown")
    strict = await start(served=prompted(provider, override=False))
    answer = await strict.chat(x_outrider_prompt_version="v2")
    assert (answer.status, answer.json()["error"]["code"]) == (400, "caller_prompt_unknown")


async def test_what_was_ignored_is_flagged(stage: Stage) -> None:
    answer = await stage.chat(x_outrider_complexity="enormous")
    assert answer.headers["x-outrider-flags"] == "complexity-ignored"


@pytest.mark.parametrize(
    ("path", "kind"), [(CHAT, "rate_limit_error"), (MESSAGES, "rate_limit_error")]
)
async def test_a_user_above_the_rate_is_told_when_to_come_back(
    start: Start, provider: Provider, path: str, kind: str
) -> None:
    rate = {"limit": 2, "windowMs": 60_000, "burst": 2}
    stage = await start(served=limited(provider, requests=rate))
    body = chat(max_tokens=9)
    for used in (1, 2):
        answer = await stage.ask("POST", path, body, x_outrider_user="ann")
        assert answer.status == 200
        assert f"requests={used}/2" in answer.headers["x-outrider-limit"]
    answer = await stage.ask("POST", path, body, x_outrider_user="ann")
    error = answer.json()["error"]
    assert (answer.status, error["code"]) == (429, "policy_rate_requests")
    assert error["type"] == kind
    assert answer.headers["x-should-retry"] == "false"
    wait = int(answer.headers["Retry-After"])
    assert 0 < wait <= 30
    assert answer.headers["x-outrider-limit"] == f"fair:user;requests=2/2;reset={wait}"
    assert stage.records[-1].limit == answer.headers["x-outrider-limit"]
    assert len(provider.seen) == 2
    assert (await stage.ask("POST", path, body, x_outrider_user="ben")).status == 200
    assert [record.cls for record in stage.records] == ["ok", "ok", "Limited", "ok"]


async def test_a_slot_is_given_back_when_its_request_ends_however_it_ends(
    start: Start, provider: Provider
) -> None:
    stage = await start(served=limited(provider, concurrent=1))
    provider.respond = provider.held
    first = await stage.wire()
    await first.send(request("POST", CHAT, chat(), x_outrider_user="ann"))
    await provider.came.get()
    answer = await stage.chat(x_outrider_user="ann")
    assert (answer.status, answer.json()["error"]["code"]) == (429, "policy_rate_concurrent")
    assert answer.headers["Retry-After"] == "1"
    await stage.settled.get()
    first.close()
    await stage.settled.get()
    provider.respond = saying({}, 500)
    assert (await stage.chat(x_outrider_user="ann")).status == 502
    provider.respond = None
    assert (await stage.chat(x_outrider_user="ann")).status == 200
    assert (await stage.ask("GET", "/v1/files", x_outrider_user="ann")).status == 200
    assert (await stage.chat(x_outrider_user="ann")).status == 200


@pytest.mark.parametrize("path", [CHAT, MESSAGES])
async def test_a_failed_provider_is_told_in_the_callers_dialect(stage: Stage, path: str) -> None:
    stage.provider.respond = saying({"error": {"message": "boom"}}, 500)
    answer = await stage.ask("POST", path, chat(max_tokens=9))
    body, ours = answer.json(), answer.headers["x-outrider-request-id"]
    assert answer.status == 502
    assert answer.headers["x-outrider-error"] == body["error"]["code"] == "provider_error"
    assert answer.headers["x-should-retry"] == "false"
    if path == CHAT:
        outrider = body["error"]["outrider"]
        assert outrider["request_id"] == ours
        assert outrider["attempts"] == [{"backend": "openai", "class": "ServerError"}]
    else:
        assert (body["type"], body["request_id"]) == ("error", ours)
        assert body["error"]["type"] == "api_error"
    assert "boom" in body["error"]["message"]


async def test_the_next_backend_answers_for_one_that_failed(
    start: Start, provider: Provider
) -> None:
    served = route(provider)
    served["backends"]["second"] = served["backends"]["openai"] | {"model": "other"}
    order = [("openai", 0), ("second", 1)]
    refs = [{"name": name, "weight": 1, "priority": priority} for name, priority in order]
    served["rules"] = [{"name": "default", "backends": refs}]
    stage = await start(served=compiled({"support": served}))
    answers = [saying({}, 503), saying()]
    provider.respond = lambda request, seen: answers[len(provider.seen) - 1](request, seen)
    answer = await stage.chat()
    assert (answer.status, answer.headers["x-outrider-backend"]) == (200, "second")
    assert answer.headers["x-outrider-attempts"] == "openai:ServerError,second:ok"
    assert answer.headers["x-outrider-model"] == "other"
    assert [seen.json()["model"] for seen in provider.seen] == ["gpt-5.4", "other"]


async def test_our_own_failure_is_a_500_that_its_log_explains(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("outrider_sidecar.api.handler.decide", broken)
    wire = await stage.wire()
    answer = await wire.ask("POST", CHAT, chat())
    assert (answer.status, answer.json()["error"]["code"]) == (500, "outrider_internal")
    assert answer.headers["x-outrider-request-id"] in caplog.text
    assert "ZeroDivisionError" in caplog.text
    monkeypatch.undo()
    assert (await wire.ask("POST", CHAT, chat())).status == 200


async def test_a_backends_key_goes_up_and_never_comes_back(
    start: Start, provider: Provider, tmp_path: Path
) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "one").write_text("sk-ours\n")
    served = route(provider)
    for backend in served["backends"].values():
        backend["secretKeyRef"] = {"name": "keys", "key": "one"}
    stage = await start(served=compiled({"support": served}))
    echo = {"authorization": "Bearer sk-ours", "x_api_key": "sk-ours", "set_cookie": "k=sk-ours"}
    mine = {"authorization": "Bearer sk-mine", "x_api_key": "sk-mine"}
    for path in (CHAT, MESSAGES, "/v1/files"):
        provider.respond = saying(MESSAGE if path == MESSAGES else COMPLETION, **echo)
        answer = await stage.ask("POST", path, chat(max_tokens=9), **mine)
        assert answer.status == 200
        assert "sk-mine" not in str(provider.seen[-1].headers)
        assert "sk-ours" in str(provider.seen[-1].headers)
        assert "sk-ours" not in str(answer.headers)


async def test_a_key_that_is_not_there_is_named(start: Start, provider: Provider) -> None:
    served = route(provider)
    served["backends"]["openai"]["secretKeyRef"] = {"name": "keys", "key": "absent"}
    stage = await start(served=compiled({"support": served}))
    for path in (CHAT, "/v1/files"):
        answer = await stage.ask("POST", path, chat())
        error = answer.json()["error"]
        assert (answer.status, error["code"]) == (503, "outrider_credential_missing")
        assert "'absent' of Secret 'keys'" in error["message"]
    assert not provider.seen


async def test_a_request_keeps_the_snapshot_it_began_with(stage: Stage) -> None:
    stage.provider.respond = stage.provider.held
    wire = await stage.wire()
    await wire.send(request("POST", CHAT, chat()))
    await stage.provider.came.get()
    stage.current.apply(compiled({"renamed": route(stage.provider)}, 8), "process")
    stage.provider.go_on.set()
    before, after = await wire.answer(), await stage.chat()
    assert before.headers["x-outrider-generation"] == "7"
    assert before.headers["x-outrider-route"] == "support"
    assert after.headers["x-outrider-generation"] == "8"
    assert after.headers["x-outrider-route"] == "renamed"


async def test_many_clients_at_once_get_their_own_answers(stage: Stage) -> None:
    async def one(number: int) -> None:
        answer = await stage.ask("POST", CHAT, chat(user=f"u{number}"))
        assert answer.json() == COMPLETION | {"user": f"u{number}"}

    async def named(request: Any, seen: Any) -> Any:
        return await saying(COMPLETION | {"user": seen.json()["user"]})(request, seen)

    stage.provider.respond = named
    async with asyncio.TaskGroup() as tasks:
        for number in range(50):
            tasks.create_task(one(number))
