"""From a request to what will be done with it: a pure function of table, call and chance."""

import datetime
import re
from collections.abc import Mapping
from random import Random

import msgspec
from multidict import istr

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.dialect import Texts
from outrider_sidecar.dialects.errors import Refusal, refuse
from outrider_sidecar.dialects.surface import Operation
from outrider_sidecar.prompts import assembly, variables
from outrider_sidecar.prompts.assignment import Asked, Assignment, asked, assign
from outrider_sidecar.prompts.parameters import is_sent
from outrider_sidecar.routing.choice import MODEL_MISSING, SPEAKS, Candidate, Selection
from outrider_sidecar.routing.features import Features
from outrider_sidecar.routing.identity import Subject
from outrider_sidecar.routing.ratio import Ratios
from outrider_sidecar.routing.rules import CompiledRule, first, why
from outrider_sidecar.routing.table import RouteEntry, Table
from outrider_sidecar.snapshot import Dialect

__all__ = ["Call", "Candidate", "Plan", "decide", "find_route", "model_of", "passthrough"]

COMPLEXITY = istr("x-outrider-complexity")
COMPLEXITY_IGNORED = "complexity-ignored"
_VARIABLES = istr(variables.HEADER)
_VERSION = istr("anthropic-version")
_CLAIM = re.compile(r"[1-5]")
_TRUE = b"true"


class Call(msgspec.Struct):
    """One request as it came. `headers` find names in any case; `body` is None where the
    operation has none that we read. `query` is as received, without its question mark."""

    operation: Operation
    headers: Mapping[str, str]
    body: Body | None
    request_id: str
    query: str = ""


class Plan(msgspec.Struct):
    """What will be done with a request.

    `changes` are to the body by JSON pointer, `model` and what depends on the backend left out.
    `candidates` are in order of choice, `skipped` are backends with the reason why not. `model`
    is the caller's name for it. `dropped` are variables sent for nothing and parameters that the
    provider does not take, `flags` what was ignored. `usage_asked`: the caller itself wants
    usage in the stream.
    """

    route: RouteEntry
    subject: Subject
    dialect: Dialect
    body: Body
    model: str
    stream: bool
    usage_asked: bool
    prompt: Assignment | None
    changes: dict[str, bytes | None]
    max_tokens: bytes | None
    matched: CompiledRule
    matched_item: int | None
    candidates: tuple[Candidate, ...]
    skipped: tuple[tuple[str, str], ...]
    dropped: tuple[str, ...]
    flags: tuple[str, ...]
    features: Features

    @property
    def rule(self) -> str:
        """The name of the rule that matched."""
        return self.matched.name

    @property
    def why(self) -> str:
        """Why that rule matched."""
        return why(self.matched, self.matched_item)

    @property
    def words(self) -> int | None:
        """Words of the last user text, if a rule asked for them."""
        return self.features.known("words")

    @property
    def input_tokens(self) -> int | None:
        """The estimate of input tokens, if a rule asked for it."""
        return self.features.known("input_tokens")

    @property
    def complexity(self) -> int | None:
        """The complexity, if a rule asked for it."""
        return self.features.known("complexity")

    @property
    def texts(self) -> Texts | None:
        """What the request says, if a rule asked; its size teaches `Ratios`."""
        return self.features.known_texts

    def body_for(self, candidate: Candidate) -> bytes:
        """The body for a backend: one splice of all that must change, else the bytes as sent.

        Its model; the prompt's output limit under the name the backend knows
        (`max_completion_tokens`, but `max_tokens` in Messages and for OpenAICompatible servers,
        many of which know no other); in Messages, where a limit is required, the backend's
        default; in a Chat stream the request for usage.
        """
        fields = self.body.fields
        changes = dict(self.changes)
        if candidate.model_json is not None:
            if candidate.backend.model != self.model or "model" not in fields:
                changes["/model"] = candidate.model_json
        elif "model" not in fields and self.model:
            changes["/model"] = msgspec.json.encode(self.model)
        if self.dialect == "messages":
            limit = self.max_tokens
            if limit is None and "/max_tokens" not in changes and not is_sent(fields, "max_tokens"):
                limit = str(candidate.backend.default_max_tokens).encode()
            if limit is not None:
                changes["/max_tokens"] = limit
        else:
            if self.max_tokens is not None:
                compatible = candidate.backend.provider == "OpenAICompatible"
                name = "/max_tokens" if compatible else "/max_completion_tokens"
                changes[name] = self.max_tokens
            if self.stream and not self.usage_asked:
                if not is_sent(fields, "stream_options"):
                    changes["/stream_options"] = b'{"include_usage":true}'
                elif bytes(fields["stream_options"]).startswith(b"{"):
                    changes["/stream_options/include_usage"] = _TRUE
        return self.body.splice(changes) if changes else self.body.raw


def find_route(table: Table, call: Call) -> RouteEntry:
    """The route that a call's model names; raises `caller_model_unknown`.

    A model in the path counts before one in the body; a call without one goes where ``*`` is
    served.
    """
    return _serving(table, model_of(call))


def model_of(call: Call) -> str:
    """The model a call names, empty when it names none."""
    if call.operation.model is not None:
        return call.operation.model
    return (call.body.text("model") if call.body else None) or ""


def decide(
    table: Table, call: Call, *, random: Random, today: datetime.date, ratio: Ratios
) -> Plan:
    """What to do with a call to Chat Completions or Messages; raises `Refusal`.

    It depends on nothing but its arguments. `random` deals unkeyed requests, draws backends and
    marks fences, so where callers are not trusted it must be a `random.SystemRandom`. `today`
    is the date in UTC.
    """
    dialect, body, headers = call.operation.dialect, call.body, call.headers
    if dialect is None or body is None:
        raise refuse("outrider_internal", f"{call.operation.path} has no stages to decide on")
    model = model_of(call)
    entry = _serving(table, model)
    subject = entry.identity.subject(headers, body)
    ref = entry.route.prompt
    wants = asked(entry.name, ref, body.fields.get("prompt"), headers)
    changes: dict[str, bytes | None] = {}
    prompt: Assignment | None = None
    wished: str | None = None
    max_tokens: bytes | None = None
    dropped: tuple[str, ...] = ()
    if ref is not None:
        prompt = assign(entry.name, ref, entry.prompt, wants.version, subject.of, random)
        version = entry.prompt.version(prompt.version) if entry.prompt else None
        if version is not None:
            wished = version.source.model
            rendered = assembly.render(
                version,
                dialect,
                body,
                _sent(wants, headers),
                subject.user,
                subject.tenant,
                today,
                random,
                headers.get(_VERSION),
            )
            changes, max_tokens, dropped = rendered.changes, rendered.max_tokens, rendered.dropped
    if wants.remove:
        changes["/prompt"] = None
    claimed, flags = _claimed(headers)
    features = Features(
        dialect,
        lambda: Body.parse(body.splice(changes)) if changes else body,
        claimed,
        lambda: ratio.of(_counting_model(entry, model)),
    )
    found = first(entry.rules, headers, features)
    if found is None:
        raise refuse("outrider_no_backend", f"no rule of the route {entry.name} matches")
    rule, item = found
    needs_model = model == entry.name and not entry.own_name_is_model
    selection = rule.choices.select(dialect.name, wished, needs_model)
    if not selection.groups:
        raise _nobody(entry, rule, dialect.name, selection)
    stream = dialect.streams(body)
    return Plan(
        entry,
        subject,
        dialect.name,
        body,
        model,
        stream,
        dialect.name == "messages"
        or (stream and body.at("/stream_options/include_usage") == "true"),
        prompt,
        changes,
        max_tokens,
        rule,
        item,
        selection.order(subject.session, random),
        selection.skipped,
        dropped,
        flags,
        features,
    )


def passthrough(table: Table, call: Call, model: str | None) -> tuple[RouteEntry, Candidate]:
    """Where a request goes whose path we do not know; raises `outrider_no_passthrough`.

    To the route that `model` names, else the one that serves ``*``, else the only one; there to
    the first backend whose provider speaks the family of the path.
    """
    family = call.operation.family
    entry = (table.find(model) if model else None) or table.fallback()
    if entry is None:
        raise refuse(
            "outrider_no_passthrough",
            f"{call.operation.path[:200]!a} is passed through to a provider, and no route says "
            "which one: name a model of a route, or give one route the model '*'",
        )
    candidate = entry.natives.get(family)
    if candidate is None:
        raise refuse(
            "outrider_no_passthrough",
            f"{call.operation.path[:200]!a} is passed through to a provider that speaks "
            f"{'OpenAI' if family == 'openai' else 'Anthropic'}'s dialect, and the route "
            f"{entry.name} has no such backend",
        )
    return entry, candidate


def _serving(table: Table, model: str) -> RouteEntry:
    entry = table.find(model)
    if entry is None:
        raise refuse("caller_model_unknown", table.unknown(model), param="model")
    return entry


def _sent(wants: Asked, headers: Mapping[str, str]) -> variables.Sent:
    """Variables by name, those of the body before those of the header."""
    sent = variables.from_body(wants.variables)
    header = headers.get(_VARIABLES)
    return {**variables.from_header(header), **sent} if header else sent


def _claimed(headers: Mapping[str, str]) -> tuple[int | None, tuple[str, ...]]:
    value = headers.get(COMPLEXITY)
    if value is None:
        return None, ()
    if _CLAIM.fullmatch(value.strip()) is None:
        return None, (COMPLEXITY_IGNORED,)
    return int(value), ()


def _counting_model(entry: RouteEntry, model: str) -> str:
    """The model whose ratio counts: that of the first backend of the route's last rule."""
    backend = entry.rules[-1].choices.first
    return (backend.backend.model if backend else None) or model


def _nobody(
    entry: RouteEntry, rule: CompiledRule, dialect: Dialect, selection: Selection
) -> Refusal:
    where = f"rule {rule.name} of the route {entry.name}"
    lacking = [name for name, why_not in selection.skipped if why_not == MODEL_MISSING]
    if lacking:
        return refuse(
            "outrider_no_backend",
            f"{where} has no backend for a call by the route's own name: "
            f"{', '.join(lacking)} has no model; give it one or call a name in models",
        )
    speaks = ", ".join(
        f"{name} speaks {' and '.join(sorted(SPEAKS[entry.route.backends[name].provider]))}"
        for name, _ in selection.skipped
    )
    return refuse(
        "caller_dialect", f"this request speaks {dialect}; in {where} {speaks or 'is no backend'}"
    )
