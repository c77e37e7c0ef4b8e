"""The contract between operator and sidecar: its bytes, its digest, its generation."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.routing.table import Table
from outrider_sidecar.snapshot import (
    Snapshot,
    SnapshotError,
    decode,
    digest_of,
    encode,
    seal,
    stamp,
)
from standins.resources import compiled, policy, route, snapshot, version

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def example(text: str = "Be brief.", **tool: Any) -> Snapshot:
    tools = [{"name": "t", "description": text, "parameters": {"type": "object", **tool}}]
    resources = [
        route(prompt="answer", models=["m"]),
        version("v7", 95, text=text or "x", tools=tools),
        version("v8", 5),
        policy(),
    ]
    return snapshot(compiled(resources))


def fields(sealed: Snapshot) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode(sealed))
    return found


def written(changed: dict[str, Any]) -> bytes:
    """A snapshot as a newer operator writes it: sealed over all that it says."""
    return msgspec.json.encode(changed | {"digest": digest_of(changed)})


@given(texts)
def test_the_bytes_are_sorted_compact_utf8_and_read_back_the_same(text: str) -> None:
    sealed = example(text)
    data = encode(sealed)
    plain = json.loads(data)
    assert data.decode() == json.dumps(
        plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    assert decode(data) == sealed


@given(texts, st.dictionaries(texts, st.integers(-(2**53), 2**53) | texts | st.none(), max_size=4))
def test_the_digest_is_sha256_of_the_rest_in_canonical_form(
    text: str, parameters: dict[str, Any]
) -> None:
    sealed = example(text, properties=parameters)
    content = fields(sealed)
    said = content.pop("digest")
    del content["generation"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert said == "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def test_keys_are_sorted_by_code_point() -> None:
    names = ["\U0001f9ed", "\uffff", "z", "Z", "a", "é"]
    data = encode(example(properties=dict.fromkeys(names, 1))).decode()
    assert [data.index(f'"{name}":1') for name in sorted(names)] == sorted(
        data.index(f'"{name}":1') for name in names
    )


def test_the_digest_is_of_the_content_and_not_of_the_publication() -> None:
    sealed = example()
    assert seal(stamp(sealed, 41, 0)).digest == sealed.digest
    assert seal(msgspec.structs.replace(sealed, digest="sha256:other")) == sealed
    assert example("Other.").digest != sealed.digest


@given(st.integers(0, 2**40), st.floats(0, 2**40))
def test_the_generation_rises_above_the_last_one_and_to_the_clock(last: int, now: float) -> None:
    stamped = stamp(example(), last, now)
    assert stamped.generation == max(last + 1, int(now))
    assert decode(encode(stamped)) == stamped


def test_fields_of_a_newer_operator_are_ignored_and_still_sealed() -> None:
    newer = fields(example())
    newer["routes"]["support"]["hedge"] = {"afterPercentile": "95"}
    newer["ledger"] = [1.5, {"a": None}]
    read = decode(written(newer))
    assert seal(read).digest == example().digest
    assert read.digest == digest_of(newer)
    newer_data = json.loads(written(newer))
    newer_data["ledger"] = []
    with pytest.raises(SnapshotError, match="its content is sha256:"):
        decode(msgspec.json.encode(newer_data))


def test_a_route_that_requires_what_a_sidecar_lacks_is_read_and_refused_alone() -> None:
    newer = fields(example())
    newer["routes"]["other"] = newer["routes"]["support"] | {"requires": ["telepathy"]}
    read = decode(written(newer))
    assert read.routes["other"].requires == ("telepathy",)
    table = Table.build(read)
    assert table.refused == {"other": ("telepathy",)}
    assert list(table.routes) == ["support"]


@pytest.mark.parametrize("schema", [0, 2, "1", None, 1.5, [1]])
def test_another_schema_is_refused_by_its_number(schema: Any) -> None:
    with pytest.raises(SnapshotError, match="this sidecar reads 1"):
        decode(written(fields(example()) | {"schema": schema}))


def test_a_changed_byte_is_seen() -> None:
    data = encode(example())
    for old, new in ((b'"goal":9500', b'"goal":9400'), (b"Be brief", b"Be BRIEF")):
        with pytest.raises(SnapshotError, match="snapshot says sha256:"):
            decode(data.replace(old, new, 1))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"nonsense",
        b'"\xff"',
        b"{" * 100_000,
        b'{"schema":1,"a":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"schema":1,"namespace":"x","routes":{},"prompts":[]}',
        b'{"schema":1,"namespace":"\\ud800","routes":{},"prompts":{}}',
    ],
    ids=repr,
)
def test_bytes_that_are_no_snapshot_are_refused_as_that(data: bytes) -> None:
    with pytest.raises(SnapshotError):
        decode(data)


@given(st.data())
def test_no_damage_makes_reading_fail_in_another_way(data: st.DataObject) -> None:
    whole = encode(example())
    place = data.draw(st.integers(0, len(whole) - 1))
    by = data.draw(st.binary(max_size=3))
    damaged = whole[:place] + by + whole[place + data.draw(st.integers(0, 3)) :]
    try:
        read = decode(damaged)
    except SnapshotError:
        return
    assert seal(read).digest == example().digest


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("routes", "support", "backends", "sonnet", "timeouts", "connectMs"), "2s"),
        (("routes", "support", "rules"), {}),
        (("prompts", "answer", "ranges"), [[0, 9999]]),
        (("prompts", "answer", "versions", "v7", "share"), "95%"),
        (("limits",), [{"name": "x"}]),
        (("generation",), "new"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_place(
    path: tuple[str, ...], value: Any
) -> None:
    changed = fields(example())
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(SnapshotError, match=r"not a snapshot: .*\$"):
        decode(written(changed))
