"""The specs of the three kinds as they are written: an absent field is None.

These types say what a spec looks like; bounds, patterns and unknown fields are the schema's
(`resources.schema`), what they mean when absent is the compiler's.
"""

from typing import Any, Literal

import msgspec

LLM_ROUTE = "LLMRoute"
PROMPT_VERSION = "PromptVersion"
RATE_LIMIT_POLICY = "RateLimitPolicy"
KINDS = (LLM_ROUTE, PROMPT_VERSION, RATE_LIMIT_POLICY)

IdentityKind = Literal["User", "Tenant", "Feature", "Session", "Address"]


class _Spec(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Frozen data with the resources' spelling of names."""


class IdentitySource(_Spec, frozen=True, kw_only=True):
    header: str | None = None
    body: str | None = None


class Identity(_Spec, frozen=True, kw_only=True):
    user: tuple[IdentitySource, ...] | None = None
    tenant: tuple[IdentitySource, ...] | None = None
    feature: tuple[IdentitySource, ...] | None = None
    session: tuple[IdentitySource, ...] | None = None
    address: tuple[IdentitySource, ...] | None = None


class RoutePrompt(_Spec, frozen=True, kw_only=True):
    name: str
    assign_by: tuple[IdentityKind, ...] | None = None
    unkeyed: Literal["PerRequest", "Stable"] | None = None
    allow_override: bool | None = None


class SecretKeyRef(_Spec, frozen=True, kw_only=True):
    key: str
    name: str | None = None


class Timeouts(_Spec, frozen=True, kw_only=True):
    connect: str | None = None
    first_token: str | None = None
    idle: str | None = None
    request: str | None = None


class Simulated(_Spec, frozen=True, kw_only=True):
    time_to_first_token: str | None = None
    tokens_per_second: int | None = None
    output_tokens: int | None = None
    error_ratio: str | None = None
    error_class: str | None = None


class Backend(_Spec, frozen=True, kw_only=True):
    name: str
    provider: Literal["OpenAI", "Anthropic", "OpenAICompatible", "Simulated"]
    model: str | None = None
    base_url: str | None = msgspec.field(default=None, name="baseURL")
    secret_key_ref: SecretKeyRef | None = None
    caller_credentials: Literal["Drop", "Forward"] | None = None
    locality: str | None = None
    timeouts: Timeouts | None = None
    default_max_tokens: int | None = None
    simulated: Simulated | None = None


class HeaderMatch(_Spec, frozen=True, kw_only=True):
    name: str
    value: str


class Bounds(_Spec, frozen=True, kw_only=True):
    min: int | None = None
    max: int | None = None


class Match(_Spec, frozen=True, kw_only=True):
    headers: tuple[HeaderMatch, ...] | None = None
    complexity: Bounds | None = None
    tools: Literal["Present", "Absent"] | None = None
    min_words: int | None = None
    max_words: int | None = None
    min_input_tokens: int | None = None
    max_input_tokens: int | None = None


class BackendRef(_Spec, frozen=True, kw_only=True):
    name: str
    weight: int | None = None
    priority: int | None = None


class Rule(_Spec, frozen=True, kw_only=True):
    name: str
    matches: tuple[Match, ...] | None = None
    backend_refs: tuple[BackendRef, ...]


class LLMRoute(_Spec, frozen=True, kw_only=True):
    models: tuple[str, ...] | None = None
    identity: Identity | None = None
    prompt: RoutePrompt | None = None
    backends: tuple[Backend, ...]
    rules: tuple[Rule, ...]


class Message(_Spec, frozen=True, kw_only=True):
    role: Literal["system", "user", "assistant"] | None = None
    content: str | None = None
    placeholder: Literal["conversation"] | None = None


class Variable(_Spec, frozen=True, kw_only=True):
    name: str
    default: str | None = None
    max_length: int | None = None
    fence: bool | None = None


class Parameters(_Spec, frozen=True, kw_only=True):
    temperature: str | None = None
    top_p: str | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None


class Tool(_Spec, frozen=True, kw_only=True):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Prompt(_Spec, frozen=True, kw_only=True):
    description: str | None = None
    format: Literal["Simple"] | None = None
    messages: tuple[Message, ...] | None = None
    variables: tuple[Variable, ...] | None = None
    caller_system: Literal["Append", "Prepend", "Drop", "TakeOver", "Reject"] | None = None
    model: str | None = None
    parameters: Parameters | None = None
    parameters_policy: Literal["Override", "Default"] | None = None
    tools: tuple[Tool, ...] | None = None


class PromptVersion(_Spec, frozen=True, kw_only=True):
    prompt_name: str
    weight: int | None = None
    prompt: Prompt


class TargetRef(_Spec, frozen=True, kw_only=True):
    group: str
    kind: str
    name: str


class TierSource(_Spec, frozen=True, kw_only=True):
    header: str


class Requests(_Spec, frozen=True, kw_only=True):
    limit: int
    window: str
    burst: int | None = None


class Tier(_Spec, frozen=True, kw_only=True):
    name: str
    requests: Requests | None = None
    concurrent: int | None = None


class Override(_Spec, frozen=True, kw_only=True):
    subject: str
    tier: str
    until: str | None = None


class RateLimitPolicy(_Spec, frozen=True, kw_only=True):
    target_refs: tuple[TargetRef, ...] | None = None
    subject: Literal["User", "Tenant", "Feature", "Session", "Address", "Workload", "Route"]
    tier_from: TierSource | None = None
    default_tier: str | None = None
    tiers: tuple[Tier, ...]
    overrides: tuple[Override, ...] | None = None
    unknown_subject: Literal["Shared", "Deny", "Exempt"] | None = None
    mode: Literal["Enforce", "Shadow"] | None = None
