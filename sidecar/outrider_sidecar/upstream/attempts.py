"""The attempts of one request: each candidate once, in order of choice, until one commits."""

from outrider_sidecar.dialects.errors import refuse
from outrider_sidecar.routing.decision import Call, Plan
from outrider_sidecar.telemetry.record import Record
from outrider_sidecar.upstream.attempt import Answer, Attempt
from outrider_sidecar.upstream.classify import ErrorClass
from outrider_sidecar.upstream.client import Upstream
from outrider_sidecar.upstream.failure import Failed, refusal_of
from outrider_sidecar.upstream.outgoing import KeyMissing
from outrider_sidecar.upstream.trail import Trail

__all__ = ["Answer", "answer"]


async def answer(plan: Plan, call: Call, upstream: Upstream, record: Record) -> Answer:
    """The first answer that a candidate gives; raises `Refusal` when none does.

    `record` learns the attempts, the backend, its class, usage and finish reason; of a stream
    when the stream ends.
    """
    trail = Trail(record, plan.skipped)
    failures: list[tuple[str, Failed]] = []
    missing: list[str] = []
    for candidate in plan.candidates:
        name = candidate.name
        called = record.backend, record.model
        record.backend = name
        record.model = candidate.backend.model or plan.model
        try:
            return await Attempt(plan, call, candidate, upstream, record, trail).run()
        except KeyMissing as error:
            record.backend, record.model = called
            trail.skip(name, "credential")
            missing.append(str(error))
        except Failed as failed:
            record.cls = str(failed.cls)
            trail.add(name, record.cls)
            failures.append((name, failed))
            if failed.final:
                break
    if failures:
        refusal = refusal_of(failures)
        if missing:
            refusal.message = "; ".join([refusal.message, *missing])
        raise refusal
    if missing:
        record.cls = str(ErrorClass.CREDENTIAL_REJECTED)
        raise refuse("outrider_credential_missing", "; ".join(missing))
    raise refuse("outrider_no_backend", f"the route {plan.route.name} has no backend to call")
