"""Admission: every policy of a route must admit a request, or none is charged for it."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from outrider_sidecar.limits.gcra import NANOSECONDS
from outrider_sidecar.limits.policy import Policy, Whom
from outrider_sidecar.limits.subjects import BOUND, Subjects, Use
from outrider_sidecar.limits.wording import SLOT_WAIT, Refused, item
from outrider_sidecar.snapshot import Limit

if TYPE_CHECKING:
    from outrider_sidecar.routing.identity import Subject
    from outrider_sidecar.routing.table import RouteEntry

Count = Callable[[str, str, str], None]


class Admission:
    """An admitted request. ``header`` is the value of x-outrider-limit, None without a policy.

    `release` gives its concurrency slots back; a second call does nothing.
    """

    __slots__ = ("_held", "header")

    def __init__(self, header: str | None = None, held: tuple[Use, ...] = ()) -> None:
        self.header = header
        self._held = held

    def release(self) -> None:
        """Give the slots back, once."""
        held, self._held = self._held, ()
        for use in held:
            use.open -= 1


class _Hold(NamedTuple):
    """What one policy is charged when all the others admit too."""

    limit: Limit
    whom: Whom
    subjects: Subjects
    use: Use


class _Counted(NamedTuple):
    """A policy made ready, and what its subjects have used."""

    policy: Policy
    subjects: Subjects


class Limiter:
    """Counts in this process what subjects use, by policy and subject.

    `clock` is monotonic nanoseconds, `now` unix seconds (overrides end by it). `count` is
    told every decision as policy, dimension (``requests``, ``concurrent``) and result
    (``admitted``, ``refused``, ``shadow``: would have been refused, was not charged).
    What a subject has used outlives a new snapshot, an edited limit and a change of tier.
    `bound` is the number of subjects a policy tells apart.
    """

    def __init__(
        self,
        clock: Callable[[], int] = time.monotonic_ns,
        now: Callable[[], float] = time.time,
        count: Count | None = None,
        bound: int = BOUND,
    ) -> None:
        self._clock = clock
        self._now = now
        self._count = count
        self._bound = bound
        self._counted: dict[str, _Counted] = {}

    def admit(
        self, route: "RouteEntry", subject: "Subject", headers: Mapping[str, str]
    ) -> Admission:
        """Charge a request to every policy of `route`.

        Raises `Refusal` (429 ``policy_rate_requests`` or ``policy_rate_concurrent``, 403
        ``policy_subject_unknown``) for the policy that takes longest to clear; nothing was
        charged then.
        """
        if not route.limits:
            return Admission()
        now_ns, now = self._clock(), self._now()
        holds: list[_Hold] = []
        refused: list[Refused] = []
        for limit in route.limits:
            counted = self._ready(limit)
            value = counted.policy.value(route.name, subject)
            if value is None and limit.unknown_subject == "Exempt":
                continue
            if value is None and limit.unknown_subject == "Deny":
                refused.append(Refused(limit, "subject"))
                continue
            whom = counted.policy.whom(value, headers, now)
            use = counted.subjects.look(whom.subject, now_ns)
            problem = _problem(limit, whom, use, now_ns, now)
            if problem is not None:
                refused.append(problem)
            else:
                holds.append(_Hold(limit, whom, counted.subjects, use))
        if refused:
            self._refuse(refused)
        return self._charge(holds, now_ns)

    def retain(self, policies: Collection[str]) -> None:
        """Forget what was used of every policy that is not among these names."""
        for gone in self._counted.keys() - set(policies):
            del self._counted[gone]

    def _ready(self, limit: Limit) -> _Counted:
        counted = self._counted.get(limit.name)
        if counted is not None and counted.policy.limit is limit:
            return counted
        subjects = Subjects(self._bound) if counted is None else counted.subjects
        ready = self._counted[limit.name] = _Counted(Policy(limit), subjects)
        return ready

    def _refuse(self, refused: list[Refused]) -> None:
        """Raise the worst of the enforced ones; without one, note what would have been."""
        enforced = [one for one in refused if one.limit.mode == "Enforce"]
        for one in enforced or refused:
            dimension = "concurrent" if one.dimension == "concurrent" else "requests"
            self._tell(one.limit.name, dimension, "refused" if enforced else "shadow")
        if enforced:
            raise max(enforced, key=_severity).refusal()

    def _charge(self, holds: list[_Hold], now_ns: int) -> Admission:
        slots: list[Use] = []
        items: list[tuple[str, str]] = []
        for limit, whom, subjects, use in holds:
            tier = whom.tier
            if tier.requests is not None:
                use.level = tier.requests.take(use.level, now_ns)
                use.empty_ns = tier.requests.emptied(use.level)
                self._tell(limit.name, "requests", "admitted")
            if tier.concurrent is not None:
                use.open += 1
                slots.append(use)
                self._tell(limit.name, "concurrent", "admitted")
            subjects.keep(whom.subject, use)
            if limit.mode == "Enforce":
                items.append((limit.name, item(limit, tier, use, now_ns)))
        items.sort()
        return Admission(", ".join([text for _, text in items]) or None, tuple(slots))

    def _tell(self, policy: str, dimension: str, result: str) -> None:
        if self._count is not None:
            self._count(policy, dimension, result)


def _problem(limit: Limit, whom: Whom, use: Use, now_ns: int, now: float) -> Refused | None:
    """What of `whom`'s tier stands against one request more, the longest wait of it."""
    tier = whom.tier
    until = None if whom.until is None else whom.until - now
    found: list[Refused] = []
    if tier.requests is not None:
        wait = tier.requests.wait(use.level, now_ns)
        used = tier.requests.used(use.level, now_ns)
        if wait is None:
            found.append(Refused(limit, "requests", whom, used, until))
        elif wait > 0:
            found.append(Refused(limit, "requests", whom, used, wait / NANOSECONDS))
    if tier.concurrent is not None and use.open >= tier.concurrent:
        wait_s = SLOT_WAIT if tier.concurrent else until
        found.append(Refused(limit, "concurrent", whom, use.open, wait_s))
    return max(found, key=_severity, default=None)


def _severity(refused: Refused) -> tuple[bool, float]:
    return refused.severity
