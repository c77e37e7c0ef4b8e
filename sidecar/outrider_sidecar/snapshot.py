"""The contract between operator and sidecar: one compiled namespace.

The sidecar owns this module and the operator imports it, never the reverse; there is no
Kubernetes in it. Names are those of the resources, durations are integer milliseconds
(``...Ms``), shares are integers of 10,000, decimals stay the strings that were written.
Changes within one ``schema`` are additive and unknown fields are ignored, so that an older
sidecar reads what a newer operator writes; what it must not ignore stands in ``requires``.
"""

import hashlib
from typing import Any, Final, Literal

import msgspec

SCHEMA: Final = 1
BUCKETS: Final = 10_000

# Every feature that a route of this schema may require. A sidecar that lacks one named in
# `Route.requires` refuses the route instead of skipping what it does not know.
FEATURES: Final[frozenset[str]] = frozenset()

Dialect = Literal["chat", "messages"]
IdentityKind = Literal["User", "Tenant", "Feature", "Session", "Address"]
Provider = Literal["OpenAI", "Anthropic", "OpenAICompatible", "Simulated"]


class SnapshotError(ValueError):
    """Bytes that are no snapshot this sidecar can apply; the message says why."""


class _Model(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Frozen data with the resources' spelling of names."""


class Source(_Model, frozen=True, kw_only=True, omit_defaults=True):
    """Where one identity is looked for: a header's name, or a JSON pointer into the body."""

    header: str | None = None
    body: str | None = None


class Identity(_Model, frozen=True, kw_only=True):
    """Per identity the places to look in; the first that holds a value wins."""

    user: tuple[Source, ...] = ()
    tenant: tuple[Source, ...] = ()
    feature: tuple[Source, ...] = ()
    session: tuple[Source, ...] = ()
    address: tuple[Source, ...] = ()


class PromptRef(_Model, frozen=True, kw_only=True):
    """How a route uses a prompt."""

    name: str
    assign_by: tuple[IdentityKind, ...]
    unkeyed: Literal["PerRequest", "Stable"]
    allow_override: bool


class SecretKey(_Model, frozen=True, kw_only=True):
    """A provider key by the name of its Secret and the key in it; never its value."""

    name: str
    key: str


class Timeouts(_Model, frozen=True, kw_only=True):
    """Waits of one upstream call, in milliseconds."""

    connect_ms: int
    first_token_ms: int
    idle_ms: int
    request_ms: int


class Simulated(_Model, frozen=True, kw_only=True):
    """How a simulated backend behaves. ``error_ratio`` is a decimal from 0 to 1."""

    time_to_first_token_ms: int
    tokens_per_second: int
    output_tokens: int
    error_ratio: str
    error_class: str


class Backend(_Model, frozen=True, kw_only=True):
    """One upstream. ``base_url`` is what the provider's SDK calls base URL; '' for Simulated."""

    provider: Provider
    model: str | None = None
    base_url: str = msgspec.field(default="", name="baseURL")
    secret_key_ref: SecretKey | None = None
    caller_credentials: Literal["Drop", "Forward"] = "Drop"
    locality: str | None = None
    timeouts: Timeouts
    default_max_tokens: int
    simulated: Simulated | None = None


class HeaderMatch(_Model, frozen=True, kw_only=True):
    """A header's name in lower case and the exact value its first occurrence must have."""

    name: str
    value: str


class Bounds(_Model, frozen=True, kw_only=True, omit_defaults=True):
    """An inclusive interval, open where None."""

    min: int | None = None
    max: int | None = None


class Match(_Model, frozen=True, kw_only=True, omit_defaults=True):
    """All given conditions must hold."""

    headers: tuple[HeaderMatch, ...] = ()
    complexity: Bounds | None = None
    tools: Literal["Present", "Absent"] | None = None
    min_words: int | None = None
    max_words: int | None = None
    min_input_tokens: int | None = None
    max_input_tokens: int | None = None


class BackendRef(_Model, frozen=True, kw_only=True):
    """A backend of the route in a rule: lower ``priority`` first, ``weight`` inside a priority."""

    name: str
    weight: int
    priority: int


class Rule(_Model, frozen=True, kw_only=True):
    """Chosen when any of ``matches`` holds; without any, always."""

    name: str
    matches: tuple[Match, ...] = ()
    backends: tuple[BackendRef, ...]


class Route(_Model, frozen=True, kw_only=True):
    """Answers for its own name and for ``models``: exact names and prefixes ending in '*'."""

    models: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    identity: Identity
    prompt: PromptRef | None = None
    backends: dict[str, Backend]
    rules: tuple[Rule, ...]


class Message(_Model, frozen=True, kw_only=True, omit_defaults=True):
    """A template's message, or the place where the caller's own messages go."""

    role: Literal["system", "user", "assistant"] | None = None
    content: str | None = None
    placeholder: Literal["conversation"] | None = None


class Variable(_Model, frozen=True, kw_only=True):
    """A declared variable; ``max_length`` counts characters; required when ``default`` is None."""

    name: str
    default: str | None = None
    max_length: int
    fence: bool


class Parameters(_Model, frozen=True, kw_only=True, omit_defaults=True):
    """Sampling parameters; decimals are JSON number spellings."""

    temperature: str | None = None
    top_p: str | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] | None = None


class Tool(_Model, frozen=True, kw_only=True, omit_defaults=True):
    """A function tool; ``parameters`` is its JSON Schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Template(_Model, frozen=True, kw_only=True):
    """What one prompt version says. Without messages it changes model and parameters only."""

    format: Literal["Simple"]
    messages: tuple[Message, ...] = ()
    variables: tuple[Variable, ...] = ()
    caller_system: Literal["Append", "Prepend", "Drop", "TakeOver", "Reject"]
    model: str | None = None
    parameters: Parameters = Parameters()
    parameters_policy: Literal["Override", "Default"]
    tools: tuple[Tool, ...] = ()


class Version(_Model, frozen=True, kw_only=True):
    """A prompt version: what its weight asks for (``goal``), what is served (``share``)."""

    digest: str
    goal: int
    share: int
    prompt: Template


class Prompt(_Model, frozen=True, kw_only=True):
    """A family of versions and its split.

    ``ranges`` are ``(first, last, version)`` over the buckets 0 to 9,999, both ends included,
    ascending and without gaps; empty when nothing was ever served. ``stable`` is None then.
    """

    salt: str
    stable: str | None = None
    versions: dict[str, Version]
    ranges: tuple[tuple[int, int, str], ...] = ()


class Rate(_Model, frozen=True, kw_only=True):
    """Requests per window: at most ``burst`` at once, refilled at limit per window."""

    limit: int
    window_ms: int
    burst: int


class Tier(_Model, frozen=True, kw_only=True, omit_defaults=True):
    """What one class of subjects may use."""

    requests: Rate | None = None
    concurrent: int | None = None


class Override(_Model, frozen=True, kw_only=True, omit_defaults=True):
    """A subject with a tier of its own, until a moment in unix seconds if given."""

    subject: str
    tier: str
    until: int | None = None


class Limit(_Model, frozen=True, kw_only=True):
    """A RateLimitPolicy. ``routes`` None means every route of the namespace.

    ``tier_from`` is a header's name in lower case.
    """

    name: str
    routes: tuple[str, ...] | None = None
    subject: Literal["User", "Tenant", "Feature", "Session", "Address", "Workload", "Route"]
    tier_from: str | None = None
    default_tier: str
    tiers: dict[str, Tier]
    overrides: tuple[Override, ...] = ()
    unknown_subject: Literal["Shared", "Deny", "Exempt"]
    mode: Literal["Enforce", "Shadow"]


class Snapshot(_Model, frozen=True, kw_only=True):
    """One namespace, compiled. ``generation`` is stamped by whoever publishes it."""

    schema: int = SCHEMA
    namespace: str
    generation: int = 0
    digest: str = ""
    routes: dict[str, Route]
    prompts: dict[str, Prompt]
    limits: tuple[Limit, ...] = ()
    prices: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(Snapshot)
_encoder = msgspec.json.Encoder(order="sorted")


def encode(snapshot: Snapshot) -> bytes:
    """The snapshot as sorted, compact UTF-8 JSON."""
    return _encoder.encode(snapshot)


def decode(data: bytes) -> Snapshot:
    """The snapshot in `data`; raises `SnapshotError` when it is none or its digest is wrong."""
    try:
        fields = msgspec.json.decode(data, type=dict[str, Any])
        if fields.get("schema") != SCHEMA:
            raise SnapshotError(
                f"snapshot has schema {fields.get('schema')!r}; this sidecar reads {SCHEMA}"
            )
        snapshot = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SnapshotError(f"not a snapshot: {error}") from error
    expected = digest_of(fields)
    if snapshot.digest != expected:
        raise SnapshotError(f"snapshot says {snapshot.digest}, its content is {expected}")
    return snapshot


def digest_of(fields: dict[str, Any]) -> str:
    """``sha256:<hex>`` of the fields as sorted, compact JSON without generation and digest.

    It takes plain data, not a `Snapshot`: fields that this version does not know count too.
    """
    content = {key: value for key, value in fields.items() if key not in ("generation", "digest")}
    return "sha256:" + hashlib.sha256(_encoder.encode(content)).hexdigest()


def seal(snapshot: Snapshot) -> Snapshot:
    """The snapshot with its digest written in."""
    fields: dict[str, Any] = msgspec.to_builtins(snapshot)
    return msgspec.structs.replace(snapshot, digest=digest_of(fields))


def stamp(snapshot: Snapshot, previous: int, now: float) -> Snapshot:
    """The snapshot as a publication: its generation rises through restarts and restores.

    `previous` is the last published generation (0 for none), `now` unix seconds.
    """
    return msgspec.structs.replace(snapshot, generation=max(previous + 1, int(now)))
