from pathlib import Path

import pytest

from outrider_sidecar.config.settings import Settings, SettingsError, from_environment

CONFIG = {"OUTRIDER_CONFIG_DIR": "/etc/outrider/snapshot"}


def test_what_is_not_said_has_the_documented_defaults() -> None:
    assert from_environment(CONFIG) == Settings(
        config_dir=Path("/etc/outrider/snapshot"),
        state_dir=None,
        credentials_dir=None,
        port=4141,
        admin_port=4142,
        allow_loopback=False,
        log_level="INFO",
        drain_seconds=25.0,
    )


def test_every_variable_is_read() -> None:
    settings = from_environment(
        CONFIG
        | {
            "OUTRIDER_STATE_DIR": "/state",
            "OUTRIDER_CREDENTIALS_DIR": "/keys",
            "OUTRIDER_PORT": "0",
            "OUTRIDER_ADMIN_PORT": "0",
            "OUTRIDER_ALLOW_LOOPBACK": "True",
            "OUTRIDER_LOG_LEVEL": "debug",
            "OUTRIDER_DRAIN_SECONDS": "1.5",
        }
    )
    assert settings.state_dir == Path("/state")
    assert settings.credentials_dir == Path("/keys")
    assert (settings.port, settings.admin_port) == (0, 0)
    assert settings.allow_loopback
    assert (settings.log_level, settings.drain_seconds) == ("DEBUG", 1.5)


def test_all_mistakes_are_told_at_once_with_variable_value_and_fix() -> None:
    with pytest.raises(SettingsError) as caught:
        from_environment(
            {
                "OUTRIDER_PORT": "70000",
                "OUTRIDER_ALLOW_LOOPBACK": "maybe",
                "OUTRIDER_LOG_LEVEL": "loud",
                "OUTRIDER_DRAIN_SECONDS": "nan",
            }
        )
    lines = str(caught.value).splitlines()
    assert lines[:4] == [
        "OUTRIDER_PORT is '70000': write a port from 1 to 65535, or 0 for any free one",
        "OUTRIDER_ALLOW_LOOPBACK is 'maybe': write true or false",
        "OUTRIDER_LOG_LEVEL is 'loud': write one of DEBUG, INFO, WARNING, ERROR",
        "OUTRIDER_DRAIN_SECONDS is 'nan': write seconds from 0 to 3600, such as 25",
    ]
    assert lines[4].startswith("OUTRIDER_CONFIG_DIR is not set: name the directory")
    assert [problem.variable for problem in caught.value.problems][-1] == "OUTRIDER_CONFIG_DIR"


@pytest.mark.parametrize("port", ["-1", "4141.0", "٤١٤١", "65536", "4_141"])
def test_a_port_is_a_plain_number(port: str) -> None:
    with pytest.raises(SettingsError, match="OUTRIDER_PORT"):
        from_environment(CONFIG | {"OUTRIDER_PORT": port})


def test_one_port_cannot_serve_both() -> None:
    with pytest.raises(SettingsError, match="OUTRIDER_ADMIN_PORT is '4141': it is the data port"):
        from_environment(CONFIG | {"OUTRIDER_ADMIN_PORT": "4141"})


def test_an_empty_variable_counts_as_absent() -> None:
    assert from_environment(CONFIG | {"OUTRIDER_PORT": " "}).port == 4141
