"""What is accepted can be served: no manifest that a cluster takes brings a sidecar down."""

from typing import Any

import msgspec
import pytest

from manifests.entry import Entry, base
from manifests.mutations import mutations, perturbed
from manifests.table import ENTRIES
from manifests.verdicts import of_compile
from outrider_operator.compiler.compile import compile as compiled
from outrider_operator.resources.kinds import KINDS, LLM_ROUTE, PROMPT_VERSION
from outrider_operator.resources.resource import Resource
from outrider_sidecar.dialects.errors import Refusal
from outrider_sidecar.limits.limiter import Limiter
from outrider_sidecar.routing.table import Table
from outrider_sidecar.snapshot import Snapshot, decode, encode, stamp
from outrider_sidecar.upstream.outgoing import url_of
from standins.tables import call, chat, plan

NO_WEIGHT = "outrider_no_prompt"
HEADERS = {"x-outrider-user": "ann", "x-outrider-tier": "blocked", "x-task": "classification"}


def resource(kind: str, name: str, spec: dict[str, Any]) -> Resource:
    return Resource(kind=kind, namespace="shop", name=name, spec=spec)


def around(entry: Entry) -> list[Resource]:
    """The entry with a route and a version of its prompt, where it is not one itself."""
    prompt = entry.spec.get("promptName", "answer")
    if entry.kind == LLM_ROUTE:
        prompt = (entry.spec.get("prompt") or {}).get("name", prompt)
    version = base(PROMPT_VERSION, promptName=prompt, prompt={"model": "gpt-5.4"})
    given = {
        LLM_ROUTE: resource(LLM_ROUTE, "support", base(LLM_ROUTE, prompt={"name": prompt})),
        PROMPT_VERSION: resource(PROMPT_VERSION, "v1", version),
    }
    given[entry.kind] = resource(entry.kind, "support", entry.spec)
    return list(given.values())


def served(entries: list[Entry]) -> list[tuple[Entry, Snapshot]]:
    """The entries that are accepted, each in the snapshot of its namespace."""
    found = []
    for entry in entries:
        if not isinstance(entry.spec, dict) or of_compile(entry):
            continue
        done = compiled(around(entry), {})
        if not any(problem.condition == "Accepted" for problem in done.problems):
            found.append((entry, done.snapshots["shop"]))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_is_accepted_is_served_or_refused_in_words(kind: str) -> None:
    of_table = [one for one in ENTRIES if one.kind == kind and one.accepted]
    tried = served([*of_table, *mutations(kind), *perturbed(kind, 50)])

    wrong = [
        (entry.name, outcome)
        for entry, snapshot in tried
        if not (outcome := answered(snapshot)).startswith(
            ("served", "caller_", "policy_", NO_WEIGHT)
        )
    ]
    assert wrong == []
    assert len(tried) > len(of_table)


def answered(snapshot: Snapshot) -> str:
    """What one request meets on its way through the whole of a table, as in a sidecar."""
    table = Table.build(decode(encode(stamp(snapshot, 0, 1_795_219_200.0))))
    if table.refused:
        return f"refused {table.refused}"
    try:
        decided = plan(table, call(chat("support", "Hi"), HEADERS))
        Limiter().admit(decided.route, decided.subject, HEADERS).release()
    except Refusal as refusal:
        return refusal.code
    for candidate in decided.candidates:
        msgspec.json.decode(decided.body_for(candidate))
        if candidate.backend.provider != "Simulated":
            url = url_of(candidate.backend.base_url, False, "chat/completions", "")
            if not (url.host and url.port):
                return f"no address in {url}"
    return "served"
