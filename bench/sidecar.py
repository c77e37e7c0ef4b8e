"""The real program, as a pod runs it: a mounted snapshot, keys in files, its log on disk."""

import http.client
import socket
import time
from pathlib import Path
from typing import Any

from bench.process import Process, spawn
from outrider_operator.compiler.compile import compile as compile_resources
from outrider_operator.resources.resource import Resource
from outrider_sidecar import snapshot

NAMESPACE = "bench"
USER_MESSAGE = {"role": "system", "content": "You are {{brand}} support."}


def _version(prompt: str, number: int, weight: int) -> Resource:
    spec: dict[str, Any] = {
        "promptName": prompt,
        "weight": weight,
        "prompt": {
            "messages": [USER_MESSAGE, {"placeholder": "conversation"}],
            "variables": [{"name": "brand", "default": "ACME"}],
        },
    }
    name = f"{prompt}-v{number}"
    return Resource(kind="PromptVersion", namespace=NAMESPACE, name=name, spec=spec)


def _route(name: str, models: list[str], prompt: str, upstream: int) -> Resource:
    spec: dict[str, Any] = {
        "models": models,
        "prompt": {"name": prompt},
        "backends": [
            {
                "name": "stand-in",
                "provider": "OpenAI",
                "model": "gpt-5.4",
                "baseURL": f"http://127.0.0.1:{upstream}/v1",
                "secretKeyRef": {"key": "openai"},
            }
        ],
        "rules": [{"name": "default", "backendRefs": [{"name": "stand-in"}]}],
    }
    return Resource(kind="LLMRoute", namespace=NAMESPACE, name=name, spec=spec)


def write_config(directory: Path, upstream: int, *, routes: int = 1, versions: int = 2) -> None:
    """A config directory for `routes` routes and `versions` prompt versions over them."""
    made = [_route("bench", ["bench"], "answer", upstream)]
    made += [_route(f"r{i}", [f"m{i}"], "answer", upstream) for i in range(1, routes)]
    made += [_version("answer", 1, 95), _version("answer", 2, 5)]
    compiled = compile_resources(made, {})
    if compiled.problems:
        raise RuntimeError(str(compiled.problems))
    sealed = compiled.snapshots[NAMESPACE]
    if versions > 2:
        # Beyond what one ConfigMap holds: what a lookup costs is asked, not what fits.
        prompt = sealed.prompts["answer"]
        one = prompt.versions["answer-v1"]
        more = {f"x-v{i}": one for i in range(versions - 2)}
        grown = snapshot.Prompt(
            salt=prompt.salt,
            stable=prompt.stable,
            versions=prompt.versions | more,
            ranges=prompt.ranges,
        )
        sealed = snapshot.seal(
            snapshot.Snapshot(namespace=NAMESPACE, routes=sealed.routes, prompts={"answer": grown})
        )
    stamped = snapshot.stamp(sealed, 0, time.time())
    (directory / "snapshot.json").write_bytes(snapshot.encode(stamped))


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def ready(port: int) -> bool:
    """Whether the admin port says that the sidecar serves."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def start_sidecar(directory: Path, core: int) -> Process:
    """Start `outrider-sidecar` on a config directory; returns once it is ready."""
    keys = directory.parent / "credentials" / "outrider-credentials"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "openai").write_text("sk-bench\n")
    port, admin = free_port(), free_port()
    env = {
        "OUTRIDER_CONFIG_DIR": str(directory),
        "OUTRIDER_CREDENTIALS_DIR": str(keys.parent),
        "OUTRIDER_PORT": str(port),
        "OUTRIDER_ADMIN_PORT": str(admin),
        "OUTRIDER_ALLOW_LOOPBACK": "true",
    }
    began = time.perf_counter()
    with (directory.parent / "sidecar.log").open("wb") as log:
        popen = spawn("outrider_sidecar.main", core=core, stdout=log, env=env)
    while not ready(admin):
        if popen.poll() is not None or time.perf_counter() - began > 20:
            popen.kill()
            raise RuntimeError("the sidecar did not start; sidecar.log beside its config says why")
        time.sleep(0.005)
    return Process(popen, port, time.perf_counter() - began)
