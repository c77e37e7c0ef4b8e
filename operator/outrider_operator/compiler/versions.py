"""PromptVersion specs in the sidecar's form, every default filled in."""

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from outrider_operator.resources import kinds
from outrider_operator.resources.defaults import DEFAULTS
from outrider_sidecar import snapshot
from outrider_sidecar.prompts import template

PROMPT_BYTES: Final = 256 * 1024
BUILT_IN: Final = ("input", "user", "tenant", "date")

_DEFAULT: Final = DEFAULTS[kinds.PROMPT_VERSION]
_encoder: Final = msgspec.json.Encoder(order="sorted")


def compiled(spec: kinds.Prompt) -> snapshot.Template:
    """The prompt as a sidecar reads it."""
    parameters = spec.parameters or kinds.Parameters()
    return snapshot.Template(
        format=spec.format or _DEFAULT["spec.prompt.format"],
        messages=tuple(
            snapshot.Message(role=each.role, content=each.content, placeholder=each.placeholder)
            for each in spec.messages or ()
        ),
        variables=tuple(_variable(each) for each in spec.variables or ()),
        caller_system=spec.caller_system or _DEFAULT["spec.prompt.callerSystem"],
        model=spec.model,
        parameters=snapshot.Parameters(
            temperature=parameters.temperature,
            top_p=parameters.top_p,
            max_tokens=parameters.max_tokens,
            stop=parameters.stop,
        ),
        parameters_policy=spec.parameters_policy or _DEFAULT["spec.prompt.parametersPolicy"],
        tools=tuple(
            snapshot.Tool(name=each.name, description=each.description, parameters=each.parameters)
            for each in spec.tools or ()
        ),
    )


def digest(prompt: dict[str, Any]) -> str:
    """``sha256:<hex>`` of `spec.prompt` as sorted, compact JSON with its object defaults."""
    return "sha256:" + hashlib.sha256(_canonical(prompt)).hexdigest()


def size(prompt: dict[str, Any]) -> int:
    """The bytes of `spec.prompt` as compact UTF-8 JSON."""
    return len(_canonical(prompt))


def undeclared(spec: kinds.Prompt) -> Iterator[tuple[str, str]]:
    """Path and message for each name in a template that is neither declared nor built in."""
    declared = {variable.name for variable in spec.variables or ()}
    known = declared.union(BUILT_IN)
    for index, message in enumerate(spec.messages or ()):
        for name in dict.fromkeys(template.names(template.parse(message.content or ""))):
            if name not in known:
                yield (
                    f"spec.prompt.messages[{index}].content",
                    f"{{{{{name}}}}} is not declared; add {{name: {name}}} to "
                    f"spec.prompt.variables, or use one of "
                    f"{', '.join(sorted(declared)) + ', ' if declared else ''}"
                    f"{', '.join(BUILT_IN)}",
                )


def _canonical(prompt: dict[str, Any]) -> bytes:
    defaults = {
        path.rpartition(".")[2]: value for path, value in _DEFAULT.items() if "[]" not in path
    }
    return _encoder.encode(defaults | prompt)


def _variable(given: kinds.Variable) -> snapshot.Variable:
    at = "spec.prompt.variables[]."
    return snapshot.Variable(
        name=given.name,
        default=given.default,
        max_length=given.max_length or _DEFAULT[at + "maxLength"],
        fence=_DEFAULT[at + "fence"] if given.fence is None else given.fence,
    )
