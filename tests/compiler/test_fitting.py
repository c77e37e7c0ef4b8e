"""What is served when a snapshot has no room for everything."""

import random
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from outrider_operator.compiler import storage
from outrider_operator.compiler.fitting import fitted, largest
from outrider_operator.resources.resource import Resource
from outrider_sidecar.snapshot import Backend, Identity, Route, Snapshot, Timeouts, seal
from standins.resources import (
    compiled,
    complaints,
    policy,
    route,
    shares,
    snapshot,
    version,
)

USED = route(prompt="answer")
sizes = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.integers(0, 9).map(str)), st.integers(0, 50)
)


def noise(length: int, seed: str = "") -> str:
    """Text that hardly shrinks: 6 bits a character."""
    return "".join(
        random.Random(seed).choices(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", k=length
        )
    )


def large(
    name: str, weight: int | None = None, length: int = 90_000, created: str = ""
) -> Resource:
    return version(name, weight, text=noise(length, name), created=created)


@given(st.integers(0, 100), st.integers(0, 100))
def test_the_largest_number_that_fits_is_found_with_few_questions(limit: int, room: int) -> None:
    asked: list[int] = []

    def fits(count: int) -> bool:
        asked.append(count)
        return count <= room

    assert largest(limit, fits) == min(limit, room)
    assert len(asked) <= 2 * max(1, limit).bit_length() + 1


@given(sizes, sizes, st.integers(0, 200))
def test_what_is_taken_fits_and_stays_taken(
    wanted: dict[tuple[str, str], int], last: dict[tuple[str, str], int], room: int
) -> None:
    last = {key: size for key, size in last.items() if key in wanted}

    def fits(forms: Mapping[tuple[str, str], int]) -> bool:
        return sum(forms.values()) <= room

    forms, refused = fitted(wanted, last, lambda size: size, fits)
    assert {key for key in wanted if forms.get(key) != wanted[key]} == set(refused)
    assert all(forms.get(key) == last.get(key) for key in refused)
    if fits(last):
        assert fits(forms)
    assert fitted(wanted, forms, lambda size: size, fits) == (forms, refused)


def test_a_thousand_changes_without_room_are_few_questions() -> None:
    sizes = random.Random(7)
    wanted = {
        ("PromptVersion", f"{number:04}"): sizes.randint(500, 50_000) for number in range(1_000)
    }
    questions = 0

    def fits(forms: Mapping[tuple[str, str], int]) -> bool:
        nonlocal questions
        questions += 1
        return sum(forms.values()) <= 900_000

    forms, refused = fitted(wanted, {}, lambda size: size, fits)
    assert len(forms) + len(refused) == 1_000
    assert 800_000 < sum(forms.values()) <= 900_000
    assert questions < 200


def test_versions_that_nobody_is_dealt_go_first_and_nobody_is_told() -> None:
    idle = [
        large(f"i{number:02}", created=f"2026-11-{number:02}T00:00:00Z") for number in range(1, 31)
    ]
    found = compiled([USED, large("v7", 1), *idle])
    kept = sorted(snapshot(found).prompts["answer"].versions)
    assert not found.problems
    assert storage.fits(snapshot(found))
    assert kept[-1] == "v7"
    assert kept[:-1] == [f"i{number:02}" for number in range(1, 31)][-(len(kept) - 1) :]
    assert 5 < len(kept) < 20


def test_then_changes_are_taken_in_order_and_the_rest_is_told_what_is_largest() -> None:
    dealt = [large(f"v{number:02}", 1) for number in range(20)]
    found = compiled([USED, *dealt, policy()])
    served = sorted(snapshot(found).prompts["answer"].versions)
    assert served == [f"v{number:02}" for number in range(len(served))]
    assert storage.fits(snapshot(found))
    assert snapshot(found).limits
    refused = {
        f"PromptVersion/v{number:02}": ["SnapshotTooLarge"] for number in range(len(served), 20)
    }
    assert complaints(found) == refused
    assert sum(shares(found).values()) == 10_000
    said = found.problems[-1]
    assert said.condition == "Accepted"
    assert said.message.startswith(
        "the snapshot of namespace shop has no room for PromptVersion v19, which is not served: "
        "it may take 900 KiB as it is stored; shorten or delete some of the largest: "
        "PromptVersion v00 (88 KiB), PromptVersion v01 (88 KiB)"
    )
    assert said.message.count("KiB)") == 5


def test_what_has_no_room_keeps_its_last_form() -> None:
    before = compiled(
        [USED, version("v20", 1), *(large(f"v{number:02}", 1) for number in range(9))]
    )
    again = [USED, large("v20", 1), *(large(f"v{number:02}", 1) for number in range(20))]
    found = compiled(again, before)
    assert "v20" in shares(found)
    served, last = (snapshot(each).prompts["answer"].versions["v20"] for each in (found, before))
    assert served.prompt == last.prompt
    said = next(each.message for each in found.problems if each.name == "v20")
    assert "no room for PromptVersion v20, which keeps its last form" in said


def test_a_full_snapshot_compiles_to_itself_again_and_makes_room_when_something_goes() -> None:
    dealt = [large(f"v{number:02}", 1) for number in range(14)]
    full = compiled([USED, *dealt])
    assert complaints(full)
    assert compiled([USED, *dealt], full).snapshots == full.snapshots
    mended = compiled([USED, *dealt[5:]], full)
    assert not mended.problems
    assert len(shares(mended)) == 9


def test_weights_still_turn_in_a_full_snapshot() -> None:
    full = compiled([USED, *(large(f"v{number:02}", 1) for number in range(14))])
    turned = [large(f"v{number:02}", 5 if number == 0 else 0) for number in range(14)]
    assert shares(compiled([USED, *turned], full)) == {"v00": 10_000}


def test_text_that_shrinks_to_nothing_still_has_a_bound() -> None:
    def saying(text: str) -> Snapshot:
        backend = Backend(
            provider="Simulated",
            locality=text,
            timeouts=Timeouts(connect_ms=1, first_token_ms=1, idle_ms=1, request_ms=1),
            default_max_tokens=1,
        )
        endless = Route(identity=Identity(), backends={"b": backend}, rules=())
        return seal(Snapshot(namespace="shop", routes={"r": endless}, prompts={}))

    assert storage.fits(saying("x" * (storage.PLAIN_BYTES - 2_000)))
    assert not storage.fits(saying("x" * storage.PLAIN_BYTES))


def test_a_small_snapshot_is_stored_as_it_is_and_a_larger_one_packed() -> None:
    small, big = (
        snapshot(compiled([USED])),
        snapshot(compiled([USED, *(large(f"v{n}", 1) for n in range(4))])),
    )
    assert storage.stored(small)[0] == "snapshot.json"
    assert storage.stored(big)[0] == "snapshot.json.gz"
    assert all(storage.unstored(*storage.stored(each)) == each for each in (small, big))
    assert storage.stored(big) == storage.stored(big)
