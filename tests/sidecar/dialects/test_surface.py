"""Which operation a request line asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.dialect import CHAT, MESSAGES
from outrider_sidecar.dialects.surface import Operation, operation


def asked(path: str, query: str = "", method: str = "POST", anthropic: bool = False) -> Operation:
    return operation(method, path, query, anthropic)


ALIASES = ["/v1/{}", "/{}", "/v1/v1/{}", "/openai/v1/{}", "/openai/{}", "//v1//{}", "//{}"]


@pytest.mark.parametrize("alias", ALIASES)
def test_chat_and_messages_answer_at_every_alias(alias: str) -> None:
    assert asked(alias.format("chat/completions")) == Operation(
        "chat", "openai", CHAT, "chat/completions"
    )
    assert asked(alias.format("messages")) == Operation(
        "messages", "anthropic", MESSAGES, "messages"
    )


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize(
    "path",
    [
        "embeddings",
        "models",
        "responses",
        "files/file-1/content",
        "batches",
        "realtime",
        "audio/speech",
        "completions",
        "fine_tuning/jobs/ftjob-1/events",
        "v2/anything",
        "v10/x",
    ],
)
def test_every_other_operation_passes_through_at_every_alias(alias: str, path: str) -> None:
    assert asked(alias.format(path)) == Operation("passthrough", "openai", None, path)


@pytest.mark.parametrize(
    ("path", "native", "model"),
    [
        ("/openai/deployments/gpt-mini/chat/completions", "chat/completions", "gpt-mini"),
        ("/openai/deployments/my%20gpt%2F5/chat/completions", "chat/completions", "my gpt/5"),
        ("/openai/deployments/emb/embeddings", "embeddings", "emb"),
        ("/openai/deployments/img/images/generations", "images/generations", "img"),
        ("//openai//deployments//m//chat/completions", "chat/completions", "m"),
    ],
)
def test_azures_clients_name_the_model_as_a_deployment(path: str, native: str, model: str) -> None:
    found = asked(path, "api-version=2024-10-21&model=other")

    assert (found.path, found.model) == (native, model)
    assert found.name == ("chat" if native == "chat/completions" else "passthrough")
    assert found.family == "openai"


@pytest.mark.parametrize(
    ("path", "query", "model"),
    [
        ("/v1/realtime", "model=gpt-realtime", "gpt-realtime"),
        ("/v1/realtime", "intent=x&model=gpt%2Drealtime+1", "gpt-realtime 1"),
        ("/v1/realtime", "submodel=x", None),
        ("/v1/realtime", "model=", None),
        ("/v1/realtime", "model=%ff", "\ufffd"),
        ("/v1beta/models/gemini-2.5-pro:generateContent", "", "gemini-2.5-pro"),
        ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", "alt=sse", "gemini-2.5-pro"),
        ("/v1/models/gemini-2.5-pro:countTokens", "", "gemini-2.5-pro"),
        ("/model/anthropic.claude-v1%3A0/converse", "", "anthropic.claude-v1:0"),
        ("/v1/models/gpt-5.4", "", "gpt-5.4"),
        ("/v1/models", "", None),
        ("/v1/models/", "", None),
        ("/v1/files/models/x", "", None),
    ],
)
def test_a_path_or_a_query_may_name_the_model(path: str, query: str, model: str | None) -> None:
    found = asked(path, query)

    assert found.name == "passthrough"
    assert found.model == model


def test_the_model_of_chat_and_messages_stands_in_the_body() -> None:
    assert asked("/v1/chat/completions", "model=x").model is None
    assert asked("/v1/messages", "beta=true&model=x").model is None


@pytest.mark.parametrize(
    ("path", "anthropic", "family"),
    [
        ("/v1/messages/count_tokens", False, "anthropic"),
        ("/messages/batches/msgbatch_1/results", False, "anthropic"),
        ("/v1/v1/messages/batches", False, "anthropic"),
        ("/v1/models", True, "anthropic"),
        ("/v1/files", True, "anthropic"),
        ("/v1/models", False, "openai"),
        ("/v1/messagesque", False, "openai"),
        ("/v1/threads/t/messages", False, "openai"),
        ("/", True, "anthropic"),
        ("/", False, "openai"),
    ],
)
def test_the_family_is_anthropics_by_its_path_or_its_version_header(
    path: str, anthropic: bool, family: str
) -> None:
    assert asked(path, anthropic=anthropic).family == family


def test_a_version_header_makes_no_chat_request_anthropics() -> None:
    assert asked("/v1/chat/completions", anthropic=True).family == "openai"


@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "HEAD", "post"])
def test_only_a_post_has_stages(method: str) -> None:
    for path in ("/v1/chat/completions", "/chat/completions/", "/openai/v1/messages"):
        assert asked(path, method=method).name == "passthrough"


@pytest.mark.parametrize(
    ("path", "native"),
    [
        ("/", ""),
        ("/v1", ""),
        ("/v1/", ""),
        ("/openai/v1", ""),
        ("/v1beta/x", "v1beta/x"),
        ("/openai", "openai"),
        ("/v1/chat/completions/", "chat/completions/"),
        ("/v1/chat/completions/chatcmpl-1", "chat/completions/chatcmpl-1"),
        ("/v1/chat%2Fcompletions", "chat%2Fcompletions"),
        ("/v1/files/a%20b%3Fc", "files/a%20b%3Fc"),
        ("/v1/files//x", "files//x"),
        ("/v1/files/...", "files/..."),
        ("/v1/files/.hidden", "files/.hidden"),
        ("/v1/files/a..b", "files/a..b"),
        ("/v1/files/a%2F..b", "files/a%2F..b"),
    ],
)
def test_a_path_we_do_not_know_goes_on_as_it_is_escaped(path: str, native: str) -> None:
    assert asked(path, method="GET") == Operation("passthrough", "openai", None, native)


@pytest.mark.parametrize(
    ("path", "native"),
    [
        ("/v1/../x", "x"),
        ("/v1/../../../x", "x"),
        ("/..", ""),
        ("/v1/files/..", ""),
        ("/v1/files/../models", "models"),
        ("/v1/files/%2e%2E/models", "models"),
        ("/v1/files/.%2e/%2e/models", "models"),
        ("/v1/files/..%2f..%2Fmodels", "models"),
        ("/v1/files/..%5c%2e%2e\\models", "models"),
        ("/v1/./models/.", "models"),
        ("/v1/a/b/../../../../team-b/v1/x", "team-b/v1/x"),
        ("/openai/deployments/../x", "x"),
    ],
)
def test_no_path_climbs_out_of_a_base_url(path: str, native: str) -> None:
    assert asked(path, method="GET").path == native


def test_a_path_with_dots_is_the_operation_that_it_comes_to() -> None:
    assert asked("/v1/./chat/completions").name == "chat"
    assert asked("/v1/files/../messages").name == "messages"


SEGMENTS = st.sampled_from(
    ["v1", "openai", "..", ".", "%2e%2e", "", "messages", "x", "deployments"]
)


@given(st.lists(SEGMENTS, max_size=8).map(lambda parts: "/" + "/".join(parts)), st.booleans())
def test_a_native_path_is_relative_and_has_no_way_up(path: str, anthropic: bool) -> None:
    native = asked(path, anthropic=anthropic).path

    assert not native.startswith("/")
    assert not {"..", ".", "%2e%2e"} & set(native.split("/"))
