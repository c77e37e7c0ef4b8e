"""Small snapshots, tables and calls for tests, written as a person would say them."""

import datetime
from collections.abc import Mapping
from random import Random
from typing import Any, Literal

import msgspec
from multidict import CIMultiDict

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.surface import operation
from outrider_sidecar.routing.decision import Call, Plan, decide
from outrider_sidecar.routing.ratio import Ratios
from outrider_sidecar.routing.table import Table
from outrider_sidecar.snapshot import (
    Backend,
    BackendRef,
    Identity,
    IdentityKind,
    Match,
    Message,
    Parameters,
    Prompt,
    PromptRef,
    Provider,
    Route,
    Rule,
    Simulated,
    Snapshot,
    Source,
    Template,
    Timeouts,
    Tool,
    Variable,
    Version,
)

TODAY = datetime.date(2026, 11, 21)

IDENTITY = Identity(
    user=(
        Source(header="x-outrider-user"),
        Source(body="/safety_identifier"),
        Source(body="/user"),
        Source(body="/metadata/user_id"),
    ),
    tenant=(Source(header="x-outrider-tenant"),),
    feature=(Source(header="x-outrider-feature"),),
    session=(
        Source(header="x-outrider-session"),
        Source(body="/conversation"),
        Source(body="/prompt_cache_key"),
    ),
    address=(Source(header="x-forwarded-for"),),
)

_URLS = {"OpenAI": "https://api.openai.com/v1", "Anthropic": "https://api.anthropic.com"}
_SIMULATED = Simulated(
    time_to_first_token_ms=0,
    tokens_per_second=1_000,
    output_tokens=4,
    error_ratio="0",
    error_class="Overloaded",
)


def backend(provider: Provider = "OpenAI", model: str | None = "m", **fields: Any) -> Backend:
    """A backend with the defaults that the compiler fills in."""
    simulated = _SIMULATED if provider == "Simulated" else None
    base_url = _URLS.get(provider, "http://vllm:8000/v1" if simulated is None else "")
    defaults: dict[str, Any] = {
        "base_url": base_url,
        "timeouts": Timeouts(connect_ms=1, first_token_ms=1, idle_ms=1, request_ms=1),
        "default_max_tokens": 4_096,
        "simulated": simulated,
    }
    return Backend(provider=provider, model=model, **(defaults | fields))


def rule(name: str, *backends: str | tuple[str, int, int], matches: Any = ()) -> Rule:
    """A rule; a backend is its name, or ``(name, weight, priority)``."""
    refs = tuple(
        BackendRef(name=ref, weight=1, priority=0)
        if isinstance(ref, str)
        else BackendRef(name=ref[0], weight=ref[1], priority=ref[2])
        for ref in backends
    )
    return Rule(name=name, matches=msgspec.convert(matches, tuple[Match, ...]), backends=refs)


def route(
    backends: Mapping[str, Backend] | None = None,
    *rules: Rule,
    models: tuple[str, ...] = (),
    prompt: str | PromptRef | None = None,
    **fields: Any,
) -> Route:
    """A route: by default one OpenAI backend and one rule with all backends in it."""
    backends = dict(backends or {"main": backend()})
    if isinstance(prompt, str):
        prompt = ref(prompt)
    defaults: dict[str, Any] = {"identity": IDENTITY}
    return Route(
        models=models,
        prompt=prompt,
        backends=backends,
        rules=rules or (rule("default", *backends),),
        **(defaults | fields),
    )


def ref(
    name: str,
    assign_by: tuple[IdentityKind, ...] = ("User", "Session"),
    unkeyed: Literal["PerRequest", "Stable"] = "PerRequest",
    allow_override: bool = True,
) -> PromptRef:
    """How a route uses a prompt, with the defaults of the resource."""
    return PromptRef(name=name, assign_by=assign_by, unkeyed=unkeyed, allow_override=allow_override)


def template(
    *messages: tuple[str, str] | str,
    variables: tuple[Variable, ...] = (),
    tools: tuple[Tool, ...] = (),
    model: str | None = None,
    caller_system: Literal["Append", "Prepend", "Drop", "TakeOver", "Reject"] = "Append",
    policy: Literal["Override", "Default"] = "Override",
    **parameters: Any,
) -> Template:
    """A template; a message is ``(role, content)``, or the place called ``"conversation"``."""
    return Template(
        format="Simple",
        messages=tuple(
            Message(placeholder="conversation")
            if message == "conversation"
            else msgspec.convert({"role": message[0], "content": message[1]}, Message)
            for message in messages
        ),
        variables=variables,
        tools=tools,
        model=model,
        caller_system=caller_system,
        parameters=Parameters(**parameters),
        parameters_policy=policy,
    )


def variable(name: str, default: str | None = None, **fields: Any) -> Variable:
    """A declared variable with the defaults of the resource."""
    return Variable(name=name, default=default, **({"max_length": 8_192, "fence": False} | fields))


def prompt(
    versions: Mapping[str, Template],
    ranges: tuple[tuple[int, int, str], ...] | None = None,
    salt: str = "shop/answer",
    stable: str | None = None,
) -> Prompt:
    """A prompt; by default its first version is served to everybody."""
    first = next(iter(versions))
    return Prompt(
        salt=salt,
        stable=stable or first,
        versions={
            name: Version(digest=f"sha256:{name}", goal=0, share=0, prompt=content)
            for name, content in versions.items()
        },
        ranges=((0, 9_999, first),) if ranges is None else ranges,
    )


def snapshot(
    routes: Mapping[str, Route], prompts: Mapping[str, Prompt] | None = None, **fields: Any
) -> Snapshot:
    """A snapshot of the namespace shop."""
    return Snapshot(
        namespace="shop", generation=1, routes=dict(routes), prompts=dict(prompts or {}), **fields
    )


def table(*args: Any, **fields: Any) -> Table:
    """The table of such a snapshot."""
    return Table.build(snapshot(*args, **fields))


def call(
    body: Mapping[str, Any] | bytes,
    headers: Mapping[str, str] | None = None,
    path: str = "/v1/chat/completions",
) -> Call:
    """A call with a body, as the server makes it."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Call(
        operation("POST", path, "", False), CIMultiDict(headers or {}), Body.parse(raw), "r"
    )


def chat(model: str = "support", *messages: Any, **fields: Any) -> dict[str, Any]:
    """A Chat or Messages body; a message is a user's text or a whole message."""
    turns = [{"role": "user", "content": m} if isinstance(m, str) else m for m in messages]
    return {"model": model, "messages": turns or [{"role": "user", "content": "Hi"}], **fields}


def plan(table: Table, call: Call, seed: int | Random = 0, ratio: Ratios | None = None) -> Plan:
    """What is decided for a call, with chance and date settled."""
    random = seed if isinstance(seed, Random) else Random(seed)
    return decide(table, call, random=random, today=TODAY, ratio=ratio or Ratios())


def sent(plan: Plan, place: int = 0) -> dict[str, Any]:
    """The body that the candidate at `place` gets."""
    body: dict[str, Any] = msgspec.json.decode(plan.body_for(plan.candidates[place]))
    return body
