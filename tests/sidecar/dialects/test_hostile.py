"""Whatever a request holds, it is decided, or refused in words that can be sent."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.errors import STATUS, Refusal, body_of, headers_of
from outrider_sidecar.snapshot import Tool
from standins.hostile import REQUESTS, spelled
from standins.spellings import values
from standins.tables import backend, call, plan, prompt, route, rule, table, template, variable

VERSIONS = {
    "v1": template(
        ("system", "{{brand}}, {{user}}, {{date}}"),
        "conversation",
        ("user", "{{input}}"),
        variables=(variable("brand", "ACME"), variable("user", "nobody")),
        tools=(Tool(name="look"),),
        temperature="0.2",
        max_tokens=5,
        stop=("a",),
    ),
    "v2": template(("system", "A"), caller_system="Prepend", policy="Default", max_tokens=3),
    "v3": template(
        ("user", "{{t}}"), caller_system="TakeOver", variables=(variable("t", "", fence=True),)
    ),
    "v4": template(model="claude", temperature="1"),
    "v5": template(("system", "A"), caller_system="Reject"),
}
TABLE = table(
    {
        "support": route(
            {
                "gpt": backend("OpenAI", "gpt"),
                "claude": backend("Anthropic", "claude"),
                "local": backend("OpenAICompatible", None),
                "sim": backend("Simulated", "sim"),
            },
            rule("easy", "gpt", "claude", matches=({"complexity": {"max": 2}, "minWords": 1},)),
            rule("default", "local", "claude", "sim"),
            models=("*",),
            prompt="answer",
        )
    },
    {"answer": prompt(VERSIONS)},
)
PROMPTS = st.builds(
    '{{"id":"answer","version":"{}","variables":{{"t":{},"brand":{}}}}}'.format,
    st.sampled_from(sorted(VERSIONS)),
    values() | st.just('"x"'),
    values() | st.just('"x"'),
)
BODIES = st.tuples(
    REQUESTS,
    st.fixed_dictionaries(
        {},
        optional={
            "model": values() | st.just('"support"'),
            "prompt": values() | PROMPTS,
            "user": values(),
            "metadata": values(),
        },
    ),
).map(lambda both: spelled(both[0] | both[1]))
HEADERS: st.SearchStrategy[dict[str, str]] = st.fixed_dictionaries(
    {},
    optional={
        "x-outrider-prompt-version": st.sampled_from([*VERSIONS, "v9", " ", "\udcff"]),
        "x-outrider-user": st.sampled_from(["u", "", "é" * 200, "\udcff"]),
        "x-outrider-variables": st.sampled_from(['{"t":1}', "eyJ0IjoxfQ", '{"t":"\udcff"}', "{"]),
        "x-outrider-complexity": st.sampled_from(["3", "9", "٣", "\udcff"]),
    },
)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@given(raw=BODIES, headers=HEADERS)
def test_any_request_is_decided_or_refused(path: str, raw: str, headers: dict[str, str]) -> None:
    refused: Refusal | None = None
    sent: list[bytes] = []
    try:
        decided = plan(TABLE, call(raw.encode(), headers, path), Random(1))
        sent = [decided.body_for(candidate) for candidate in decided.candidates]
    except Refusal as refusal:
        refused = refusal

    if refused is None:
        assert sent
        assert all(Body.parse(body).raw == body for body in sent)
    else:
        assert 400 <= STATUS[refused.code] < 500
        assert told(refused)["message"]
        assert dict(headers_of(refused, "r"))["x-outrider-error"] == refused.code


def told(refusal: Refusal) -> Any:
    json.loads(body_of(refusal, "anthropic", "r"))
    return json.loads(body_of(refusal, "openai", "r"))["error"]
