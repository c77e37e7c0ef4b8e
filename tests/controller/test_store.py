from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from outrider_operator.controller.objects import Observed, observed
from outrider_operator.controller.store import Store


def route(uid: str = "u1", version: int = 1, name: str = "support", **fields: Any) -> Observed:
    return Observed(
        **{
            "kind": "LLMRoute",
            "namespace": "shop",
            "name": name,
            "uid": uid,
            "version": version,
            "generation": 1,
            "created": "2026-11-20T09:00:00Z",
            "spec": {},
            "status": {},
            **fields,
        }
    )


def names(store: Store) -> list[str]:
    return [seen.name for seen in store.of_namespace("shop")]


def test_an_object_is_news_once() -> None:
    store = Store()
    assert store.put(route(version=5))
    assert not store.put(route(version=5))
    assert not store.put(route(version=4, generation=9))


def test_a_change_outside_spec_and_status_such_as_a_label_is_kept_but_is_no_news() -> None:
    store = Store()
    metadata = {"namespace": "shop", "name": "support", "uid": "u1", "resourceVersion": "5"}
    store.put(observed("LLMRoute", {"metadata": metadata}))
    edited = metadata | {"resourceVersion": "6", "labels": {"team": "blue"}}
    assert not store.put(observed("LLMRoute", {"metadata": edited}))
    assert [seen.version for seen in store.of_namespace("shop")] == [6]


def test_of_two_uids_with_one_name_the_newest_counts_whatever_came_first() -> None:
    store = Store()
    store.put(route(uid="new", version=9))
    store.put(route(uid="old", version=5))
    assert [seen.uid for seen in store.of_namespace("shop")] == ["new"]


def test_a_late_delete_of_the_old_uid_leaves_the_recreated_object() -> None:
    store = Store()
    store.put(route(uid="old", version=5))
    store.put(route(uid="new", version=9))
    store.remove("old", 8)
    assert [seen.uid for seen in store.of_namespace("shop")] == ["new"]


def test_a_deleted_uid_never_comes_back_from_an_older_answer() -> None:
    store = Store()
    store.put(route(version=5))
    assert store.remove("u1", 8) == "shop"
    assert not store.put(route(version=6))
    assert store.differing({"u1": 6}) == ()
    assert store.namespaces() == set()


def test_a_complete_list_removes_what_it_lacks_but_not_what_came_after_it() -> None:
    store = Store()
    store.put(route(uid="gone", name="gone", version=5))
    store.put(route(uid="kept", name="kept", version=6))
    store.put(route(uid="young", name="young", version=99))
    assert store.replace("LLMRoute", None, {"kept": 6}, 50) == {"shop"}
    assert names(store) == ["kept", "young"]


def test_a_list_of_one_kind_or_namespace_leaves_the_others_alone() -> None:
    store = Store()
    store.put(route(uid="policy", kind="RateLimitPolicy"))
    store.put(route(uid="elsewhere", namespace="bank"))
    store.replace("LLMRoute", "shop", {}, 50)
    assert store.namespaces() == {"shop", "bank"}


def test_what_differs_from_a_list_is_the_unknown_and_the_older() -> None:
    store = Store()
    store.put(route(uid="same", version=5))
    store.put(route(uid="older", version=5))
    assert store.differing({"same": 5, "older": 6, "unknown": 7}) == ("older", "unknown")


@given(st.permutations([("a", 3), ("a", 5), ("b", 7), ("b", 9)]), st.integers(0, 4))
def test_any_order_of_events_of_two_uids_ends_the_same(
    events: list[tuple[str, int]], delete_after: int
) -> None:
    store = Store()
    for index, (uid, version) in enumerate(events):
        if index == delete_after:
            store.remove("a", 6)
        store.put(route(uid=uid, version=version))
    store.remove("a", 6)
    assert [(seen.uid, seen.version) for seen in store.of_namespace("shop")] == [("b", 9)]
