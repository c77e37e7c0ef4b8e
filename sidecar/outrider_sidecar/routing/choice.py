"""The order in which a rule's backends are tried.

Backends with the version's model first, whatever their priority, then by priority, ascending.
Inside a priority every backend with a weight draws an exponential clock of that rate and the
earliest comes first: so each is first with the probability of its weight, and what follows is
the same choice among the rest. With a session the clocks are a hash of session and backend
(weighted rendezvous), so a session keeps its backend, and its warm prompt cache, for as long as
the backend is there, and no other session moves when one goes. A weight of 0 is never first
where another has a weight; it is a fallback behind them.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from random import Random

import msgspec

from outrider_sidecar.snapshot import Backend, BackendRef, Dialect

SPEAKS: Mapping[str, frozenset[Dialect]] = {
    "OpenAI": frozenset({"chat"}),
    "OpenAICompatible": frozenset({"chat"}),
    "Anthropic": frozenset({"messages"}),
    "Simulated": frozenset({"chat", "messages"}),
}

UNSUPPORTED = "unsupported"  # it does not speak the caller's dialect
MODEL_MISSING = "model-missing"  # it has no model, and the route's own name is none
_SPAN = 2.0**-64


class Candidate(msgspec.Struct, frozen=True):
    """A backend of a route. `model_json` is its model as JSON, None when the caller's stays."""

    name: str
    backend: Backend
    model_json: bytes | None
    salt: bytes

    @classmethod
    def of(cls, route: str, name: str, backend: Backend) -> "Candidate":
        """`route` is the route's name; it separates the sessions' hashes of different routes."""
        model = None if backend.model is None else msgspec.json.encode(backend.model)
        return cls(name, backend, model, f"{route}\x1f{name}\x1f".encode())


class Member(msgspec.Struct, frozen=True):
    """A candidate with its weight in a group."""

    candidate: Candidate
    weight: int


Group = tuple[Member, ...]


class Selection(msgspec.Struct, frozen=True):
    """The groups to try in order, and who is left out and why. `fixed` is the order when no
    group has a choice to make."""

    groups: tuple[Group, ...]
    skipped: tuple[tuple[str, str], ...]
    fixed: tuple[Candidate, ...] | None

    def order(self, session: str | None, random: Random) -> tuple[Candidate, ...]:
        """Every candidate, in the order in which they are tried."""
        if self.fixed is not None:
            return self.fixed
        chosen: list[Candidate] = []
        for group in self.groups:
            if len(group) == 1:
                chosen.append(group[0].candidate)
            else:
                chosen.extend(_drawn(group, session, random))
        return tuple(chosen)


class Choices:
    """A rule's backends. What does not depend on the single request is worked out once."""

    __slots__ = ("_backends", "_refs", "_selections")

    def __init__(self, refs: Sequence[BackendRef], backends: Mapping[str, Candidate]) -> None:
        self._refs = tuple(sorted(refs, key=lambda ref: ref.priority))
        self._backends = backends
        self._selections: dict[tuple[Dialect, str | None, bool], Selection] = {}

    @property
    def first(self) -> Candidate | None:
        """The backend that stands first by priority, as written."""
        return self._backends.get(self._refs[0].name) if self._refs else None

    def select(self, dialect: Dialect, model: str | None, needs_model: bool) -> Selection:
        """The groups for a dialect and the model that the prompt version wishes for, if any.

        `needs_model`: the caller's name is no model, so a backend without one is left out.
        """
        key = (dialect, model, needs_model)
        found = self._selections.get(key)
        if found is None:
            found = self._selections[key] = self._work_out(dialect, model, needs_model)
        return found

    def _work_out(self, dialect: Dialect, model: str | None, needs_model: bool) -> Selection:
        skipped: dict[str, str] = {}
        groups: dict[tuple[int, int], list[Member]] = {}

        def place(name: str, rank: int, priority: int, weight: int) -> None:
            candidate = self._backends[name]
            if dialect not in SPEAKS[candidate.backend.provider]:
                skipped[name] = UNSUPPORTED
            elif needs_model and candidate.backend.model is None:
                skipped[name] = MODEL_MISSING
            else:
                groups.setdefault((rank, priority), []).append(Member(candidate, weight))

        wished = {
            name
            for name, candidate in self._backends.items()
            if model is not None and candidate.backend.model == model
        }
        for ref in self._refs:
            if ref.name in self._backends:
                place(ref.name, 0 if ref.name in wished else 2, ref.priority, ref.weight)
        for name in sorted(wished - {ref.name for ref in self._refs}):
            place(name, 1, 0, 1)
        ordered = tuple(tuple(groups[key]) for key in sorted(groups))
        single = all(len(group) == 1 for group in ordered)
        fixed = tuple(group[0].candidate for group in ordered) if single else None
        return Selection(ordered, tuple(skipped.items()), fixed)


def _drawn(group: Group, session: str | None, random: Random) -> list[Candidate]:
    clocks: list[tuple[bool, float, str, Candidate]] = []
    key = None if session is None else session.encode()
    for candidate, weight in ((member.candidate, member.weight) for member in group):
        if key is None:
            number = random.getrandbits(64)
        else:
            digest = hashlib.blake2b(candidate.salt + key, digest_size=8).digest()
            number = int.from_bytes(digest, "big")
        clock = -math.log((number + 0.5) * _SPAN) / (weight or 1)
        clocks.append((weight == 0, clock, candidate.name, candidate))
    clocks.sort(key=_clock)
    return [candidate for *_, candidate in clocks]


def _clock(drawn: tuple[bool, float, str, Candidate]) -> tuple[bool, float, str]:
    return drawn[:3]
