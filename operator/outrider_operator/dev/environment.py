"""Local mode without files: one route, made of the keys found in the environment or in ``.env``.

| variable | means |
|---|---|
| ``OPENAI_API_KEY``, ``ANTHROPIC_API_KEY`` | a backend each; without any, a simulated one |
| ``LLM_PROVIDER`` | ``openai``, ``anthropic`` or ``simulated``: the backend that comes first |
| ``LLM_MODEL`` | the model of that backend, whatever the caller names |
| ``LLM_MAX_TOKENS``, ``LLM_TEMPERATURE`` | sent when the caller says nothing |
| ``LLM_TIMEOUT_SECONDS`` | how long a whole answer may take |

What this version cannot do yet (``GOOGLE_API_KEY``, ``LLM_MAX_COST_PER_REQUEST``) is told, never
silently ignored.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values

from outrider_operator.resources import durations
from outrider_operator.resources.resource import Resource
from outrider_sidecar.config.credentials import hosts_in, key_in
from outrider_sidecar.snapshot import SecretKey

NAMESPACE: Final = "default"
ROUTE: Final = "default"
SECRET: Final = "outrider-credentials"

_PROVIDERS: Final = {"openai": "OpenAI", "anthropic": "Anthropic", "simulated": "Simulated"}
_KEYED: Final = ("openai", "anthropic")
_NOT_YET: Final = {
    "GOOGLE_API_KEY": "Gemini is not served by this version",
    "LLM_MAX_COST_PER_REQUEST": "costs are not counted by this version",
}


class EnvironmentProblem(Exception):
    """The environment cannot be used; the message says what of it, why, and the fix."""


class FileError(EnvironmentProblem):
    """There is a ``.env`` file that cannot be read."""


@dataclass(frozen=True)
class VariableError(EnvironmentProblem):
    """A variable with a value that cannot be used; says which, why, and what to write."""

    variable: str
    value: str
    fix: str

    def __str__(self) -> str:
        return f"{self.variable}={self.value!r}: {self.fix}"


def read(directory: Path, process: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The process's environment over the ``.env`` file of `directory`, which may be absent.

    Raises FileError when it is there and cannot be read.
    """
    path = directory / ".env"
    try:
        file = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read ({error}): mend it or move it away") from error
    return {key: value for key, value in file.items() if value is not None} | dict(process)


def variable_of(key: str) -> str:
    """The variable that holds a Secret's key in local mode: ``my-key`` is ``MY_KEY_API_KEY``."""
    return re.sub(r"[^A-Z0-9]+", "_", key.upper()).strip("_") + "_API_KEY"


class EnvironmentCredentials:
    """Keys of the Secret ``outrider-credentials`` from variables ``<KEY>_API_KEY``.

    Hosts beside the provider's own stand in ``<KEY>_API_KEY_HOSTS``, separated by commas.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def __repr__(self) -> str:
        return "EnvironmentCredentials()"

    def key(self, ref: SecretKey) -> str | None:
        """The key's value, or None when there is no such variable."""
        if ref.name != SECRET:
            return None
        value = self._environment.get(variable_of(ref.key), "").strip()
        return key_in(value.encode("utf-8", "replace")) if value else None

    def hosts(self, ref: SecretKey) -> frozenset[str]:
        """Hosts this key may go to beside its provider's own."""
        return hosts_in(self._environment.get(variable_of(ref.key) + "_HOSTS", ""))


@dataclass(frozen=True)
class Found:
    """What the environment makes: resources, and what there is to say about it."""

    resources: tuple[Resource, ...]
    notes: tuple[str, ...]


def resources(environment: Mapping[str, str]) -> Found:
    """One route ``default`` for every model, from the variables; raises VariableError."""
    first = _provider(environment)
    backends = [
        _backend(name)
        for name in sorted(_KEYED, key=lambda name: name != first)
        if environment.get(variable_of(name), "").strip()
    ]
    notes = [f"{name} is set, but {why}" for name, why in _NOT_YET.items() if environment.get(name)]
    if first == "simulated" or not backends:
        backends.insert(0, {"name": "simulated", "provider": "Simulated", "model": "simulated"})
        if first != "simulated":
            names = " or ".join(variable_of(name) for name in _KEYED)
            notes.append(f"no {names}: answers are simulated")
    if first in _KEYED and not any(backend["name"] == first for backend in backends):
        fix = f"set {variable_of(first)} too, or leave LLM_PROVIDER out"
        raise VariableError("LLM_PROVIDER", environment["LLM_PROVIDER"], fix)
    chosen = backends[0]
    if model := environment.get("LLM_MODEL", "").strip():
        chosen["model"] = model
    if seconds := _number(environment, "LLM_TIMEOUT_SECONDS", 0.001, 86_400):
        for backend in backends:
            backend["timeouts"] = {"request": durations.spelled(round(float(seconds) * 1000))}
    spec: dict[str, Any] = {
        "models": ["*"],
        "backends": backends,
        "rules": [
            {
                "name": "default",
                "backendRefs": [
                    {"name": backend["name"], "priority": priority}
                    for priority, backend in enumerate(backends)
                ],
            }
        ],
    }
    made = [Resource(kind="LLMRoute", namespace=NAMESPACE, name=ROUTE, spec=spec)]
    if parameters := _parameters(environment):
        spec["prompt"] = {"name": ROUTE}
        version = {
            "promptName": ROUTE,
            "weight": 100,
            "prompt": {"parameters": parameters, "parametersPolicy": "Default"},
        }
        made.append(
            Resource(kind="PromptVersion", namespace=NAMESPACE, name="environment", spec=version)
        )
    return Found(tuple(made), tuple(notes))


def _provider(environment: Mapping[str, str]) -> str | None:
    value = environment.get("LLM_PROVIDER", "").strip()
    if value and value.lower() not in _PROVIDERS:
        raise VariableError("LLM_PROVIDER", value, f"write one of {', '.join(_PROVIDERS)}")
    return value.lower() or None


def _backend(name: str) -> dict[str, Any]:
    return {"name": name, "provider": _PROVIDERS[name], "secretKeyRef": {"key": name}}


def _parameters(environment: Mapping[str, str]) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if temperature := _number(environment, "LLM_TEMPERATURE", 0, 2):
        parameters["temperature"] = temperature
    if tokens := _number(environment, "LLM_MAX_TOKENS", 1, 10_000_000, whole=True):
        parameters["maxTokens"] = int(tokens)
    return parameters


def _number(
    environment: Mapping[str, str], name: str, low: float, high: float, *, whole: bool = False
) -> str | None:
    value = environment.get(name, "").strip()
    if not value:
        return None
    pattern = r"\d{1,9}" if whole else r"\d{1,9}(\.\d{1,6})?"
    if not re.fullmatch(pattern, value) or not low <= float(value) <= high:
        kind = "a whole number" if whole else "a number"
        raise VariableError(name, value, f"write {kind} from {low:g} to {high:.0f}")
    return value
