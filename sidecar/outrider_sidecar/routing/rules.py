"""Which rule of a route matches: the first with any item whose conditions all hold."""

from collections.abc import Mapping, Sequence

import msgspec
from multidict import istr

from outrider_sidecar.routing.choice import Choices
from outrider_sidecar.routing.features import Features
from outrider_sidecar.snapshot import Bounds, Match, Rule


class Item(msgspec.Struct, frozen=True):
    """One item of `matches`, its headers ready to be looked up."""

    match: Match
    headers: tuple[tuple[str, str], ...]

    def holds(self, headers: Mapping[str, str], features: Features) -> bool:
        """Whether all conditions hold; the cheap ones are asked first."""
        for name, value in self.headers:
            if headers.get(name) != value:
                return False
        match = self.match
        if match.tools is not None and features.tools != (match.tools == "Present"):
            return False
        if not _within(match.min_words, match.max_words, features, "words"):
            return False
        if not _within(match.min_input_tokens, match.max_input_tokens, features, "input_tokens"):
            return False
        bounds = match.complexity
        return bounds is None or _within(bounds.min, bounds.max, features, "complexity")


class CompiledRule(msgspec.Struct, frozen=True):
    """A rule made ready: its items, and the backends to choose among."""

    name: str
    items: tuple[Item, ...]
    choices: Choices


def items(rule: Rule) -> tuple[Item, ...]:
    """The rule's matches made ready; none means that the rule always matches."""
    return tuple(
        Item(match, tuple((istr(header.name), header.value) for header in match.headers))
        for match in rule.matches
    )


def first(
    rules: Sequence[CompiledRule], headers: Mapping[str, str], features: Features
) -> tuple[CompiledRule, int | None] | None:
    """The first rule that matches and the place of the item that did, None where it has none.

    None as a whole when no rule matches, which the last rule, without `matches`, prevents.
    """
    for rule in rules:
        if not rule.items:
            return rule, None
        for place, item in enumerate(rule.items):
            if item.holds(headers, features):
                return rule, place
    return None


def why(rule: CompiledRule, place: int | None) -> str:
    """The item that made a rule match, in the words of the resource."""
    if place is None:
        return "the rule has no matches, so it takes every request"
    match = rule.items[place].match
    said = [f"header {header.name} is {header.value!r}" for header in match.headers]
    if match.tools is not None:
        said.append(f"tools are {match.tools.lower()}")
    said += _said("words", Bounds(min=match.min_words, max=match.max_words))
    said += _said("input tokens", Bounds(min=match.min_input_tokens, max=match.max_input_tokens))
    said += _said("complexity", match.complexity or Bounds())
    return f"matches[{place}]: " + ", ".join(said)


def _within(low: int | None, high: int | None, features: Features, name: str) -> bool:
    """Whether a feature lies within inclusive bounds; without bounds it is not even read."""
    if low is None and high is None:
        return True
    value: int | None = getattr(features, name)
    if value is None:
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def _said(what: str, bounds: Bounds) -> list[str]:
    said = []
    if bounds.min is not None:
        said.append(f"{what} >= {bounds.min}")
    if bounds.max is not None:
        said.append(f"{what} <= {bounds.max}")
    return said
