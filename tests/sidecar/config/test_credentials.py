import logging
from pathlib import Path

import pytest

from outrider_sidecar.config.credentials import FileCredentials, hosts_in, key_in
from outrider_sidecar.snapshot import SecretKey

REF = SecretKey(name="outrider-credentials", key="openai")


def mounted(root: Path, turn: str = "..1", **entries: str) -> None:
    """A Secret's volume as the kubelet lays it out, or its next turn."""
    volume = root / "outrider-credentials"
    data = volume / turn
    data.mkdir(parents=True)
    for name, text in entries.items():
        (data / name.replace("_", ".")).write_text(text)
        link = volume / name.replace("_", ".")
        if not link.is_symlink():
            link.symlink_to(Path("..data") / link.name)
    swap = volume / "..data_tmp"
    swap.symlink_to(turn)
    swap.replace(volume / "..data")


def test_a_key_is_its_file_without_the_newline_at_the_end(tmp_path: Path) -> None:
    mounted(tmp_path, openai="sk-1\n")
    assert FileCredentials(tmp_path).key(REF) == "sk-1"


def test_a_swap_of_the_volume_is_seen_at_the_next_use(tmp_path: Path) -> None:
    mounted(tmp_path, openai="sk-1")
    keys = FileCredentials(tmp_path)
    assert keys.key(REF) == "sk-1"
    mounted(tmp_path, openai="sk-2", turn="..2")
    assert keys.key(REF) == "sk-2"


def test_a_plain_file_that_is_replaced_is_seen_at_the_next_use(tmp_path: Path) -> None:
    secret = tmp_path / "outrider-credentials"
    secret.mkdir()
    (secret / "openai").write_text("sk-1")
    keys = FileCredentials(tmp_path)
    assert keys.key(REF) == "sk-1"
    (secret / "next").write_text("sk-22")
    (secret / "next").rename(secret / "openai")
    assert keys.key(REF) == "sk-22"
    (secret / "openai").unlink()
    assert keys.key(REF) is None


def test_without_a_directory_or_a_file_there_is_no_key(tmp_path: Path) -> None:
    assert FileCredentials(None).key(REF) is None
    assert FileCredentials(tmp_path).key(REF) is None
    assert FileCredentials(tmp_path).hosts(REF) == frozenset()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("..", "openai"),
        (".", "openai"),
        ("../other", "openai"),
        ("outrider-credentials", "../../secret"),
        ("outrider-credentials", "..data"),
        ("/etc", "passwd"),
        ("outrider-credentials", ""),
        ("outrider-credentials", "a\0b"),
    ],
)
def test_a_name_that_could_climb_out_gives_no_key(
    tmp_path: Path, name: str, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "openai").write_text("sk-other")
    (tmp_path / "openai").write_text("sk-above")
    (tmp_path / "secret").write_text("sk-above")
    keys = FileCredentials(tmp_path / "keys")
    assert keys.key(SecretKey(name=name, key=key)) is None
    assert "is no name that a Secret" in caplog.text


@pytest.mark.parametrize("value", ["\n", "sk-1\nsk-2", "sk-\x00", "schlüssel", "x" * 70_000])
def test_a_value_that_no_header_may_hold_is_no_key_and_is_told_once_without_it(
    tmp_path: Path, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    mounted(tmp_path, openai=value)
    keys = FileCredentials(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert keys.key(REF) is None
        assert keys.key(REF) is None
    assert len(caplog.records) == 1
    assert "outrider-credentials/openai" in caplog.text
    assert value.strip() == "" or value not in caplog.text


def test_hosts_are_a_comma_list_in_any_case(tmp_path: Path) -> None:
    mounted(tmp_path, openai="sk-1", openai_hosts="Gateway.Example.com, llm.corp.example.\n")
    assert FileCredentials(tmp_path).hosts(REF) == {"gateway.example.com", "llm.corp.example"}


def test_a_host_that_is_not_ascii_is_left_out_not_rewritten_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mounted(
        tmp_path, openai="sk-1", openai_hosts="ex\u00e4mple.com,api.\u212aey.example,ok.example"
    )
    keys = FileCredentials(tmp_path)
    assert keys.hosts(REF) == keys.hosts(REF) == {"ok.example"}
    assert len(caplog.records) == 1
    assert "openai.hosts holds a name that is not ASCII" in caplog.text


def test_bytes_and_texts_are_read_alike_wherever_keys_come_from() -> None:
    assert key_in(b"sk-1\r\n") == "sk-1"
    assert key_in(b"\n") is None
    assert key_in("schl\u00fcssel".encode()) is None
    assert hosts_in("A.example, b.example.\nex\u00e4mple.com") == {"a.example", "b.example"}
    assert hosts_in("") == frozenset()


def test_no_value_stands_in_a_repr(tmp_path: Path) -> None:
    mounted(tmp_path, openai="sk-very-secret")
    keys = FileCredentials(tmp_path)
    keys.key(REF)
    assert "sk-very-secret" not in repr(keys)
    assert repr(keys) == f"FileCredentials({str(tmp_path)!r})"
