"""What would become of a request, told without sending it: the proxy's own decision, in words."""

import time
from datetime import UTC, datetime
from random import SystemRandom
from typing import Any

import msgspec
from multidict import CIMultiDict

from outrider_sidecar.config.credentials import Credentials
from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.surface import operation
from outrider_sidecar.limits.limiter import Limiter
from outrider_sidecar.limits.policy import Policy
from outrider_sidecar.routing.decision import Call, Plan, decide
from outrider_sidecar.routing.ratio import Ratios
from outrider_sidecar.routing.table import Table
from outrider_sidecar.snapshot import Snapshot

PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}


class Path(msgspec.Struct, frozen=True, rename="camel"):
    """The decisions on one request, in the order in which they are made.

    `prompt` is None without one; `key` in it is the identity that was hashed. `backends` are in
    order of choice, then those that are skipped, with the reason.
    """

    namespace: str
    route: str
    rule: str
    why: str
    words: int | None
    input_tokens: int
    complexity: int
    identity: dict[str, str]
    prompt: dict[str, Any] | None
    limits: list[dict[str, Any]]
    backends: list[dict[str, Any]]
    dropped: tuple[str, ...]
    flags: tuple[str, ...]


def explain(
    snapshot: Snapshot,
    dialect: str,
    body: bytes,
    headers: dict[str, str],
    credentials: Credentials | None = None,
) -> Path:
    """The decision path of a request; raises the `Refusal` that its caller would get.

    No policy has counted anything yet, so it refuses here what it would never admit. With
    `credentials`, a backend whose key is missing is skipped, as it would be.
    """
    call = Call(
        operation("POST", PATHS[dialect], "", dialect == "messages"),
        CIMultiDict(headers),
        Body.parse(body),
        "or_explained",
    )
    plan = decide(
        Table.build(snapshot),
        call,
        random=SystemRandom(),
        today=datetime.now(UTC).date(),
        ratio=Ratios(),
    )
    Limiter().admit(plan.route, plan.subject, call.headers)
    return Path(
        namespace=snapshot.namespace,
        route=plan.route.name,
        rule=plan.rule,
        why=plan.why,
        words=plan.features.words,
        input_tokens=plan.features.input_tokens,
        complexity=plan.features.complexity,
        identity={
            kind: value
            for kind, value in msgspec.structs.asdict(plan.subject).items()
            if value is not None
        },
        prompt=_prompt(plan),
        limits=_limits(plan, call),
        backends=_backends(plan, credentials),
        dropped=plan.dropped,
        flags=plan.flags,
    )


def _prompt(plan: Plan) -> dict[str, Any] | None:
    if plan.prompt is None:
        return None
    return {
        "name": plan.prompt.prompt,
        "version": plan.prompt.version,
        "key": plan.prompt.key,
        "bucket": plan.prompt.bucket,
        "reason": plan.prompt.reason,
    }


def _limits(plan: Plan, call: Call) -> list[dict[str, Any]]:
    found = []
    for limit in plan.route.limits:
        policy = Policy(limit)
        value = policy.value(plan.route.name, plan.subject)
        exempt = value is None and limit.unknown_subject == "Exempt"
        tier = None if exempt else policy.whom(value, call.headers, time.time()).tier
        found.append(
            {
                "policy": limit.name,
                "subject": limit.subject,
                "known": value is not None,
                "tier": tier.name if tier else None,
                "mode": limit.mode,
            }
        )
    return found


def _backends(plan: Plan, credentials: Credentials | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for candidate in plan.candidates:
        ref = candidate.backend.secret_key_ref
        keyless = (
            credentials is not None
            and ref is not None
            and candidate.backend.caller_credentials != "Forward"
            and credentials.key(ref) is None
        )
        found.append(
            {
                "name": candidate.name,
                "model": candidate.backend.model or plan.model,
                "skipped": "credential" if keyless else None,
            }
        )
    for name, reason in plan.skipped:
        model = plan.route.route.backends[name].model
        found.append({"name": name, "model": model or plan.model, "skipped": reason})
    return found
