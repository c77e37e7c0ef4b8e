"""Anthropic on loopback: Messages, token counts, Models and Files."""

import re
from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web
from anthropic.types import message_create_params as params
from anthropic.types.message_count_tokens_params import MessageCountTokensParams

from standins import messages_wire
from standins.api import Api, Received
from standins.forms import fields_of
from standins.manners import error_of, manner_of

MODELS: Final = ("claude-sonnet-4-6", "claude-haiku-4-5")

VERSIONS: Final = ("2023-06-01", "2026-10-21")
"""Versions of the API; the second takes no sampling parameters, whatever their value."""

_OF_THE_FIRST: Final = ("temperature", "top_p", "top_k")
_JSON: Final[dict[str, tuple[Any, Any]]] = {
    "/v1/messages": (
        params.MessageCreateParamsNonStreaming,
        params.MessageCreateParamsStreaming,
    ),
    "/v1/messages/count_tokens": (MessageCountTokensParams, MessageCountTokensParams),
}
_OTHERS: Final = re.compile(
    r"GET /v1/models(/[\w.-]+)?"
    r"|(GET|POST) /v1/files"
    r"|(GET|DELETE) /v1/files/file_\w+"
    r"|GET /v1/files/file_\w+/content"
)
_QUERY: Final = re.compile(r"((after_id|before_id|limit)=[^&]*(&|$))*")

# Status, type and message; a status that has several types is written with a suffix.
_ERRORS: Final = {
    "400": ("invalid_request_error", "max_tokens: must be greater than or equal to 1"),
    "400-context": ("invalid_request_error", "prompt is too long: 200001 tokens > 200000 maximum"),
    "401": ("authentication_error", "invalid x-api-key"),
    "402": ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    "403": ("permission_error", "Your API key does not have permission to use the resource."),
    "404": ("not_found_error", "model: unknown"),
    "409": ("invalid_request_error", "The resource is locked."),
    "413": ("request_too_large", "Request exceeds the maximum size"),
    "422": ("invalid_request_error", "Unprocessable"),
    "429": ("rate_limit_error", "This request would exceed your organization's rate limit."),
    "500": ("api_error", "Internal server error"),
    "503": ("api_error", "Service unavailable"),
    "504": ("timeout_error", "The request timed out while processing."),
    "529": ("overloaded_error", "Overloaded"),
}


class AnthropicApi(Api):
    """An account with one key; its files live as long as it does."""

    bodies = _JSON
    others = _OTHERS
    queries = _QUERY
    staged = "/v1/messages"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self._files: dict[str, tuple[dict[str, Any], bytes]] = {}

    def credential(self, got: Received) -> tuple[str, str]:
        if "authorization" in got.headers:
            return "authorization", f"Bearer {self.key}"
        return "x-api-key", self.key

    def version_misfits(self, got: Received) -> Iterator[str]:
        if got.headers.get("anthropic-version") not in VERSIONS:
            yield f"anthropic-version is {got.headers.get('anthropic-version')!r}"

    def typed(self, got: Received, body: Any) -> Any:
        if got.headers.get("anthropic-version") != VERSIONS[0] or not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if name not in _OF_THE_FIRST}

    async def answer(self, request: web.BaseRequest, got: Received) -> web.StreamResponse:
        if got.path in _JSON:
            return await self._model(request, got)
        if got.path.startswith("/v1/models"):
            return self._models(got.path.removeprefix("/v1/models").strip("/"))
        return self._file(got)

    def error(self, kind: str, message: str | None = None) -> web.Response:
        name, words = _ERRORS[kind]
        headers = self.headers()
        if kind == "429":
            headers |= {"retry-after": "1", "anthropic-ratelimit-requests-remaining": "0"}
        error = {
            "type": "error",
            "error": {"type": name, "message": message or words},
            "request_id": headers["request-id"],
        }
        return web.json_response(error, status=int(kind[:3]), headers=headers)

    def headers(self) -> dict[str, str]:
        self.ids.append(f"req_{len(self.ids):024}")
        return {
            "request-id": self.ids[-1],
            "anthropic-organization-id": "org-standin",
            "anthropic-ratelimit-requests-limit": "4000",
            "anthropic-ratelimit-requests-remaining": "3999",
            "set-cookie": "_cfuvid=standin; path=/; HttpOnly",
        }

    async def _model(self, request: web.BaseRequest, got: Received) -> web.StreamResponse:
        body = got.json
        error = error_of(body["model"])
        if error is not None:
            return self.error(error)
        if got.path.endswith("/count_tokens"):
            return self.whole({"input_tokens": messages_wire.input_tokens(body)})
        manner, number = manner_of(body["model"]), len(self.ids)
        if body.get("stream"):
            return await self.stream(request, manner, messages_wire.events(body, manner, number))
        return await self.behave(request, manner, messages_wire.message(body, manner, number))

    def _models(self, name: str) -> web.Response:
        listed = [
            {
                "type": "model",
                "id": model,
                "display_name": model.title(),
                "created_at": "2026-02-17T00:00:00Z",
                "lifecycle": "active",
            }
            for model in MODELS
        ]
        if not name:
            page = {"first_id": MODELS[0], "last_id": MODELS[-1], "has_more": False}
            return self.whole({"data": listed, **page})
        found = [model for model in listed if model["id"] == name]
        return self.whole(found[0]) if found else self.error("404")

    def _file(self, got: Received) -> web.Response:
        if got.method == "POST":
            return self._upload(got)
        _, _, _, *rest = got.path.split("/")
        if not rest:
            data = [about for about, _ in self._files.values()]
            return self.whole({"data": data, "has_more": False})
        about, content = self._files[rest[0]]
        if got.method == "DELETE":
            del self._files[rest[0]]
            return self.whole({"id": rest[0], "type": "file_deleted"})
        if rest[1:] == ["content"]:
            headers = {**self.headers(), "content-type": about["mime_type"]}
            return web.Response(body=content, headers=headers)
        return self.whole(about)

    def _upload(self, got: Received) -> web.Response:
        form = fields_of(got)
        if set(form) - {"expires_in_seconds"} != {"file"}:
            self.complaints.append(f"POST /v1/files: the form has {sorted(form)}")
            return self.error("400")
        file = form["file"]
        about = {
            "id": f"file_{len(self._files):06}",
            "type": "file",
            "filename": file.filename or "unnamed",
            "mime_type": file.kind or "application/octet-stream",
            "size_bytes": len(file.content),
            "created_at": "2026-11-21T00:00:00Z",
            "downloadable": True,
        }
        self._files[str(about["id"])] = (about, file.content)
        return self.whole(about)
