"""Clients of the official Python SDKs, pointed at a proxy as their documentation says.

Answers are validated strictly against the SDK's types. The one thing that is not as the SDK
makes it is the context for certificates: all clients share one, because reading them is slow.
"""

import ssl
from typing import Any

import anthropic
import openai

PLACEHOLDER = "sk-outrider"

_CERTIFICATES = ssl.create_default_context()


def openai_sync(url: str, **options: Any) -> openai.OpenAI:
    """`url` is the proxy's; OpenAI's base URL has the version in it."""
    http = openai.DefaultHttpxClient(verify=_CERTIFICATES)
    return openai.OpenAI(base_url=url + "/v1", http_client=http, **_strict(options))


def openai_async(url: str, **options: Any) -> openai.AsyncOpenAI:
    """`url` is the proxy's; OpenAI's base URL has the version in it."""
    http = openai.DefaultAsyncHttpxClient(verify=_CERTIFICATES)
    return openai.AsyncOpenAI(base_url=url + "/v1", http_client=http, **_strict(options))


def anthropic_sync(url: str, **options: Any) -> anthropic.Anthropic:
    """`url` is the proxy's, which is Anthropic's base URL too."""
    http = anthropic.DefaultHttpxClient(verify=_CERTIFICATES)
    return anthropic.Anthropic(base_url=url, http_client=http, **_strict(options))


def anthropic_async(url: str, **options: Any) -> anthropic.AsyncAnthropic:
    """`url` is the proxy's, which is Anthropic's base URL too."""
    http = anthropic.DefaultAsyncHttpxClient(verify=_CERTIFICATES)
    return anthropic.AsyncAnthropic(base_url=url, http_client=http, **_strict(options))


def _strict(options: dict[str, Any]) -> dict[str, Any]:
    return {"api_key": PLACEHOLDER, "_strict_response_validation": True, **options}
