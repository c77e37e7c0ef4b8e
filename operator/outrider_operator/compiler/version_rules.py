"""What must hold of a PromptVersion beyond its schema."""

from typing import Final

from outrider_operator.compiler.rule import Rule, Value
from outrider_operator.resources.defaults import DEFAULTS
from outrider_operator.resources.kinds import PROMPT_VERSION

MESSAGE_CHARACTERS: Final = 98_304
VARIABLE_CHARACTERS: Final = DEFAULTS["PromptVersion"]["spec.prompt.variables[].maxLength"]


def _characters(prompt: Value) -> int:
    return sum(len(each.get("content", "")) for each in prompt.get("messages", ()))


def _longest(variable: Value) -> int:
    longest: int = variable.get("maxLength", VARIABLE_CHARACTERS)
    return longest


RULES: Final = (
    Rule(
        PROMPT_VERSION,
        "spec.prompt",
        "messages may hold {placeholder: conversation} only once",
        lambda self: sum("placeholder" in each for each in self.get("messages", ())) <= 1,
        ".messages",
    ),
    Rule(
        PROMPT_VERSION,
        "spec.prompt",
        f"the contents of messages must be at most {MESSAGE_CHARACTERS} characters in all; "
        "shorten them",
        lambda self: _characters(self) <= MESSAGE_CHARACTERS,
        ".messages",
        lambda self: [
            (
                ".messages",
                f"the contents of messages have {_characters(self):,} characters in all, of "
                f"{MESSAGE_CHARACTERS:,} that may be; shorten them",
            )
        ],
    ),
    Rule(
        PROMPT_VERSION,
        "spec.prompt.messages[]",
        "an item of messages is either {role, content} or {placeholder: conversation}",
        lambda self: set(self) in ({"role", "content"}, {"placeholder"}),
        tells=lambda self: [
            (
                "",
                "an item of messages is either {role, content} or {placeholder: conversation}, "
                f"and this one has {', '.join(self) or 'nothing'}",
            )
        ],
    ),
    Rule(
        PROMPT_VERSION,
        "spec.prompt.variables[]",
        "a variable's default must not be longer than its maxLength",
        lambda self: len(self.get("default", "")) <= _longest(self),
        ".default",
        lambda self: [
            (
                ".default",
                f"the default of {self['name']} has {len(self['default']):,} characters, of "
                f"{_longest(self):,} that its maxLength allows; shorten it or raise maxLength",
            )
        ],
    ),
)
