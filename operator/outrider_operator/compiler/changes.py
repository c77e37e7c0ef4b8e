"""What one snapshot has that another has not, in words for people."""

from collections.abc import Iterator

from outrider_sidecar.snapshot import Snapshot


def what_changed(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Routes, limits and versions that are new, gone or changed, each as ``route support gone``."""
    limits = {limit.name: limit for limit in before.limits}, {one.name: one for one in after.limits}
    for noun, old, new in (
        ("route", before.routes, after.routes),
        ("limit", *limits),
    ):
        for name in sorted(old.keys() | new.keys()):
            if name not in new:
                yield f"{noun} {name} gone"
            elif name not in old:
                yield f"{noun} {name} new"
            elif old[name] != new[name]:
                yield f"{noun} {name} changed"
    for name in sorted(before.prompts.keys() | after.prompts.keys()):
        old_versions = before.prompts[name].versions if name in before.prompts else {}
        new_versions = after.prompts[name].versions if name in after.prompts else {}
        for version in sorted(old_versions.keys() ^ new_versions.keys()):
            yield f"version {version} {'new' if version in new_versions else 'gone'}"
