"""LLMRoute specs in the sidecar's form, every default filled in."""

from collections.abc import Iterator
from typing import Final

import msgspec

from outrider_operator.resources import kinds
from outrider_operator.resources.defaults import DEFAULTS
from outrider_operator.resources.durations import milliseconds
from outrider_sidecar import snapshot

_DEFAULT: Final = DEFAULTS[kinds.LLM_ROUTE]
_IDENTITY: Final = msgspec.convert(
    {each: _DEFAULT[f"spec.identity.{each}"] for each in kinds.Identity.__struct_fields__},
    kinds.Identity,
)

# What the providers' own SDKs call, by their own convention of base URLs.
BASE_URLS: Final = {
    "OpenAI": "https://api.openai.com/v1",
    "Anthropic": "https://api.anthropic.com",
}


def compiled(spec: kinds.LLMRoute) -> snapshot.Route:
    """The route as a sidecar reads it, claiming every model name it asks for."""
    return snapshot.Route(
        models=spec.models or (),
        identity=_identity(spec.identity or kinds.Identity()),
        prompt=_prompt(spec.prompt) if spec.prompt else None,
        backends={backend.name: _backend(backend) for backend in spec.backends},
        rules=tuple(_rule(rule) for rule in spec.rules),
    )


def without_model(spec: kinds.LLMRoute) -> Iterator[tuple[str, str]]:
    """Path and message for each backend that could only be asked for the route's own name."""
    if spec.models:
        return
    for index, backend in enumerate(spec.backends):
        if backend.model is None:
            yield (
                f"spec.backends[{index}].model",
                f"backend {backend.name} has no model and the route has no models, so only the "
                "route's own name could be asked of it; set the backend's model, or list the "
                "names that applications send in spec.models",
            )


def _identity(given: kinds.Identity) -> snapshot.Identity:
    return snapshot.Identity(
        user=_sources(given.user or _IDENTITY.user),
        tenant=_sources(given.tenant or _IDENTITY.tenant),
        feature=_sources(given.feature or _IDENTITY.feature),
        session=_sources(given.session or _IDENTITY.session),
        address=_sources(given.address or _IDENTITY.address),
    )


def _sources(given: tuple[kinds.IdentitySource, ...] | None) -> tuple[snapshot.Source, ...]:
    return tuple(snapshot.Source(header=each.header, body=each.body) for each in given or ())


def _prompt(given: kinds.RoutePrompt) -> snapshot.PromptRef:
    return snapshot.PromptRef(
        name=given.name,
        assign_by=given.assign_by or tuple(_DEFAULT["spec.prompt.assignBy"]),
        unkeyed=given.unkeyed or _DEFAULT["spec.prompt.unkeyed"],
        allow_override=(
            _DEFAULT["spec.prompt.allowOverride"]
            if given.allow_override is None
            else given.allow_override
        ),
    )


def _backend(given: kinds.Backend) -> snapshot.Backend:
    key = given.secret_key_ref
    return snapshot.Backend(
        provider=given.provider,
        model=given.model,
        base_url=_base_url(given),
        secret_key_ref=(
            snapshot.SecretKey(
                name=key.name or _DEFAULT["spec.backends[].secretKeyRef.name"], key=key.key
            )
            if key
            else None
        ),
        caller_credentials=(
            given.caller_credentials or _DEFAULT["spec.backends[].callerCredentials"]
        ),
        locality=given.locality,
        timeouts=_timeouts(given.timeouts or kinds.Timeouts()),
        default_max_tokens=(
            given.default_max_tokens or _DEFAULT["spec.backends[].defaultMaxTokens"]
        ),
        simulated=(
            _simulated(given.simulated or kinds.Simulated())
            if given.provider == "Simulated"
            else None
        ),
    )


def _base_url(given: kinds.Backend) -> str:
    url = (given.base_url or BASE_URLS.get(given.provider, "")).rstrip("/")
    return url.removesuffix("/v1") if given.provider == "Anthropic" else url


def _timeouts(given: kinds.Timeouts) -> snapshot.Timeouts:
    def waiting(own: str | None, name: str) -> int:
        return milliseconds(own or _DEFAULT[f"spec.backends[].timeouts.{name}"])

    return snapshot.Timeouts(
        connect_ms=waiting(given.connect, "connect"),
        first_token_ms=waiting(given.first_token, "firstToken"),
        idle_ms=waiting(given.idle, "idle"),
        request_ms=waiting(given.request, "request"),
    )


def _simulated(given: kinds.Simulated) -> snapshot.Simulated:
    at = "spec.backends[].simulated."
    return snapshot.Simulated(
        time_to_first_token_ms=milliseconds(
            given.time_to_first_token or _DEFAULT[at + "timeToFirstToken"]
        ),
        tokens_per_second=given.tokens_per_second or _DEFAULT[at + "tokensPerSecond"],
        output_tokens=given.output_tokens or _DEFAULT[at + "outputTokens"],
        error_ratio=given.error_ratio or _DEFAULT[at + "errorRatio"],
        error_class=given.error_class or _DEFAULT[at + "errorClass"],
    )


def _rule(given: kinds.Rule) -> snapshot.Rule:
    return snapshot.Rule(
        name=given.name,
        matches=tuple(_match(match) for match in given.matches or ()),
        backends=tuple(_backend_ref(ref) for ref in given.backend_refs),
    )


def _match(given: kinds.Match) -> snapshot.Match:
    bounds = given.complexity
    return snapshot.Match(
        headers=tuple(
            snapshot.HeaderMatch(name=each.name.lower(), value=each.value)
            for each in given.headers or ()
        ),
        complexity=snapshot.Bounds(min=bounds.min, max=bounds.max) if bounds else None,
        tools=given.tools,
        min_words=given.min_words,
        max_words=given.max_words,
        min_input_tokens=given.min_input_tokens,
        max_input_tokens=given.max_input_tokens,
    )


def _backend_ref(given: kinds.BackendRef) -> snapshot.BackendRef:
    at = "spec.rules[].backendRefs[]."
    return snapshot.BackendRef(
        name=given.name,
        weight=_DEFAULT[at + "weight"] if given.weight is None else given.weight,
        priority=_DEFAULT[at + "priority"] if given.priority is None else given.priority,
    )
