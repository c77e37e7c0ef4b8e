"""What a prompt version makes of a request, in both dialects."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.routing.decision import Plan
from outrider_sidecar.snapshot import Template, Tool
from standins.tables import (
    backend,
    call,
    chat,
    plan,
    prompt,
    route,
    sent,
    table,
    template,
    variable,
)

BACKENDS = {"gpt": backend("OpenAI", "gpt"), "claude": backend("Anthropic", "claude")}
RULES = ("system", "Policy A.")
CALLER = {"role": "system", "content": "I am the app."}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


def render(
    version: Template, body: dict[str, Any] | bytes, dialect: str = "chat", **headers: str
) -> Plan:
    built = table(
        {"support": route(BACKENDS, prompt="answer")}, {"answer": prompt({"v1": version})}
    )
    path = "/v1/chat/completions" if dialect == "chat" else "/v1/messages"
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return plan(built, call(body, names, path))


def messages(*args: Any, **fields: Any) -> list[Any]:
    found: list[Any] = sent(render(*args, **fields))["messages"]
    return found


def said(*args: Any, **fields: Any) -> list[str]:
    return [f"{turn['role']}: {turn['content']}" for turn in messages(*args, **fields)]


def refusal(*args: Any, **fields: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        render(*args, **fields)
    return caught.value


def test_the_template_comes_first_and_the_conversation_where_it_says() -> None:
    version = template(
        RULES, ("user", "Example?"), ("assistant", "Yes."), "conversation", ("system", "Be brief.")
    )

    assert said(version, chat("support", "Hi", {"role": "assistant", "content": "Hello"})) == [
        "system: Policy A.",
        "user: Example?",
        "assistant: Yes.",
        "user: Hi",
        "assistant: Hello",
        "system: Be brief.",
    ]


def test_without_a_place_the_conversation_comes_at_the_end() -> None:
    assert said(template(RULES), chat("support", "Hi")) == ["system: Policy A.", "user: Hi"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Append", ["system: Policy A.", "system: I am the app.", "developer: And so on."]),
        ("Prepend", ["system: I am the app.", "developer: And so on.", "system: Policy A."]),
        ("Drop", ["system: Policy A."]),
        ("TakeOver", ["system: I am the app.", "developer: And so on."]),
    ],
)
def test_chat_system_text_of_the_caller_follows_the_rule(rule: Any, expected: list[str]) -> None:
    late = {"role": "developer", "content": "And so on."}
    body = chat("support", CALLER, "Hi", late, "Bye")

    assert said(template(RULES, caller_system=rule), body) == [*expected, "user: Hi", "user: Bye"]


def test_appended_system_text_follows_the_last_of_ours_before_the_conversation() -> None:
    version = template(RULES, ("user", "Ex"), "conversation", ("system", "Be brief."))

    assert said(version, chat("support", CALLER, "Hi")) == [
        "system: Policy A.",
        "system: I am the app.",
        "user: Ex",
        "user: Hi",
        "system: Be brief.",
    ]


@pytest.mark.parametrize("dialect", ["chat", "messages"])
def test_system_text_of_the_caller_can_be_refused(dialect: str) -> None:
    version = template(RULES, caller_system="Reject")
    body = chat("support", CALLER, "Hi") if dialect == "chat" else chat(system="I am the app.")

    got = refusal(version, body, dialect)

    assert (got.code, got.status) == ("caller_system", 400)
    assert render(version, chat("support", "Hi"), dialect)


def test_a_version_that_takes_over_nothing_keeps_its_own_system_text() -> None:
    version = template(RULES, caller_system="TakeOver")

    assert said(version, chat("support", "Hi")) == ["system: Policy A.", "user: Hi"]


OURS = {"type": "text", "text": "Policy A."}
THEIRS = {"type": "text", "text": "I am the app."}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("Append", [OURS, THEIRS]),
        ("Prepend", [THEIRS, OURS]),
        ("Drop", [OURS]),
        ("TakeOver", [THEIRS]),
    ],
)
def test_messages_system_text_stands_in_blocks_of_its_own(rule: Any, expected: Any) -> None:
    version = template(RULES, caller_system=rule)

    for system in ("I am the app.", [THEIRS]):
        body = sent(render(version, chat("support", "Hi", system=system), "messages"))
        assert body["system"] == expected
        assert body["messages"] == [{"role": "user", "content": "Hi"}]


def test_messages_blocks_keep_their_markers_byte_for_byte() -> None:
    block = b'{ "type":"text", "text":"a\\u00e9", "cache_control": {"type":"ephemeral"} }'
    body = b'{"model":"support","system":[' + block + b'],"messages":[]}'

    decided = render(template(RULES), body, "messages")

    assert block in decided.body_for(decided.candidates[0])


def test_messages_examples_stand_among_the_messages() -> None:
    version = template(RULES, ("user", "Ex"), ("assistant", "Yes"), "conversation")

    assert said(version, chat("support", "Hi"), "messages") == [
        "user: Ex",
        "assistant: Yes",
        "user: Hi",
    ]


@pytest.mark.parametrize("system", ["", [], None])
def test_no_system_text_is_sent_where_there_is_none(system: Any) -> None:
    body = sent(render(template(("user", "Ex")), chat(system=system), "messages"))

    assert "system" not in body


def test_input_takes_the_last_user_text_out_of_the_conversation() -> None:
    version = template(RULES, "conversation", ("user", "Question: {{input}}"))
    first = {"role": "assistant", "content": "Hello"}

    assert said(version, chat("support", "Hi", first, "Refund?")) == [
        "system: Policy A.",
        "user: Hi",
        "assistant: Hello",
        "user: Question: Refund?",
    ]


def test_images_and_files_stay_when_the_text_is_taken() -> None:
    version = template(("user", "Q: {{input}}"))
    parts = [{"type": "text", "text": "a"}, IMAGE, {"type": "text", "text": "b"}]

    got = messages(version, chat("support", {"role": "user", "name": "x", "content": parts}))

    assert got == [
        {"role": "user", "content": "Q: a\nb"},
        {"role": "user", "name": "x", "content": [IMAGE]},
    ]


def test_tool_results_are_no_text_and_stay() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": "42"}
    turn = {"role": "user", "content": [result, {"type": "text", "text": "So?"}]}
    version = template("conversation", ("user", "Q: {{input}}"))

    got = messages(version, chat("support", "Hi", turn), "messages")

    assert got[-2:] == [
        {"role": "user", "content": [result]},
        {"role": "user", "content": "Q: So?"},
    ]


def test_input_that_is_not_there_is_a_missing_variable() -> None:
    version = template(("user", "{{input}}"))

    got = refusal(version, chat("support", {"role": "assistant", "content": "Hello"}))

    assert got.code == "caller_variable_missing"
    assert "input" in got.message


def test_input_with_a_lone_surrogate_is_refused_naming_the_path() -> None:
    body = b'{"model":"support","messages":[{"role":"user","content":"a\\ud83d"}]}'

    got = refusal(template(("user", "{{input}}")), body)

    assert got.status == 400
    assert "/messages/0" in got.message


def test_a_lone_surrogate_in_what_we_do_not_change_passes() -> None:
    turn = b'{"role":"user","content":"a\\ud83d"}'
    body = b'{"model":"support","messages":[' + turn + b"]}"

    for dialect in ("chat", "messages"):
        decided = render(template(RULES), body, dialect)
        assert turn in decided.body_for(decided.candidates[0])


def test_built_in_variables_say_who_and_when() -> None:
    version = template(("system", "{{user}} of {{tenant}} on {{date}}"))

    got = said(version, chat(user="ann"), x_outrider_tenant="acme")

    assert got[0] == "system: ann of acme on 2026-11-21"


def test_variables_of_the_body_go_before_those_of_the_header() -> None:
    version = template(
        ("system", "{{brand}} {{language}}"),
        variables=(variable("brand"), variable("language", "English")),
    )
    body = chat(prompt={"id": "answer", "variables": {"brand": "Acme", "typo": 1}})

    decided = render(
        version, body, x_outrider_variables='{"brand": "Other", "language": "{{brand}}", "x": 1}'
    )

    assert sent(decided)["messages"][0]["content"] == "Acme {{brand}}"
    assert sorted(decided.dropped) == ["typo", "x"]


def test_a_fence_is_fresh_for_each_request() -> None:
    version = template(
        ("user", "{{ticket}} {{ticket}}"), variables=(variable("ticket", "t", fence=True),)
    )
    built = table({"support": route(prompt="answer")}, {"answer": prompt({"v1": version})})
    marks = set()
    for seed in range(3):
        text = sent(plan(built, call(chat()), seed))["messages"][0]["content"]
        found = re.fullmatch(r"(<ticket-([0-9a-f]{16})>\nt\n</ticket-\2>) \1", text)
        assert found is not None
        marks.add(found[2])

    assert len(marks) == 3


def test_a_version_without_messages_leaves_them_alone() -> None:
    version = template(model="gpt", caller_system="Reject", temperature="0.20")
    raw = b'{ "model" : "support", "messages": [ {"role":"system","content":"x"} ] }'

    decided = render(version, raw)

    assert decided.body_for(decided.candidates[0]) == (
        b'{ "model" : "gpt", "messages": [ {"role":"system","content":"x"} ], "temperature": 0.20 }'
    )


LOOKUP = Tool(name="lookup", description="Find", parameters={"type": "object"})


def test_tools_are_joined_in_the_dialects_shape_ours_first() -> None:
    version = template(tools=(LOOKUP, Tool(name="bare")))
    mine = {"type": "function", "function": {"name": "mine"}}
    theirs = {"name": "theirs", "input_schema": {"type": "object"}}

    by_chat = sent(render(version, chat(tools=[mine])))
    by_messages = sent(render(version, chat(tools=[theirs]), "messages"))

    assert by_chat["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "lookup",
                "description": "Find",
                "parameters": {"type": "object"},
            },
        },
        {"type": "function", "function": {"name": "bare"}},
        mine,
    ]
    assert by_messages["tools"] == [
        {"name": "lookup", "description": "Find", "input_schema": {"type": "object"}},
        {"name": "bare", "input_schema": {"type": "object"}},
        theirs,
    ]


@pytest.mark.parametrize(
    ("dialect", "tool"),
    [
        ("chat", {"type": "function", "function": {"name": "lookup"}}),
        ("chat", {"type": "custom", "custom": {"name": "lookup"}}),
        ("messages", {"name": "lookup", "input_schema": {}}),
    ],
)
def test_a_tool_of_the_same_name_is_a_clash(dialect: str, tool: Any) -> None:
    got = refusal(template(tools=(LOOKUP,)), chat(tools=[tool]), dialect)

    assert (got.code, got.status) == ("caller_tool_clash", 400)
    assert "lookup" in got.message


@pytest.mark.parametrize("fields", [{"tools": "x"}, {"messages": "x"}, {"messages": [1]}])
def test_what_cannot_be_joined_is_invalid(fields: Any) -> None:
    got = refusal(template(RULES, tools=(LOOKUP,)), chat() | fields)

    assert (got.code, got.status) == ("caller_invalid", 400)


PARAMETERS: Any = {"temperature": "0.2", "top_p": "0.90", "max_tokens": 600, "stop": ("END",)}
PLENTY: Any = {"temperature": 1, "top_p": 1, "stop": "x"}


def test_parameters_override_what_the_caller_sent() -> None:
    got = sent(render(template(**PARAMETERS), chat(max_tokens=5, **PLENTY)))

    assert {name: got.get(name) for name in ("temperature", "top_p", "max_tokens", "stop")} == {
        "temperature": 0.2,
        "top_p": 0.9,
        "max_tokens": 600,
        "stop": ["END"],
    }
    assert "max_completion_tokens" not in got


def test_as_defaults_parameters_leave_what_the_caller_sent() -> None:
    body = chat(max_completion_tokens=5, temperature=None, top_p=1, stop="x")

    got = sent(render(template(policy="Default", **PARAMETERS), body))

    assert (got["max_completion_tokens"], got["temperature"]) == (5, 0.2)
    assert (got["top_p"], got["stop"]) == (1, "x")
    assert "max_tokens" not in got


def test_messages_has_its_own_names_for_parameters() -> None:
    got = sent(render(template(**PARAMETERS), chat(stop_sequences=["x"]), "messages"))

    assert (got["max_tokens"], got["stop_sequences"], got["top_p"]) == (600, ["END"], 0.9)
    assert "stop" not in got


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def _raw_messages(draw: st.DrawFn) -> list[bytes]:
    raws = []
    for role in draw(
        st.lists(st.sampled_from(["user", "assistant", "tool", "system"]), max_size=6)
    ):
        content = draw(
            st.one_of(
                st.text(max_size=8),
                st.lists(
                    st.fixed_dictionaries({"type": st.sampled_from(["text", "file"]), "x": _JSON}),
                    max_size=3,
                ),
            )
        )
        members = draw(
            st.permutations([("role", role), ("content", content), ("extra", draw(_JSON))])
        )
        text = msgspec.json.encode(dict(members))
        raws.append(msgspec.json.format(text, indent=draw(st.sampled_from([-1, 0, 1]))))
    return raws


@given(_raw_messages(), st.sampled_from(["Append", "Prepend", "TakeOver"]), st.data())
def test_every_message_of_the_caller_goes_on_byte_for_byte(
    raws: list[bytes], rule: Any, data: st.DataObject
) -> None:
    """Law: assembly adds messages and may move system text; it rewrites none."""
    dialect = data.draw(st.sampled_from(["chat", "messages"]))
    body = b'{"model": "support", "messages": [' + b" , ".join(raws) + b"]}"
    version = template(RULES, ("user", "Ex {{date}}"), "conversation", caller_system=rule)

    decided = render(version, body, dialect)

    written = msgspec.json.decode(
        decided.body_for(decided.candidates[0]), type=dict[str, msgspec.Raw]
    )
    got = [bytes(raw) for raw in msgspec.json.decode(written["messages"], type=list[msgspec.Raw])]
    ours = [raw for raw in got if raw not in raws]
    assert sorted(raw for raw in got if raw in raws) == sorted(raws)
    assert len(ours) <= 2
