import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.telemetry.hashes import Hasher

KEY = b"k" * 32


def expected(text: bytes) -> str:
    return hmac.new(KEY, text, hashlib.sha256).digest()[:8].hex()


def test_ids_are_keyed_hashes_of_kind_namespace_and_value() -> None:
    hasher = Hasher(KEY)
    assert hasher.identity("user", "shop", "ann") == "u_" + expected(b"user\x1fshop\x1fann")
    assert hasher.identity("session", "shop", "ann") == "s_" + expected(b"session\x1fshop\x1fann")


@given(st.text(), st.text())
def test_equal_values_agree_and_others_do_not(one: str, other: str) -> None:
    hasher = Hasher(KEY)
    same = hasher.identity("user", "shop", one) == hasher.identity("user", "shop", other)
    assert same == (one == other)


def test_another_namespace_or_key_is_another_id() -> None:
    ids = {
        Hasher(KEY).identity("user", "shop", "ann"),
        Hasher(KEY).identity("user", "bank", "ann"),
        Hasher(b"other").identity("user", "shop", "ann"),
        Hasher().identity("user", "shop", "ann"),
        Hasher().identity("user", "shop", "ann"),
    }
    assert len(ids) == 5


def test_without_a_key_ids_agree_within_the_process_only() -> None:
    hasher = Hasher()
    assert not hasher.lasting
    assert Hasher(KEY).lasting
    assert hasher.identity("user", "n", "a") == hasher.identity("user", "n", "a")


def test_the_key_stands_in_no_repr() -> None:
    assert "kkk" not in repr(Hasher(KEY))
