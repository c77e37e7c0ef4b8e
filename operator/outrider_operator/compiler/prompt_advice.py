"""What is likely to be regretted in prompts and in their splits."""

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import Final

from outrider_operator.compiler.goals import percent
from outrider_operator.compiler.ranges import is_whole
from outrider_operator.compiler.splits import EXTRAS, Arm, by_prompt
from outrider_operator.compiler.wording import some
from outrider_sidecar.prompts import template
from outrider_sidecar.snapshot import BUCKETS, Prompt, Snapshot, Template

Found = tuple[str, str]  # path, message
OfVersion = tuple[str, str, str]  # version, path, message

INPUT: Final = "input"
HARMLESS: Final = 64  # characters: room for a name, hardly for an order


def of_template(given: Template) -> Iterator[Found]:
    """Path and message of each warning about a version's prompt."""
    system: dict[str, int] = {}
    for place, message in enumerate(given.messages):
        if message.role == "system":
            for name in template.names(template.parse(message.content or "")):
                system.setdefault(name, place)
    declared = {variable.name for variable in given.variables}
    for place, variable in enumerate(given.variables):
        if variable.name in system and not variable.fence and variable.max_length > HARMLESS:
            yield (
                f"spec.prompt.variables[{place}]",
                f"{{{{{variable.name}}}}} stands in system text without a fence, so whoever "
                "chooses its value can give the model orders; write fence: true, use it in a "
                f"message of role user, or write maxLength: {HARMLESS} if it is only a word or two",
            )
    if INPUT in system and INPUT not in declared:
        yield (
            f"spec.prompt.messages[{system[INPUT]}].content",
            "{{input}} stands in system text without a fence, so what a user writes has the rank "
            "of your own orders; use it in a message of role user, or declare {name: input, "
            "fence: true} in variables",
        )


def of_splits(
    arms: Iterable[Arm], snapshot: Snapshot, previous: Snapshot | None
) -> Iterator[OfVersion]:
    """Version, path and message of each warning about how prompts are split."""
    used = _used(snapshot)
    for prompt, own in by_prompt(arms).items():
        entry = snapshot.prompts.get(prompt)
        if prompt not in used or entry is None:
            continue
        last = previous.prompts.get(prompt) if previous else None
        yield from _inexact(own, entry)
        yield from _at_once(own, entry, last)
        yield from _left_out(prompt, own, entry)


def unused(arms: Iterable[Arm], named: Set[str], snapshot: Snapshot) -> Iterator[OfVersion]:
    """The same for each prompt that no route names (`named`) and none serves meanwhile."""
    used = named | _used(snapshot)
    for prompt, own in by_prompt(arms).items():
        if prompt not in used:
            names = sorted(arm.name for arm in own)
            yield (
                names[0],
                "spec.promptName",
                f"no LLMRoute of the namespace names the prompt {prompt}, so no request gets "
                f"{some(names)}; write prompt: {{name: {prompt}}} in a route's spec, or correct "
                "promptName",
            )


def _used(snapshot: Snapshot) -> Set[str]:
    return {route.prompt.name for route in snapshot.routes.values() if route.prompt}


def _inexact(arms: Sequence[Arm], entry: Prompt) -> Iterator[OfVersion]:
    """Versions whose goal is more than a hundredth off what their weight asks for."""
    asked = {arm.name: arm.weight or 0 for arm in arms}
    total = sum(asked.values())
    goals = {name: entry.versions[name].goal for name in asked if name in entry.versions}
    if sum(goals.values()) != BUCKETS:
        return
    for name, weight in asked.items():
        goal = goals.get(name, 0)
        if abs(goal * total - weight * BUCKETS) * 100 > weight * BUCKETS:
            yield (
                name,
                "spec.weight",
                f"weight {weight} of {total} in all asks for {weight / total:.4%}, but shares are "
                f"whole ten-thousandths, so its goal is {percent(goal)}; choose weights that add "
                "up to 100, 1,000 or 10,000",
            )


def _at_once(arms: Sequence[Arm], entry: Prompt, last: Prompt | None) -> Iterator[OfVersion]:
    """A version that had nothing and gets everything while others were served."""
    if last is None or not is_whole(last.ranges):
        return
    served = {name for _, _, name in last.ranges}
    for arm in arms:
        now = entry.versions.get(arm.name)
        if now is not None and now.share == BUCKETS and arm.name not in served:
            yield (
                arm.name,
                "spec.weight",
                f"{arm.name} goes from 0% to 100% in one step, so all users meet it before any "
                f"has tried it; unless you are going back to it, leave {some(served)} as before, "
                "give this one a weight of about 5% and raise it as it proves itself",
            )


def _left_out(prompt: str, arms: Sequence[Arm], entry: Prompt) -> Iterator[OfVersion]:
    names = sorted(arm.name for arm in arms if arm.name not in entry.versions)
    if names:
        yield (
            names[0],
            "",
            f"of the versions of {prompt} without a weight only the newest are kept for requests "
            f"that name one ({EXTRAS} at most), so nothing can get {some(names)}; delete what is "
            "no longer needed",
        )
