"""The stand-ins themselves: a provider that takes anything proves nothing."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from standins.scene import ANTHROPIC_KEY, OPENAI_KEY, Scene

Head = dict[str, str]
Body = dict[str, Any]

CHAT: Body = {"model": "steady", "messages": [{"role": "user", "content": "Hi"}]}
MESSAGES: Body = {**CHAT, "max_tokens": 9}
COMMON: Head = {
    "content-type": "application/json",
    "user-agent": "test",
    "x-outrider-hop": "1",
    "connection": "",
}
TO_OPENAI: Head = {**COMMON, "authorization": f"Bearer {OPENAI_KEY}"}
TO_ANTHROPIC: Head = {**COMMON, "x-api-key": ANTHROPIC_KEY, "anthropic-version": "2026-10-21"}


@pytest.fixture
def send(scene: Scene) -> Iterator[Callable[..., list[str]]]:
    """Sends a request past the proxy; gives the complaints, and takes them from the record."""

    def post(family: str, head: Head, body: Any, path: str = "") -> list[str]:
        scene.forget()
        provider = scene.provider(family)
        path = path or ("/v1/chat/completions" if family == "openai" else "/v1/messages")
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        with httpx2.Client(trust_env=False) as client:
            request = httpx2.Request(
                "POST", f"http://127.0.0.1:{provider.port}{path}", headers=head, content=content
            )
            if not head.get("connection"):
                request.headers.pop("connection", None)
            answer = client.send(request)
        complaints = list(provider.complaints)
        assert answer.status_code == (400 if complaints else 200)
        return complaints

    yield post
    scene.forget()


def test_a_request_as_the_proxy_sends_it_fits(send: Callable[..., list[str]]) -> None:
    assert send("openai", TO_OPENAI, CHAT) == []
    assert send("anthropic", TO_ANTHROPIC, MESSAGES) == []
    older = {**TO_ANTHROPIC, "anthropic-version": "2023-06-01"}
    assert send("anthropic", older, {**MESSAGES, "temperature": 0.5}) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"authorization": "Bearer sk-outrider"}, "does not hold the key"),
        ({"x-api-key": "sk-outrider"}, "credential that nobody asked for"),
        ({"openai-organization": "org-mine"}, "credential that nobody asked for"),
        ({"cookie": "a=b"}, "the caller's own"),
        ({"traceparent": "00-1-2-01"}, "the caller's own"),
        ({"x-forwarded-for": "10.0.0.1"}, "the caller's own"),
        ({"x-outrider-user": "ada"}, "not the provider's to know"),
        ({"x-outrider-hop": "2"}, "x-outrider-hop is '2'"),
        ({"connection": "keep-alive"}, "another connection"),
        ({"te": "trailers"}, "another connection"),
        ({"host": "api.openai.com"}, "Host is 'api.openai.com'"),
        ({"content-type": "text/plain"}, "Content-Type is 'text/plain'"),
        ({"anthropic-version": "2026-10-21"}, "another provider's"),
    ],
)
def test_a_head_that_does_not_fit_is_complained_of(
    send: Callable[..., list[str]], change: Head, complaint: str
) -> None:
    (said,) = send("openai", {**TO_OPENAI, **change}, CHAT)
    assert complaint in said


@pytest.mark.parametrize(
    ("family", "body"),
    [
        ("openai", {**CHAT, "prompt": {"id": "answer"}}),
        ("openai", {**CHAT, "temperature": "hot"}),
        ("openai", {"model": "steady"}),
        ("openai", {**CHAT, "messages": [{"role": "robot", "content": "Hi"}]}),
        ("openai", {**CHAT, "stream": True, "stream_options": {"usage": True}}),
        ("openai", b"[]"),
        ("openai", b'{"model": "a", "model": "b"}'),
        ("openai", b"{"),
        ("anthropic", CHAT),
        ("anthropic", {**MESSAGES, "temperature": 0.5}),
        ("anthropic", {**MESSAGES, "system": [{"type": "text", "txt": "Hi"}]}),
        ("anthropic", {**MESSAGES, "prompt": {"id": "answer"}}),
    ],
)
def test_a_body_that_does_not_fit_is_complained_of(
    send: Callable[..., list[str]], family: str, body: Any
) -> None:
    head = TO_OPENAI if family == "openai" else TO_ANTHROPIC
    head = {**head, "accept-encoding": "identity"}
    assert send(family, head, body)


def test_a_path_that_is_not_documented_is_complained_of(send: Callable[..., list[str]]) -> None:
    (said,) = send("openai", TO_OPENAI, CHAT, "/v1/v1/chat/completions")
    assert "no such operation" in said
    (said,) = send("openai", TO_OPENAI, CHAT, "/v1/chat/completions?who=ada")
    assert "the query" in said
