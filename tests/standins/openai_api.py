"""OpenAI on loopback: Chat Completions, Responses, Embeddings, Models and Files."""

import base64
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from openai.types.audio.speech_create_params import SpeechCreateParams
from openai.types.chat import completion_create_params as chat_params
from openai.types.embedding_create_params import EmbeddingCreateParams
from openai.types.responses import response_create_params as response_params

from standins import chat_wire, responses_wire
from standins.api import Api, Received
from standins.forms import fields_of
from standins.manners import error_of, manner_of

MODELS: Final = ("gpt-5.2", "gpt-5.2-mini")

_JSON: Final[dict[str, tuple[Any, Any]]] = {
    "/v1/chat/completions": (
        chat_params.CompletionCreateParamsNonStreaming,
        chat_params.CompletionCreateParamsStreaming,
    ),
    "/v1/responses": (
        response_params.ResponseCreateParamsNonStreaming,
        response_params.ResponseCreateParamsStreaming,
    ),
    "/v1/embeddings": (EmbeddingCreateParams, EmbeddingCreateParams),
    "/v1/audio/speech": (SpeechCreateParams, SpeechCreateParams),
}
_OTHERS: Final = re.compile(
    r"GET /v1/models(/[\w.-]+)?"
    r"|(GET|POST) /v1/files"
    r"|(GET|DELETE) /v1/files/file-\w+"
    r"|GET /v1/files/file-\w+/content"
    r"|POST /v1/audio/transcriptions"
    r"|GET /v1/realtime"
)
# Azure's clients put their api-version into every query; OpenAI ignores it.
_QUERY: Final = re.compile(r"((after|api-version|limit|model|order|purpose)=[^&]*(&|$))*")


@dataclass(frozen=True)
class _Error:
    message: str
    kind: str
    code: str | None = None
    param: str | None = None
    retry_after: str | None = None


_ERRORS: Final = {
    "400": _Error(
        "Unsupported value: 'temperature'.", "invalid_request_error", "unsupported_value"
    ),
    "400-context": _Error(
        "This model's maximum context length is 128000 tokens.",
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
    ),
    "401": _Error("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    "403": _Error(
        "Country, region, or territory not supported",
        "request_forbidden",
        "unsupported_country_region_territory",
    ),
    "404": _Error(
        "The model does not exist or you do not have access to it.",
        "invalid_request_error",
        "model_not_found",
        "model",
    ),
    "409": _Error("The resource is locked.", "conflict_error"),
    "413": _Error("Maximum content size limit exceeded.", "invalid_request_error"),
    "422": _Error("Unprocessable entity.", "invalid_request_error"),
    "429": _Error(
        "Rate limit reached. Please try again in 120ms.",
        "tokens",
        "rate_limit_exceeded",
        retry_after="1",
    ),
    "429-quota": _Error(
        "You exceeded your current quota.", "insufficient_quota", "insufficient_quota"
    ),
    "500": _Error("The server had an error while processing your request.", "server_error"),
    "503": _Error("Slow down.", "service_unavailable_error", "slow_down", retry_after="1"),
    "529": _Error("Overloaded.", "service_unavailable_error", "slow_down", retry_after="1"),
}


class OpenAIApi(Api):
    """An account with one key; its files live as long as it does."""

    bodies = _JSON
    others = _OTHERS
    queries = _QUERY
    staged = "/v1/chat/completions"

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self._files: dict[str, tuple[dict[str, Any], bytes]] = {}

    def credential(self, got: Received) -> tuple[str, str]:
        return "authorization", f"Bearer {self.key}"

    def version_misfits(self, got: Received) -> Iterator[str]:
        if "anthropic-version" in got.headers:
            yield "anthropic-version is another provider's"

    async def answer(self, request: web.BaseRequest, got: Received) -> web.StreamResponse:
        if got.path in _JSON:
            return await self._model(request, got)
        if got.path == "/v1/realtime":
            return await _realtime(request)
        if got.path == "/v1/audio/transcriptions":
            return self._transcription(got)
        if got.path.startswith("/v1/models"):
            return self._models(got.path.removeprefix("/v1/models").strip("/"))
        return self._file(got)

    def error(self, kind: str, message: str | None = None) -> web.Response:
        said = _ERRORS[kind]
        headers = self.headers()
        if said.retry_after is not None:
            headers["retry-after"] = said.retry_after
        error = {
            "message": message or said.message,
            "type": said.kind,
            "param": said.param,
            "code": said.code,
        }
        return web.json_response({"error": error}, status=int(kind[:3]), headers=headers)

    def headers(self) -> dict[str, str]:
        self.ids.append(f"req_{len(self.ids):032x}")
        return {
            "x-request-id": self.ids[-1],
            "openai-organization": "org-standin",
            "openai-processing-ms": "12",
            "openai-version": "2020-10-01",
            "x-ratelimit-limit-requests": "10000",
            "x-ratelimit-remaining-requests": "9999",
            "x-ratelimit-reset-requests": "6ms",
            "set-cookie": "__cf_bm=standin; path=/; HttpOnly",
        }

    async def _model(self, request: web.BaseRequest, got: Received) -> web.StreamResponse:
        body = got.json
        error = error_of(body["model"])
        if error is not None:
            return self.error(error)
        manner, number = manner_of(body["model"]), len(self.ids)
        match got.path, bool(body.get("stream")):
            case "/v1/chat/completions", False:
                completion = chat_wire.completion(body, manner, number)
                return await self.behave(request, manner, completion)
            case "/v1/chat/completions", True:
                return await self.stream(request, manner, chat_wire.chunks(body, manner, number))
            case "/v1/responses", False:
                return await self.behave(request, manner, responses_wire.response(body, number))
            case "/v1/responses", True:
                return await self.stream(request, manner, responses_wire.events(body, number))
            case "/v1/audio/speech", _:
                return await self._speech(request, body["input"].encode())
            case _:
                return self.whole(_embeddings(body))

    async def _speech(self, request: web.BaseRequest, spoken: bytes) -> web.StreamResponse:
        """Sound in pieces, as it is made."""
        headers = {**self.headers(), "content-type": "audio/mpeg"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"\xff\xfb" + spoken)
        await response.write_eof()
        return response

    def _transcription(self, got: Received) -> web.Response:
        form = fields_of(got)
        if not {"file", "model"} <= set(form) <= {"file", "model", "response_format", "language"}:
            self.complaints.append(f"POST {got.path}: the form has {sorted(form)}")
            return self.error("400")
        seconds = {"type": "duration", "seconds": len(form["file"].content)}
        return self.whole({"text": "Hello", "usage": seconds})

    def _models(self, name: str) -> web.Response:
        listed = [
            {"id": model, "object": "model", "created": 1_795_219_200, "owned_by": "openai"}
            for model in MODELS
        ]
        if not name:
            return self.whole({"object": "list", "data": listed})
        found = [model for model in listed if model["id"] == name]
        return self.whole(found[0]) if found else self.error("404")

    def _file(self, got: Received) -> web.Response:
        if got.method == "POST":
            return self._upload(got)
        _, _, _, *rest = got.path.split("/")
        if not rest:
            data = [about for about, _ in self._files.values()]
            return self.whole({"object": "list", "data": data, "has_more": False})
        about, content = self._files[rest[0]]
        if got.method == "DELETE":
            del self._files[rest[0]]
            return self.whole({"id": rest[0], "object": "file", "deleted": True})
        if rest[1:] == ["content"]:
            headers = {**self.headers(), "content-type": "application/octet-stream"}
            return web.Response(body=content, headers=headers)
        return self.whole(about)

    def _upload(self, got: Received) -> web.Response:
        form = fields_of(got)
        if set(form) != {"file", "purpose"}:
            self.complaints.append(f"POST /v1/files: the form has {sorted(form)}")
            return self.error("400")
        about = {
            "id": f"file-{len(self._files):06}",
            "object": "file",
            "bytes": len(form["file"].content),
            "created_at": 1_795_219_200,
            "filename": form["file"].filename,
            "purpose": form["purpose"].content.decode(),
            "status": "processed",
        }
        self._files[str(about["id"])] = (about, form["file"].content)
        return self.whole(about)


async def _realtime(request: web.BaseRequest) -> web.StreamResponse:
    """A session that answers each request for a response with what was said, and says goodbye."""
    socket: web.WebSocketResponse[Any] = web.WebSocketResponse(protocols=("realtime",))
    await socket.prepare(request)
    session = {"type": "realtime", "object": "realtime.session", "id": "sess_1"}
    await socket.send_json({"type": "session.created", "event_id": "event_1", "session": session})
    said = ""
    async for message in socket:
        event = json.loads(message.data)
        if event["type"] == "conversation.item.create":
            said = event["item"]["content"][0]["text"]
        elif event["type"] == "response.create":
            place = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0}
            text = {"type": "response.output_text.done", "event_id": "event_2", "text": said}
            await socket.send_json({**text, **place, "content_index": 0})
            await socket.close(code=1000, message=b"that is all")
    return socket


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    size = body.get("dimensions") or 4
    data = []
    for index, text in enumerate(texts):
        vector = [float(len(text)), *([0.25] * (size - 1))]
        coded = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode()
        as_sent = coded if body.get("encoding_format") == "base64" else vector
        data.append({"object": "embedding", "index": index, "embedding": as_sent})
    used = len(json.dumps(texts).split())
    usage = {"prompt_tokens": used, "total_tokens": used}
    return {"object": "list", "data": data, "model": body["model"], "usage": usage}
