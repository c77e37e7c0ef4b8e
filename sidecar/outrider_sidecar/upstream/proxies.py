"""The proxies between us and the providers, as the environment names them."""

import os
from typing import Final
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from outrider_sidecar.config.settings import SettingProblem, SettingsError

_SCHEMES: Final = ("http", "https")


class Proxies:
    """Those of `HTTPS_PROXY` and `HTTP_PROXY` as they stand now.

    Raises `SettingsError` for one that is no URL of a proxy.
    """

    def __init__(self) -> None:
        said = getproxies()
        problems: list[SettingProblem] = []
        self._by_scheme: dict[str, URL] = {}
        for scheme in _SCHEMES:
            text = said.get(scheme)
            if text is None:
                continue
            try:
                self._by_scheme[scheme] = _proxy(text)
            except ValueError:
                problems.append(
                    SettingProblem(
                        _variable(scheme),
                        _without_credentials(text),
                        "write the proxy as http://HOST:PORT, or unset it",
                    )
                )
        if problems:
            raise SettingsError(tuple(problems))

    def of(self, scheme: str, host: str, port: int | None) -> URL | None:
        """The proxy for a host; None where it is called directly, as what `NO_PROXY` names is."""
        if proxy_bypass(f"{host}:{port}" if port else host):
            return None
        return self._by_scheme.get(scheme)


def _proxy(text: str) -> URL:
    url = URL(text if "://" in text else "http://" + text)
    if url.scheme not in _SCHEMES or not url.host or url.port is None:
        raise ValueError(text)
    return url


def _variable(scheme: str) -> str:
    """The variable that the proxy stands in: the one in lower case counts where both are set."""
    lower = f"{scheme}_proxy"
    return lower if os.environ.get(lower) else lower.upper()


def _without_credentials(text: str) -> str:
    scheme, found, rest = text.rpartition("://")
    credentials, at, host = rest.rpartition("@")
    return scheme + found + ("***" + at if credentials else at) + host
