"""How a failure of the connection is put into words."""

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from outrider_sidecar.upstream.failure import cause

REQUEST = aiohttp.RequestInfo(
    URL("http://llm.example.com/v1"), "POST", CIMultiDictProxy(CIMultiDict()), URL("http://x")
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (aiohttp.ServerDisconnectedError(), "the connection was closed"),
        (
            aiohttp.ClientResponseError(REQUEST, (), status=400, message="Bad\n\n  b'secret'"),
            "that is not HTTP",
        ),
        (
            aiohttp.ClientHttpProxyError(REQUEST, (), status=407, message="Who are you?"),
            "the proxy answered 407",
        ),
        (TimeoutError(), "it took too long"),
        (
            aiohttp.ConnectionTimeoutError("Connection timeout to host"),
            "Connection timeout to host",
        ),
        (OSError(), "OSError"),
        (aiohttp.ClientPayloadError("cut\nhere"), "cut"),
        (ValueError("x" * 900), "x" * 500),
    ],
)
def test_a_cause_is_one_line_without_a_providers_bytes(error: Exception, words: str) -> None:
    assert cause(error) == words
