"""PromptVersions, accepted and refused."""

from functools import partial
from typing import Any, Final

from manifests import entry
from outrider_operator.resources.kinds import PROMPT_VERSION

accepted: Final = partial(entry.accepted, PROMPT_VERSION)
refused: Final = partial(entry.refused, PROMPT_VERSION)

NAME_IMMUTABLE: Final = (
    "promptName is immutable; create a new PromptVersion with the other promptName"
)
PROMPT_IMMUTABLE: Final = (
    "prompt is immutable; create a new PromptVersion with the changed prompt and give it a weight"
)
ONE_PLACE: Final = "messages may hold {placeholder: conversation} only once"
ALL_CONTENTS: Final = (
    "the contents of messages must be at most 98304 characters in all; shorten them"
)
EITHER: Final = "an item of messages is either {role, content} or {placeholder: conversation}"
DEFAULT: Final = "a variable's default must not be longer than its maxLength"

CAP: Final = 98_304
PLACE: Final = {"placeholder": "conversation"}


def prompt(**members: Any) -> dict[str, Any]:
    return {"prompt": members}


def says(*contents: str) -> dict[str, Any]:
    return prompt(messages=[{"role": "system", "content": content} for content in contents])


def variable(**members: Any) -> dict[str, Any]:
    return prompt(variables=[{"name": "brand", **members}])


_RULES: Final = (
    accepted(
        ONE_PLACE,
        "the conversation between two messages",
        **prompt(
            messages=[{"role": "system", "content": "a"}, PLACE, {"role": "user", "content": "b"}]
        ),
    ),
    refused(
        ONE_PLACE,
        "the conversation twice",
        "spec.prompt.messages",
        ONE_PLACE,
        **prompt(messages=[PLACE, PLACE]),
    ),
    accepted(ALL_CONTENTS, "one message of all the characters that may be", **says("a" * CAP)),
    accepted(
        ALL_CONTENTS,
        "32 messages of all the characters that may be",
        **says(*["ä" * (CAP // 32)] * 32),
    ),
    refused(
        ALL_CONTENTS,
        "two messages over the cap together",
        "spec.prompt.messages",
        "have 98,305 characters in all, of 98,304 that may be; shorten them",
        **says("a" * CAP, "b"),
    ),
    accepted(EITHER, "a conversation alone", **prompt(messages=[PLACE])),
    *(
        refused(
            EITHER,
            f"a message with {', '.join(item) or 'nothing'}",
            "spec.prompt.messages[0]",
            EITHER,
            "and this one has",
            **prompt(messages=[item]),
        )
        for item in (
            {},
            {"role": "user"},
            {"content": "a"},
            {**PLACE, "role": "user"},
            {**PLACE, "content": "a"},
            {**PLACE, "role": "user", "content": "a"},
            {"role": None, "content": "a"},
        )
    ),
    accepted(DEFAULT, "a default as long as may be", **variable(default="a" * 64, maxLength=64)),
    accepted(
        DEFAULT,
        "a default of characters that are two in UTF-16",
        **variable(default="🦊" * 64, maxLength=64),
    ),
    accepted(
        DEFAULT, "a default as long as may be where nobody says so", **variable(default="a" * 8192)
    ),
    accepted(DEFAULT, "an empty default", **variable(default="", maxLength=1)),
    refused(
        DEFAULT,
        "a default that is too long",
        "spec.prompt.variables[0].default",
        "the default of brand has 65 characters, of 64 that its maxLength allows",
        "shorten it or raise maxLength",
        **variable(default="a" * 65, maxLength=64),
    ),
    refused(
        DEFAULT,
        "a default that is too long where nobody says so",
        "spec.prompt.variables[0].default",
        "has 8,193 characters, of 8,192",
        **variable(default="a" * 8193),
    ),
)

_FIELDS: Final = (
    accepted(
        "required",
        "a version of model and parameters alone",
        **prompt(model="claude-haiku-4-5", parameters={"temperature": "2.0", "topP": "1"}),
    ),
    accepted("required", "a version without a weight", weight=None),
    accepted("pattern", "dots and capitals in a variable", **prompt(variables=[{"name": "a.B_1"}])),
    accepted(
        "type",
        "any JSON Schema for a tool",
        **prompt(tools=[{"name": "t", "parameters": {"x-own": [1, 0.5, None, {"a": True}]}}]),
    ),
    refused("required", "no prompt", "spec.prompt", "spec.prompt is missing", prompt=None),
    refused(
        "required",
        "no promptName",
        "spec.promptName",
        "spec.promptName is missing",
        "promptName: support-answer",
        promptName=None,
    ),
    refused(
        "required",
        "a variable without a name",
        "spec.prompt.variables[0].name",
        "is missing",
        "name: language",
        **prompt(variables=[{"default": "a"}]),
    ),
    refused(
        "enum",
        "a role that there is not",
        "spec.prompt.messages[0].role",
        'is "developer"',
        "system, user or assistant",
        **prompt(messages=[{"role": "developer", "content": "a"}]),
    ),
    refused(
        "enum",
        "a format of elsewhere",
        "spec.prompt.format",
        'is "Jinja"',
        "Simple",
        **prompt(format="Jinja"),
    ),
    refused(
        "enum",
        "callerSystem in lower case",
        "spec.prompt.callerSystem",
        'is "append"',
        "did you mean Append?",
        **prompt(callerSystem="append"),
    ),
    refused(
        "pattern",
        "a temperature above 2",
        "spec.prompt.parameters.temperature",
        'is "2.1"',
        "a decimal from 0 to 2",
        **prompt(parameters={"temperature": "2.1"}),
    ),
    refused(
        "pattern",
        "topP above 1",
        "spec.prompt.parameters.topP",
        'is "1.1"',
        "a decimal from 0 to 1",
        **prompt(parameters={"topP": "1.1"}),
    ),
    refused(
        "pattern",
        "a variable with a dash",
        "spec.prompt.variables[0].name",
        'is "user-name"',
        "such as language",
        **prompt(variables=[{"name": "user-name"}]),
    ),
    refused(
        "pattern",
        "a tool with a space",
        "spec.prompt.tools[0].name",
        'is "look up"',
        "such as lookup_policy",
        **prompt(tools=[{"name": "look up"}]),
    ),
    refused(
        "pattern",
        "a model with a *",
        "spec.prompt.model",
        'is "claude-*"',
        "without spaces or *",
        **prompt(model="claude-*"),
    ),
    refused(
        "type",
        "a temperature as a number",
        "spec.prompt.parameters.temperature",
        "is 0.2",
        'quote it: "0.2"',
        **prompt(parameters={"temperature": 0.2}),
    ),
    refused(
        "type",
        "a default that YAML reads as a number",
        "spec.prompt.variables[0].default",
        "is 5",
        'quote it: "5"',
        **variable(default=5),
    ),
    refused(
        "type",
        "a default that YAML reads as true",
        "spec.prompt.variables[0].default",
        "is true",
        "quote it",
        "yes, no, on and off",
        **variable(default=True),
    ),
    refused(
        "type",
        "the JSON Schema of a tool as text",
        "spec.prompt.tools[0].parameters",
        "it must be a mapping",
        **prompt(tools=[{"name": "t", "parameters": "{}"}]),
    ),
    refused(
        "maximum",
        "a weight above 10,000",
        "spec.weight",
        "is 10001",
        "from 0 to 10000",
        weight=10_001,
    ),
    refused("minimum", "a weight below 0", "spec.weight", "is -1", "from 0 to 10000", weight=-1),
    refused(
        "minimum",
        "no tokens",
        "spec.prompt.parameters.maxTokens",
        "is 0",
        "from 1 to 1000000",
        **prompt(parameters={"maxTokens": 0}),
    ),
    refused(
        "maxLength",
        "one message over the cap",
        "spec.prompt.messages[0].content",
        "has 98,305 characters",
        "at most 98,304",
        **says("a" * (CAP + 1)),
    ),
    refused(
        "minLength",
        "an empty message",
        "spec.prompt.messages[0].content",
        "has 0 characters",
        "at least 1",
        **says(""),
    ),
    refused(
        "minLength",
        "an empty stop",
        "spec.prompt.parameters.stop[0]",
        "has 0 characters",
        **prompt(parameters={"stop": [""]}),
    ),
    refused(
        "maxItems",
        "33 messages",
        "spec.prompt.messages",
        "has 33 items",
        "32 are the most",
        **says(*["a"] * 33),
    ),
    refused(
        "maxItems",
        "65 variables",
        "spec.prompt.variables",
        "has 65 items",
        **prompt(variables=[{"name": f"v{n}"} for n in range(65)]),
    ),
    refused(
        "minItems",
        "no messages",
        "spec.prompt.messages",
        "is empty",
        "leave it out",
        **prompt(messages=[]),
    ),
    refused(
        "duplicate",
        "a variable twice",
        "spec.prompt.variables[1]",
        "brand stands here twice",
        **prompt(variables=[{"name": "brand"}] * 2),
    ),
    refused(
        "duplicate",
        "a tool twice",
        "spec.prompt.tools[1]",
        "t stands here twice",
        **prompt(tools=[{"name": "t"}, {"name": "t", "description": "again"}]),
    ),
    refused(
        "unknown field",
        "messages one level too high",
        "spec.messages",
        "unknown field spec.messages",
        "spec has promptName, weight, prompt",
        messages=[PLACE],
    ),
    refused(
        "unknown field",
        "a parameter in another spelling",
        "spec.prompt.parameters.max_tokens",
        "did you mean maxTokens?",
        **prompt(parameters={"max_tokens": 600}),
    ),
)

ENTRIES: Final = (*_RULES, *_FIELDS)
