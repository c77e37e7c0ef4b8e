"""The few calls of the Kubernetes API that the controller makes, through `kubernetes.aio`.

Answers are plain data. Errors are those of `errors`; nothing is retried here.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import yaml
from kubernetes.aio import client
from kubernetes.aio import config as kubernetes_config

from outrider_operator.controller.errors import (
    NoCredentials,
    Unreachable,
    error_of,
)

MANAGER: Final = "outrider-controller"
JSON: Final = "application/json"
METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
REQUEST_SECONDS: Final = 30
PAGE: Final = 500

config: Any = kubernetes_config  # most of it has no types


class Kube:
    """A logged-in client. Use `connect`, which closes it."""

    def __init__(self, configuration: Any) -> None:
        self.configuration = configuration
        self._client: Any = client.ApiClient(configuration)
        self._client.user_agent = MANAGER

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        seconds: float = REQUEST_SECONDS,
    ) -> dict[str, Any]:
        """The answer's JSON object; raises `KubeError` by its status, or `Unreachable`."""
        request = await self._client.param_serialize(
            method=method,
            resource_path=path,
            query_params=list((query or {}).items()),
            header_params={"Accept": accept, "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            answer = await self._client.call_api(
                *request, _request_timeout=aiohttp.ClientTimeout(total=seconds)
            )
            data = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unreachable(
                f"the API server {self.configuration.host} does not answer: "
                f"{error or type(error).__name__}"
            ) from error
        fields = _fields(data)
        if answer.status >= 400:
            raise error_of(answer.status, fields)
        return fields

    async def get(self, path: str) -> dict[str, Any]:
        """One object."""
        return await self.call("GET", path)

    async def pages(
        self, path: str, *, selector: str = "", metadata_only: bool = False
    ) -> AsyncIterator[dict[str, Any]]:
        """A list, page by page; the last page ends a complete one."""
        query = {"limit": str(PAGE)}
        if selector:
            query["fieldSelector"] = selector
        while True:
            page = await self.call(
                "GET", path, query=query, accept=METADATA_LIST if metadata_only else JSON
            )
            yield page
            more = (page.get("metadata") or {}).get("continue")
            if not more:
                return
            query["continue"] = more

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A new object; `Conflict` when there is one of this name."""
        return await self.call("POST", path, query={"fieldManager": MANAGER}, body=body)

    async def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The object as a whole; `Conflict` when its resourceVersion is not the stored one."""
        return await self.call("PUT", path, query={"fieldManager": MANAGER}, body=body)

    async def apply(
        self, path: str, body: dict[str, Any], manager: str = MANAGER
    ) -> dict[str, Any]:
        """Server-side apply that takes ownership of the fields in `body` for `manager`."""
        return await self.call(
            "PATCH",
            path,
            query={"fieldManager": manager, "force": "true"},
            body=body,
            content_type=APPLY,
        )

    async def merge(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A JSON merge patch."""
        return await self.call(
            "PATCH", path, query={"fieldManager": MANAGER}, body=body, content_type=MERGE
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


@asynccontextmanager
async def connect(
    kubeconfig: Path | None = None, context: str | None = None
) -> AsyncIterator[Kube]:
    """A client by a kubeconfig (the given file, `KUBECONFIG`, ~/.kube/config) or, in a pod, by
    its ServiceAccount. Tokens that a plugin hands out are renewed while it is open.

    Raises `NoCredentials` with what to do about it.
    """
    configuration = client.Configuration()
    loader: Any = None
    if kubeconfig is None and "KUBECONFIG" not in os.environ and _in_pod():
        try:
            config.load_incluster_config(client_configuration=configuration)
        except (config.ConfigException, OSError) as error:
            raise NoCredentials(
                f"this pod gives no ServiceAccount to log in with: {error} Mount one "
                "(automountServiceAccountToken), or give --kubeconfig FILE"
            ) from error
    else:
        file = str(kubeconfig or config.KUBE_CONFIG_DEFAULT_LOCATION)
        if not _is_there(file):
            raise NoCredentials(
                f"no kubeconfig at {file}: give --kubeconfig FILE or set KUBECONFIG "
                "(inside a pod its ServiceAccount is used)"
            )
        loader = await _load(file, context, configuration)
    kube = Kube(configuration)
    renewal = (
        asyncio.create_task(
            config.refresh_token(loader, client_configuration=configuration), name="token renewal"
        )
        if loader is not None
        else None
    )
    try:
        yield kube
    finally:
        if renewal is not None:
            renewal.cancel()
            await asyncio.wait([renewal])
        await kube.close()


def _is_there(files: str) -> bool:
    return any(Path(file).expanduser().is_file() for file in files.split(os.pathsep))


async def _load(file: str, context: str | None, configuration: Any) -> Any:
    try:
        return await config.load_kube_config(
            config_file=file, context=context, client_configuration=configuration
        )
    except (TypeError, KeyError, AttributeError) as error:
        raise NoCredentials(
            f"cannot log in with {file}: it is no kubeconfig, which is a mapping with clusters, "
            "users and contexts; kubectl config view --raw prints one"
        ) from error
    except (config.ConfigException, yaml.YAMLError, OSError, ValueError) as error:
        where = f"context {context} of {file}" if context else file
        raise NoCredentials(f"cannot log in with {where}: {error}") from error


def _in_pod() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ


def _fields(data: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}
