import msgspec
from hypothesis import given
from hypothesis import strategies as st

from outrider_operator.compiler.facts import PolicyFacts, Target
from outrider_operator.controller.events import of_conditions, of_publication, of_targets
from outrider_operator.controller.held import Held
from outrider_operator.controller.mirror import lost_splits, mirrored
from outrider_operator.controller.notes import (
    LOGGED,
    Note,
    bounded,
    in_words,
    of_snapshot,
    restored,
    shortened,
)
from outrider_operator.controller.objects import Observed
from outrider_sidecar.snapshot import Prompt, Snapshot
from standins import resources

ROUTE = Observed(
    kind="LLMRoute",
    namespace="shop",
    name="support",
    uid="u1",
    version=1,
    generation=3,
    created="",
    spec={"prompt": {"name": "answer"}},
    status={},
)
VERSION = msgspec.structs.replace(
    ROUTE, kind="PromptVersion", name="v8", uid="u2", spec={"promptName": "answer"}
)


def snapshot(*ranges: tuple[int, int, str], generation: int = 1000) -> Snapshot:
    prompts = {"answer": Prompt(salt="shop/answer", versions={}, ranges=ranges)}
    return Snapshot(namespace="shop", generation=generation, routes={}, prompts=prompts)


def failing(message: str = "mend it", since: str = "2026-11-20T09:00:00Z") -> dict[str, str]:
    return {
        "type": "Accepted",
        "status": "False",
        "reason": "Invalid",
        "message": message,
        "lastTransitionTime": since,
    }


def test_a_failing_condition_is_a_warning_and_a_good_one_is_silent() -> None:
    good = failing() | {"type": "ResolvedRefs", "status": "True", "reason": "ResolvedRefs"}
    events = of_conditions(ROUTE, [failing(), good])
    assert [(event.type, event.reason, event.note) for event in events] == [
        ("Warning", "Invalid", "mend it")
    ]


def test_the_same_failure_of_the_same_generation_is_one_event() -> None:
    first, again = of_conditions(ROUTE, [failing(), failing("in other words")])
    assert first.key == again.key
    edited = msgspec.structs.replace(ROUTE, generation=4)
    later = failing(since="2026-11-20T10:00:00Z")
    assert of_conditions(edited, [failing()])[0].key != first.key
    assert of_conditions(ROUTE, [later])[0].key != first.key


def test_a_changed_split_is_told_on_every_route_that_names_the_prompt() -> None:
    notes = of_snapshot(
        snapshot((0, 499, "v8"), (500, 9999, "v7")),
        snapshot((0, 1999, "v8"), (2000, 9999, "v7")),
        (),
    )
    assert notes == (
        Note(
            reason="SplitChanged",
            prompt="answer",
            text="v7 95% -> 80%, v8 5% -> 20%; 15% of users move",
        ),
    )
    held = Held(version=5, snapshot=snapshot(), notes=notes)
    other = msgspec.structs.replace(ROUTE, name="other", uid="u3", spec={})
    events = of_publication("shop", held, [ROUTE, other, VERSION], now=1010.0)
    assert [(event.type, event.kind, event.name) for event in events] == [
        ("Normal", "LLMRoute", "support")
    ]


def test_an_unchanged_split_is_silent_and_a_first_one_says_who_is_served() -> None:
    now = snapshot((0, 499, "v8"), (500, 9999, "v7"))
    assert of_snapshot(now, now, ()) == ()
    (note,) = of_snapshot(None, now, ())
    assert note.text == "v7 95%, v8 5%"


def test_old_news_is_not_told_again_after_a_restart() -> None:
    held = Held(version=5, snapshot=snapshot(generation=1000), notes=(restored(False, ""),))
    assert len(of_publication("shop", held, [ROUTE], now=1600.0)) == 1
    assert of_publication("shop", held, [ROUTE], now=1601.0) == []


def test_status_mirrors_the_split_for_the_day_the_snapshot_is_lost() -> None:
    ranges = [
        {"first": 0, "last": 1999, "version": "v8"},
        {"first": 2000, "last": 9999, "version": "v7"},
    ]
    status = {"snapshot": {"generation": 1000}, "prompt": {"stable": "v7", "ranges": ranges}}
    route = msgspec.structs.replace(ROUTE, status=status)
    previous = mirrored("shop", [route, VERSION])
    assert previous is not None
    assert previous.generation == 1000
    assert previous.prompts["answer"].ranges == ((0, 1999, "v8"), (2000, 9999, "v7"))
    assert previous.prompts["answer"].stable == "v7"


def test_a_torn_mirror_is_not_used_and_the_loss_is_told() -> None:
    torn = {"prompt": {"ranges": [{"first": 5, "last": 1999, "version": "v8"}]}}
    route = msgspec.structs.replace(ROUTE, status=torn)
    version = msgspec.structs.replace(VERSION, status={"share": "20%"})
    assert mirrored("shop", [route, version]) is None
    assert lost_splits([route, version], None) == ("answer",)
    assert lost_splits([route, VERSION], None) == ()
    (note,) = of_snapshot(None, snapshot((0, 9999, "v8")), ("answer",))
    assert note.reason == "SplitRebuilt"


def test_a_target_that_is_not_served_is_a_warning_once_for_each_set_of_them() -> None:
    policy = msgspec.structs.replace(ROUTE, kind="RateLimitPolicy", name="per-user")
    lacking = PolicyFacts(
        targets=(Target("support", True), Target("suport", False, "there is no LLMRoute suport"))
    )
    (event,) = of_targets(policy, lacking)
    assert (event.type, event.reason, event.name) == ("Warning", "TargetNotServed", "per-user")
    assert event.note == "there is no LLMRoute suport; nothing is limited there"
    assert of_targets(policy, lacking)[0].key == event.key
    other = PolicyFacts(targets=(Target("x", False, "there is no LLMRoute x"),))
    assert of_targets(policy, other)[0].key != event.key
    assert of_targets(policy, PolicyFacts(targets=(Target("support", True),))) == []
    assert of_targets(ROUTE, None) == []


def test_the_log_says_in_words_what_a_publication_changed() -> None:
    old = resources.snapshot(
        resources.compiled(
            [
                resources.route("support", prompt="answer"),
                resources.route("gone"),
                resources.version("v7", 95),
                resources.version("v8", 5),
            ]
        )
    )
    new = resources.snapshot(
        resources.compiled(
            [
                resources.route("support", prompt="answer", models=["m"]),
                resources.route("late"),
                resources.version("v7", 80),
                resources.version("v8", 20),
                resources.version("v9", 0),
            ]
        )
    )
    assert in_words(of_snapshot(old, new, ()), old, new) == [
        "v7 95% -> 80%, v8 5% -> 20%; 15% of users move",
        "route gone gone",
        "route late new",
        "route support changed",
        "version v9 new",
    ]
    assert in_words((), new, new) == []


def test_a_publication_that_changes_very_much_is_one_bounded_line() -> None:
    many = resources.snapshot(
        resources.compiled([resources.route(f"r{number}") for number in range(100)])
    )
    words = in_words((), None, many)
    assert words[-1] == f"and {100 - LOGGED} more"
    assert len(words) == LOGGED + 1


def test_notes_of_the_largest_publication_have_room_in_an_annotation() -> None:
    note = Note(reason="SplitChanged", prompt="p" * 63, text="v1 0.01%, " * 10_000)
    notes = bounded([note] * 10_000)
    assert len(msgspec.json.encode(notes)) < 256 * 1024
    assert notes[0].text.endswith("...")


@given(st.text(), st.integers(3, 40))
def test_a_shortened_text_fits_and_is_text(text: str, size: int) -> None:
    short = shortened(text, size)
    assert len(short.encode()) <= size
    assert short == text or text.startswith(short.removesuffix("..."))
