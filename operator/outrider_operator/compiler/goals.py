"""What the weights of a prompt's versions ask for, in 10,000ths."""

from collections.abc import Mapping

from outrider_sidecar.snapshot import BUCKETS


def goals(weights: Mapping[str, int], total: int = BUCKETS) -> dict[str, int]:
    """Each version's part of `total` by its weight, summing to it exactly; all 0 without weights.

    Largest remainder (Hamilton's method), ties by name.
    """
    weight = sum(weights.values())
    if not weight:
        return dict.fromkeys(weights, 0)
    floors = {name: own * total // weight for name, own in weights.items()}
    by_remainder = sorted(weights, key=lambda name: (-(weights[name] * total % weight), name))
    for name in by_remainder[: total - sum(floors.values())]:
        floors[name] += 1
    return floors


def percent(share: int) -> str:
    """A share of 10,000 as people read it: ``20%``, ``17.39%``."""
    whole, hundredths = divmod(share, 100)
    return f"{whole}.{hundredths:02}".rstrip("0").rstrip(".") + "%"
