"""Proxies that the environment names, and names that are none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from outrider_sidecar.config.credentials import FileCredentials
from outrider_sidecar.config.settings import SettingsError
from outrider_sidecar.upstream.client import Upstream
from outrider_sidecar.upstream.proxies import Proxies


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("proxy:3128", "http://proxy:3128"),
        ("https://ann:pass@proxy.corp.example", "https://ann:pass@proxy.corp.example"),
        ("http://[fd00::1]:3128/", "http://[fd00::1]:3128/"),
    ],
)
def test_a_proxy_may_be_spelt_with_and_without_its_scheme(
    monkeypatch: pytest.MonkeyPatch, said: str, url: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", said)
    monkeypatch.setenv("NO_PROXY", "near.example")
    proxies = Proxies()
    assert str(proxies.of("https", "api.openai.com", None)) == url
    assert proxies.of("http", "api.openai.com", None) is None
    assert proxies.of("https", "near.example", 8443) is None


@pytest.mark.parametrize(
    "said",
    ["http://proxy:notaport", "http://[fd00::1", "http://", "socks5://proxy:1080", "proxy:x"],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "http_proxy"])
async def test_what_is_no_proxy_ends_the_start_with_its_variable_and_the_fix(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, said: str
) -> None:
    monkeypatch.setenv(variable, said)
    upstream = Upstream(FileCredentials(tmp_path), allow_loopback=False)
    with pytest.raises(SettingsError) as caught:
        await upstream.start()
    assert str(caught.value) == (
        f"{variable} is {said!r}: write the proxy as http://HOST:PORT, or unset it"
    )


@pytest.mark.parametrize("said", ["http://ann:pass@proxy:x", "ann:pass@proxy:x", "//ann:pass@p:x"])
def test_what_is_no_proxy_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", said)
    with pytest.raises(SettingsError) as caught:
        Proxies()
    assert "pass" not in str(caught.value)
    assert "***@p" in str(caught.value)


def test_the_program_ends_with_exit_code_2_and_no_traceback(tmp_path: Path) -> None:
    settings = {
        "OUTRIDER_CONFIG_DIR": str(tmp_path),
        "OUTRIDER_PORT": "0",
        "OUTRIDER_ADMIN_PORT": "0",
        "HTTPS_PROXY": "http://ann:pass@proxy:notaport",
    }
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    ended = subprocess.run(
        [sys.executable, "-m", "outrider_sidecar.main"],
        env=clean | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == (
        "outrider-sidecar: HTTPS_PROXY is 'http://***@proxy:notaport': "
        "write the proxy as http://HOST:PORT, or unset it"
    )
    assert "Traceback" not in ended.stderr
