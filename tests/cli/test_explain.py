import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from outrider_operator.cli.main import main
from outrider_sidecar.prompts.split import bucket_of
from standins.manifests import support, write


def explain(directory: Path, *words: str, body: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["explain", "-f", str(directory), *words], input=body)


def told(directory: Path, *words: str, body: bytes | None = None) -> dict[str, Any]:
    done = explain(directory, *words, "-o", "json", body=body)
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.output)
    return answer


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return support(tmp_path)


def test_the_path_of_a_request_is_told_in_full(files: Path) -> None:
    found = told(files, "--model", "gpt-5-mini", "--user", "ann")
    bucket = bucket_of("default/answer", "ann")
    assert found == {
        "namespace": "default",
        "route": "support",
        "rule": "default",
        "why": "the rule has no matches, so it takes every request",
        "words": 1,
        "inputTokens": found["inputTokens"],
        "complexity": 1,
        "identity": {"user": "ann"},
        "prompt": {
            "name": "answer",
            "version": "v8" if bucket < 500 else "v7",
            "key": "User",
            "bucket": bucket,
            "reason": "Key",
        },
        "limits": [
            {
                "policy": "per-user",
                "subject": "User",
                "known": True,
                "tier": "free",
                "mode": "Enforce",
            }
        ],
        "backends": [{"name": "main", "model": "simulated-1", "skipped": None}],
        "dropped": [],
        "flags": [],
    }
    assert found["inputTokens"] > 0


def test_in_words_it_has_a_line_for_each_decision(files: Path) -> None:
    lines = explain(files, "--model", "gpt-5-mini", "--user", "ann").output.splitlines()
    assert [line.split()[0] for line in lines] == [
        "route",
        "identity",
        "prompt",
        "request",
        "rule",
        "limit",
        "backend",
    ]


def test_headers_and_bodies_count(files: Path) -> None:
    body = json.dumps(
        {"model": "x", "messages": [{"role": "user", "content": "one two three"}]}
    ).encode()
    found = told(
        files,
        "--model",
        "gpt-5-mini",
        "--header",
        "x-outrider-tier=pro",
        "--header",
        "x-outrider-session=s1",
        "--body",
        "-",
        body=body,
    )
    assert found["words"] == 3
    assert found["identity"] == {"session": "s1"}
    assert found["limits"][0]["tier"] == "pro"
    assert found["limits"][0]["known"] is False


def test_messages_are_explained_too(files: Path) -> None:
    found = told(files, "--model", "claude-haiku-4-5", "--dialect", "messages")
    assert found["backends"][0]["name"] == "main"


def test_a_refusal_is_told_with_status_code_and_message(files: Path) -> None:
    done = explain(files, "--model", "nope")
    assert done.exit_code == 1
    assert done.output.startswith("refused: 404 caller_model_unknown: ")
    assert "gpt-5-mini" in done.output
    machine = explain(files, "--model", "nope", "-o", "json")
    assert machine.exit_code == 1
    assert json.loads(machine.output)["code"] == "caller_model_unknown"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--header", "x"], "write NAME=VALUE"),
        (["-n", "nowhere"], "nothing is in namespace 'nowhere'"),
    ],
)
def test_wrong_use_says_what_to_write(files: Path, words: list[str], says: str) -> None:
    done = explain(files, "--model", "gpt-5-mini", *words)
    assert done.exit_code == 2
    assert says in done.output


def test_a_body_that_is_no_json_is_a_refusal(files: Path) -> None:
    done = explain(files, "--model", "gpt-5-mini", "--body", "-", body=b"{nope")
    assert done.exit_code == 1
    assert "caller_json" in done.output


def test_problems_are_printed_and_the_good_ones_explained(files: Path) -> None:
    write(files, broken="apiVersion: outrider.dev/v1alpha1\nkind: LLMRoute\nmetadata: {name: b}\n")
    done = explain(files, "--model", "gpt-5-mini")
    assert done.exit_code == 0
    assert "broken.yaml" in done.stderr
    assert "route      default/support" in done.stdout


def test_what_a_policy_never_admits_is_refused_here_too(files: Path) -> None:
    limit = (files / "limit.yaml").read_text()
    write(files, limit=limit.replace("limit: 3,", "limit: 0,"))
    done = explain(files, "--model", "gpt-5-mini", "--user", "ann")
    assert done.exit_code == 1
    assert done.output.startswith("refused: 429 policy_rate_requests: policy per-user")
    write(files, limit=limit + "  unknownSubject: Deny\n")
    assert "policy_subject_unknown" in explain(files, "--model", "gpt-5-mini").output
    assert explain(files, "--model", "gpt-5-mini", "--user", "ann").exit_code == 0


def test_with_credentials_a_backend_without_its_key_is_skipped(files: Path) -> None:
    route = (files / "route.yaml").read_text()
    keyed = "  - {name: real, provider: OpenAI, model: gpt-5.4, secretKeyRef: {key: my-key}}\n"
    refs = "[{name: real}, {name: main, priority: 1}]"
    write(
        files, route=route.replace("  rules:", keyed + "  rules:").replace("[{name: main}]", refs)
    )
    assert told(files, "--model", "gpt-5-mini")["backends"][0]["skipped"] is None
    keys = files / "keys"
    keys.mkdir()
    found = told(files, "--model", "gpt-5-mini", "--credentials", str(keys))
    assert found["backends"][0] == {"name": "real", "model": "gpt-5.4", "skipped": "credential"}
