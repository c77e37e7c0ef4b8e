"""What providers receive: the URL, the headers, and a key only where its owner said."""

from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from loopback.scripted import Serve, answers
from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.snapshot import Backend, SecretKey
from outrider_sidecar.upstream.client import Target, Upstream
from outrider_sidecar.upstream.outgoing import KeyMissing, hops, target, url_of
from standins import tables
from standins.errands import MESSAGES, Errand, to
from standins.sse import COMPLETION, MESSAGE

REF = SecretKey(name="outrider-credentials", key="main")
KEY = "sk-ours"
CALLERS = {
    "authorization": "Bearer sk-theirs",
    "x-api-key": "sk-theirs",
    "openai-organization": "org-theirs",
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """The Secret's directory, with one key in it."""
    directory = tmp_path / REF.name
    directory.mkdir()
    (directory / REF.key).write_text(KEY + "\n")
    return directory


def aim(
    backend: Backend,
    secret: Path | None = None,
    headers: dict[str, str] | None = None,
    path: str = "chat/completions",
    query: str = "",
    loopback: bool = False,
    encoding: Any = "gzip",
) -> Target:
    """Where a request to the backend goes, called `main` in its route."""
    return target(
        backend,
        "main",
        path,
        query,
        CIMultiDict(headers or {}),
        credentials=FileCredentials(secret.parent if secret else None),
        allow_loopback=loopback,
        encoding=encoding,
    )


def keyed(provider: Any, base: str, **fields: Any) -> Backend:
    """A backend with a key of ours."""
    return tables.backend(provider, base_url=base, secret_key_ref=REF, **fields)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        ("http://vllm:8000", "http://vllm:8000/chat/completions"),
        ("http://vllm:8000/v1//", "http://vllm:8000/v1/chat/completions"),
        ("https://gate.example.com/llm/openai/v1", None),
        ("http://[fd00::1]:8000/v1", "http://[fd00::1]:8000/v1/chat/completions"),
    ],
)
def test_an_openai_like_base_holds_its_v1(base: str, url: str | None) -> None:
    expected = url or f"{base}/chat/completions"
    assert str(url_of(base, False, "chat/completions", "")) == expected


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        ("https://gate.example.com/claude", "https://gate.example.com/claude/v1/messages"),
    ],
)
def test_anthropics_base_is_without_v1_and_the_path_gets_one(base: str, url: str) -> None:
    assert str(url_of(base, True, "messages", "")) == url


def test_path_and_query_stay_as_they_were_sent() -> None:
    url = url_of("https://h/v1", False, "files/a%2Fb%20c", "after=%C3%BC+x&beta=true&beta=")
    assert str(url) == "https://h/v1/files/a%2Fb%20c?after=%C3%BC+x&beta=true&beta="


async def test_a_chat_request_arrives_with_these_headers_and_no_other(
    serve: Serve, upstream: Upstream, secret: Path
) -> None:
    provider = await serve(answers(COMPLETION))
    sent = CALLERS | {
        "Host": "127.0.0.1:4141",
        "User-Agent": "OpenAI/Python 3.52",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Content-Length": "999",
        "Content-Encoding": "gzip",
        "Accept-Encoding": "br",
        "Connection": "keep-alive, X-Once",
        "X-Once": "1",
        "Cookie": "a=b",
        "Forwarded": "for=10.0.0.1",
        "X-Forwarded-For": "10.0.0.1",
        "Via": "1.1 proxy",
        "Origin": "http://localhost",
        "Referer": "http://localhost/chat",
        "X-Outrider-User": "ann",
        "X-Outrider-Hop": "1",
        "traceparent": "00-1-1-01",
        "tracestate": "a=b",
        "baggage": "a=b",
        "X-Stainless-Lang": "python",
        "Idempotency-Key": "k-1",
        "OpenAI-Beta": "a",
    }
    errand = Errand({"main": to(provider, secret_key_ref=REF)}, headers=sent)
    await errand.run(upstream)
    [request] = provider.requests
    assert (request.method, request.target) == ("POST", "/v1/chat/completions")
    assert sorted((name.lower(), value) for name, value in request.headers.items()) == [
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
        ("authorization", f"Bearer {KEY}"),
        ("content-length", str(len(request.body))),
        ("content-type", "application/json"),
        ("host", f"127.0.0.1:{provider.port}"),
        ("idempotency-key", "k-1"),
        ("openai-beta", "a"),
        ("user-agent", "OpenAI/Python 3.52"),
        ("x-outrider-hop", "2"),
        ("x-stainless-lang", "python"),
    ]


async def test_a_messages_request_arrives_with_key_and_version(
    serve: Serve, upstream: Upstream, secret: Path
) -> None:
    provider = await serve(answers(MESSAGE))
    backend = to(provider, "Anthropic", secret_key_ref=REF)
    await Errand({"main": backend}, headers=CALLERS, path=MESSAGES + "?beta=true").run(upstream)
    [request] = provider.requests
    assert request.target == "/v1/messages?beta=true"
    assert sorted((name.lower(), value) for name, value in request.headers.items()) == [
        ("accept-encoding", "gzip"),
        ("anthropic-version", "2023-06-01"),
        ("content-length", str(len(request.body))),
        ("content-type", "application/json"),
        ("host", f"127.0.0.1:{provider.port}"),
        ("x-api-key", KEY),
        ("x-outrider-hop", "1"),
    ]
    assert request.json["max_tokens"] == 4_096


def test_the_callers_anthropic_version_and_betas_stay() -> None:
    headers = {"anthropic-version": "2024-01-01", "anthropic-beta": "a,b"}
    sent = aim(tables.backend("Anthropic"), headers=headers, path="messages").headers
    assert sent.getall("anthropic-version") == ["2024-01-01"]
    assert sent["anthropic-beta"] == "a,b"


def test_only_compatible_servers_see_which_trace_a_request_belongs_to() -> None:
    headers = {"traceparent": "00-1-1-01", "tracestate": "a=b", "baggage": "a=b"}
    kept = aim(tables.backend("OpenAICompatible"), headers=headers).headers
    assert kept["traceparent"] == "00-1-1-01"
    assert {"tracestate", "baggage"}.isdisjoint(kept)
    assert "traceparent" not in aim(tables.backend("OpenAI"), headers=headers).headers


def test_a_stream_asks_for_identity_and_a_pass_through_for_what_its_caller_asks() -> None:
    headers = {"Accept-Encoding": "br"}
    asks = {
        encoding: aim(tables.backend(), headers=headers, encoding=encoding).headers[
            "accept-encoding"
        ]
        for encoding in ("identity", "gzip", "caller")
    }
    assert asks == {"identity": "identity", "gzip": "gzip", "caller": "br"}
    assert "accept-encoding" not in aim(tables.backend(), encoding="caller").headers


def test_without_a_key_none_is_sent_and_the_callers_is_not_either() -> None:
    sent = aim(tables.backend(), headers=CALLERS).headers
    assert set(CALLERS).isdisjoint(sent)


@pytest.mark.parametrize(
    ("provider", "base"),
    [
        ("OpenAI", "https://api.openai.com/v1"),
        ("OpenAI", "https://API.OpenAI.com/v1"),
        ("OpenAI", "https://api.openai.com./v1"),
        ("Anthropic", "https://api.anthropic.com"),
    ],
)
def test_a_key_goes_to_its_providers_own_host(secret: Path, provider: str, base: str) -> None:
    assert KEY in str(aim(keyed(provider, base), secret).headers)


@pytest.mark.parametrize(
    ("provider", "base"),
    [
        ("OpenAI", "http://api.openai.com/v1"),
        ("OpenAI", "https://api.anthropic.com/v1"),
        ("Anthropic", "https://api.openai.com"),
        ("OpenAI", "https://api.openai.com.example.com/v1"),
        ("OpenAI", "https://api.openai.com@example.com/v1"),
        ("OpenAI", "https://example.com/api.openai.com/v1"),
        ("OpenAI", "https://eu.api.openai.com/v1"),
        ("OpenAICompatible", "https://api.openai.com/v1"),
        ("OpenAICompatible", "http://vllm.models.svc:8000/v1"),
        ("OpenAI", "http://127.0.0.1:8000/v1"),
        ("OpenAI", "http://localhost:8000/v1"),
    ],
)
def test_a_key_goes_to_no_host_that_its_owner_did_not_name(
    secret: Path, provider: str, base: str
) -> None:
    with pytest.raises(Refusal) as caught:
        aim(keyed(provider, base), secret, CALLERS)
    assert (caught.value.code, caught.value.status) == ("provider_credential_host", 502)
    assert KEY not in caught.value.message
    assert "to the entry main.hosts of Secret outrider-credentials" in caught.value.message


def test_its_owner_may_name_more_hosts(secret: Path) -> None:
    (secret / "main.hosts").write_text("gate.example.com, VLLM.models.svc\n")
    for base in ("https://gate.example.com/v1", "http://vllm.models.svc:8000/v1"):
        sent = aim(keyed("OpenAICompatible", base), secret).headers
        assert sent["authorization"] == f"Bearer {KEY}"
    with pytest.raises(Refusal):
        aim(keyed("OpenAICompatible", "https://other.example.com/v1"), secret)


def test_a_name_that_is_not_ascii_is_named_as_the_url_spells_it(secret: Path) -> None:
    backend = keyed("OpenAICompatible", "https://xn--exmple-cua.com/v1")
    with pytest.raises(Refusal, match=r"add xn--exmple-cua\.com to the entry main\.hosts"):
        aim(backend, secret)
    (secret / "main.hosts").write_text("xn--exmple-cua.com")
    assert KEY in str(aim(backend, secret).headers)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.8.8"])
def test_a_key_goes_to_this_machine_where_that_is_allowed(secret: Path, host: str) -> None:
    backend = keyed("OpenAICompatible", f"http://{host}:8000/v1")
    assert KEY in str(aim(backend, secret, loopback=True).headers)


def test_a_key_that_is_not_there_is_named(secret: Path) -> None:
    (secret / "main").unlink()
    with pytest.raises(KeyMissing, match="backend main wants key 'main' of Secret 'outrider-"):
        aim(keyed("OpenAI", "https://api.openai.com/v1"), secret)


def test_a_rotated_key_is_used_at_once(secret: Path) -> None:
    credentials = FileCredentials(secret.parent)
    backend = keyed("OpenAI", "https://api.openai.com/v1")
    for key in ("sk-one", "sk-two-is-longer"):
        (secret / "main").write_text(key)
        sent = target(
            backend,
            "main",
            "chat/completions",
            "",
            CIMultiDict(),
            credentials=credentials,
            allow_loopback=False,
            encoding="gzip",
        )
        assert sent.headers["authorization"] == f"Bearer {key}"


def test_the_callers_own_key_is_forwarded_where_the_route_says_so() -> None:
    backend = tables.backend("OpenAI", caller_credentials="Forward")
    sent = aim(backend, headers=CALLERS).headers
    assert {name: sent.getall(name) for name in CALLERS} == {
        name: [value] for name, value in CALLERS.items()
    }
    assert "cookie" not in aim(backend, headers={"cookie": "a=b"}).headers


@pytest.mark.parametrize(
    ("provider", "base"),
    [
        ("OpenAI", "https://gate.example.com/v1"),
        ("OpenAI", "http://api.openai.com/v1"),
        ("OpenAICompatible", "https://api.openai.com/v1"),
        ("Anthropic", "https://api.openai.com"),
    ],
)
def test_the_callers_own_key_goes_to_the_providers_own_hosts_only(
    secret: Path, provider: Any, base: str
) -> None:
    (secret / "main.hosts").write_text("gate.example.com")
    backend = tables.backend(provider, base_url=base, caller_credentials="Forward")
    with pytest.raises(Refusal) as caught:
        aim(backend, secret, CALLERS)
    assert caught.value.code == "provider_credential_host"
    assert "sk-theirs" not in caught.value.message


async def test_a_rejected_key_of_the_callers_own_is_told_in_the_providers_words(
    serve: Serve, upstream: Upstream
) -> None:
    words = b'{"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}'
    provider = await serve(answers(words, 401))
    errand = Errand({"main": to(provider, caller_credentials="Forward")}, headers=CALLERS)
    with pytest.raises(Refusal) as caught:
        await errand.run(upstream)
    assert (caught.value.status, caught.value.body) == (401, words)
    errand = Errand({"main": to(provider)}, headers=CALLERS)
    with pytest.raises(Refusal) as caught:
        await errand.run(upstream)
    assert (caught.value.code, caught.value.status) == ("provider_auth", 502)
    assert caught.value.body is None


async def test_a_backend_whose_key_may_not_go_there_is_not_called_and_the_next_one_is(
    serve: Serve, secret: Path
) -> None:
    astray = keyed("OpenAI", "https://gate.example.com/v1")
    async with Upstream(FileCredentials(secret.parent), allow_loopback=True) as upstream:
        provider = await serve(answers(COMPLETION))
        errand = Errand({"astray": astray, "main": to(provider)})
        assert (await errand.run(upstream)).status == 200
        assert errand.record.attempts == "astray:CredentialRejected,main:ok"
        errand = Errand({"astray": astray})
        with pytest.raises(Refusal) as caught:
            await errand.run(upstream)
    assert (caught.value.code, caught.value.status) == ("provider_credential_host", 502)
    assert "backend astray was not called" in caught.value.message


@pytest.mark.parametrize(
    ("sent", "passed"), [(None, 0), ("0", 0), ("2", 2), ("x", 0), ("-1", 0), ("²", 0), ("9999", 0)]
)
def test_hops_are_counted(sent: str | None, passed: int) -> None:
    headers = {} if sent is None else {"X-Outrider-Hop": sent}
    assert hops(CIMultiDict(headers)) == passed
    assert aim(tables.backend(), headers=headers).headers.getall("x-outrider-hop") == [
        str(passed + 1)
    ]
