"""Names that a caller chose and that come back in headers."""

import json

from loopback.provider import Provider
from loopback.stage import Start, compiled, route
from outrider_sidecar.snapshot import Snapshot


def prompted(provider: Provider) -> Snapshot:
    """A route whose prompt declares no variable."""
    use = {"name": "p", "assignBy": [], "unkeyed": "PerRequest", "allowOverride": True}
    template = {
        "format": "Simple",
        "messages": [],
        "callerSystem": "Append",
        "parameters": {},
        "parametersPolicy": "Override",
    }
    version = {"digest": "sha256:0", "goal": 10_000, "share": 10_000, "prompt": template}
    prompt = {
        "salt": "tests/p",
        "stable": "p-v1",
        "versions": {"p-v1": version},
        "ranges": [[0, 9_999, "p-v1"]],
    }
    return compiled({"support": route(provider, prompt=use)}, prompts={"p": prompt})


def asking(model: str, *names: str) -> bytes:
    variables = dict.fromkeys(names, "x")
    messages = [{"role": "user", "content": "Hi"}]
    prompt = {"id": "p", "variables": variables}
    return json.dumps({"model": model, "messages": messages, "prompt": prompt}).encode()


async def test_no_name_can_write_a_header_of_its_own(start: Start, provider: Provider) -> None:
    stage = await start(served=prompted(provider))

    body = asking("m\r\nx: y", "a", "b\r\nSet-Cookie: c=d", "é\U0001f600", "\x00")
    answer = await stage.ask("POST", "/v1/chat/completions", body)

    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["x-outrider-model"] == "m%0D%0Ax%3A%20y"
    assert answer.headers["x-outrider-dropped"] == (
        "a,b%0D%0ASet-Cookie%3A%20c%3Dd,%C3%A9%F0%9F%98%80,%00"
    )


async def test_long_names_and_many_are_cut_so_that_clients_can_read_the_head(
    start: Start, provider: Provider
) -> None:
    stage = await start(served=prompted(provider))

    body = asking("m" * 100_000, *(str(number) + "n" * 9_999 for number in range(1_000)))
    answer = await stage.ask("POST", "/v1/chat/completions", body)

    assert answer.status == 200
    assert answer.headers["x-outrider-model"] == "m" * 256
    shown = answer.headers["x-outrider-dropped"].split(",")
    assert len(shown) == 21
    assert shown[0] == "0" + "n" * 255
    assert shown[-1] == "..."
