"""What is likely to be regretted in a policy."""

from collections.abc import Iterator, Sequence
from typing import Final

from outrider_operator.compiler.facts import Target
from outrider_sidecar.snapshot import Limit

Found = tuple[str, str]  # path, message

ALWAYS_KNOWN: Final = ("Workload", "Route")  # subjects that every request has


def of(limit: Limit, targets: Sequence[Target]) -> Iterator[Found]:
    """Path and message of each warning about a policy as its author wrote it."""
    for index, target in enumerate(targets):
        if not target.accepted:
            path = f"spec.targetRefs[{index}].name"
            yield path, f"{target.message}: until then nothing is limited there"
    denies = limit.unknown_subject == "Deny" and limit.mode == "Enforce"
    if denies and limit.subject not in ALWAYS_KNOWN:
        subject = limit.subject.lower()
        yield (
            "spec.unknownSubject",
            f"Deny answers 403 to every request that does not say its {subject}, so one "
            "application that forgets to is an outage; write mode: Shadow until no request lacks "
            f"a {subject}, or unknownSubject: Shared, which limits all of those together",
        )
    given = {limit.default_tier} | {override.tier for override in limit.overrides}
    for index, tier in enumerate(limit.tiers):
        if limit.tier_from is None and tier not in given:
            yield (
                f"spec.tiers[{index}].name",
                f"nobody is ever in tier {tier}, since nothing says who is; write tierFrom: "
                "{header: x-outrider-tier}, name the tier in an override, or remove it",
            )
