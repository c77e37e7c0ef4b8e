"""The three kinds as people meet them with kubectl, and what the API server says of their CRDs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube.apiserver import CRDS, KINDS, ApiServer
from manifests.constraints import fields
from manifests.full import SPECS
from outrider_operator.resources import kinds as names
from outrider_operator.resources.kinds import LLM_ROUTE, PROMPT_VERSION, RATE_LIMIT_POLICY

PLACE = "{header, body}"
# The fields of this part: what is not named here must not be in a CRD, because nothing reads it.
FIELDS = {
    LLM_ROUTE: f"""
        models[]
        identity {{user[] {PLACE}, tenant[] {PLACE}, feature[] {PLACE}, session[] {PLACE},
                   address[] {PLACE}}}
        prompt {{name, assignBy[], unkeyed, allowOverride}}
        backends[] {{name, provider, model, baseURL, secretKeyRef {{name, key}}, callerCredentials,
                     locality, timeouts {{connect, firstToken, idle, request}}, defaultMaxTokens,
                     simulated {{timeToFirstToken, tokensPerSecond, outputTokens, errorRatio,
                                 errorClass}}}}
        rules[] {{name,
                  matches[] {{headers[] {{name, value}}, complexity {{min, max}}, tools, minWords,
                              maxWords, minInputTokens, maxInputTokens}},
                  backendRefs[] {{name, weight, priority}}}}
    """,
    PROMPT_VERSION: """
        promptName
        weight
        prompt {description, format, messages[] {role, content, placeholder},
                variables[] {name, default, maxLength, fence}, callerSystem, model,
                parameters {temperature, topP, maxTokens, stop[]}, parametersPolicy,
                tools[] {name, description, parameters}}
    """,
    RATE_LIMIT_POLICY: """
        targetRefs[] {group, kind, name}
        subject
        tierFrom {header}
        defaultTier
        tiers[] {name, requests {limit, window, burst}, concurrent}
        overrides[] {subject, tier, until}
        unknownSubject
        mode
    """,
}
STATUS = {
    LLM_ROUTE: {"observedGeneration", "snapshot", "prompt", "conditions"},
    PROMPT_VERSION: {"observedGeneration", "digest", "goal", "share", "conditions"},
    RATE_LIMIT_POLICY: {"observedGeneration", "targets", "conditions"},
}


def crds() -> dict[str, Any]:
    """The CRDs by kind."""
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CRDS.glob("*.yaml")]
    return {crd["spec"]["names"]["kind"]: crd for crd in found}


def everything(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from fields(kind)
    yield from fields(kind, "status")


def paths(outline: str) -> set[str]:
    """Every field that an outline names, as a path such as ``spec.rules[].name``."""
    found = {"spec"}
    around: list[str] = []
    path = "spec"
    for token in re.findall(r"[A-Za-z]+|\[\]|[{}]", outline):
        if token == "{":
            around.append(path)
        elif token == "}":
            around.pop()
        elif token == "[]":
            path += token
            found.add(path)
        else:
            path = f"{around[-1] if around else 'spec'}.{token}"
            found.add(path)
    return found


@pytest.mark.parametrize("kind", names.KINDS)
def test_the_fields_are_those_that_do_something_and_no_others(kind: str) -> None:
    assert {path for path, _ in fields(kind)} == paths(FIELDS[kind])


@pytest.mark.parametrize("kind", names.KINDS)
def test_status_has_the_fields_that_the_controller_writes(kind: str) -> None:
    status = dict(fields(kind, "status"))["status"]

    assert set(status["properties"]) == STATUS[kind]


@pytest.mark.parametrize("kind", names.KINDS)
def test_every_field_says_what_it_is_in_whole_sentences(kind: str) -> None:
    silent = [
        path
        for path, schema in everything(kind)
        if not re.fullmatch("(?s)[A-Z0-9].*[.]", schema.get("description", ""))
        and not (path.endswith("[]") and schema["type"] == "string")
    ]

    assert silent == []


@pytest.mark.parametrize("kind", names.KINDS)
def test_everything_is_bounded(kind: str) -> None:
    assert [path for path, schema in everything(kind) if not is_bounded(path, schema)] == []


def is_bounded(path: str, schema: dict[str, Any]) -> bool:
    match schema["type"]:
        case "array":
            return "maxItems" in schema and "x-kubernetes-list-type" in schema
        case "string":
            return bool({"maxLength", "enum", "format"} & schema.keys())
        case "integer" if path.startswith("spec"):
            return {"minimum", "maximum", "format"} <= schema.keys()
        case "integer":
            return "format" in schema
        case "object" if "x-kubernetes-preserve-unknown-fields" in schema:
            return path == "spec.prompt.tools[].parameters"
        case "object":
            return "properties" in schema and "additionalProperties" not in schema
    return bool(schema["type"] == "boolean")


@pytest.mark.parametrize("kind", names.KINDS)
def test_every_validation_rule_says_what_is_wrong_and_how_the_api_server_reports_it(
    kind: str,
) -> None:
    rules = [rule for _, each in fields(kind) for rule in each.get("x-kubernetes-validations", ())]

    assert rules
    for rule in rules:
        assert len(rule["message"]) > 20
        assert rule["reason"] in ("FieldValueInvalid", "FieldValueRequired", "FieldValueForbidden")


@pytest.mark.parametrize("kind", names.KINDS)
def test_a_name_fits_a_label(kind: str) -> None:
    schema = crds()[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    assert schema["properties"]["metadata"]["properties"]["name"]["maxLength"] == 63


def test_the_api_server_takes_the_crds_without_a_word(api_server: ApiServer) -> None:
    """No warning, no condition, no estimate of a rule's cost beyond the limit."""
    done = api_server.kubectl("apply", "--server-side", "--dry-run=server", "-f", str(CRDS))

    assert done.stderr == ""


@pytest.mark.parametrize("plural", KINDS)
def test_a_crd_is_established_and_sound(plural: str, api_server: ApiServer) -> None:
    crd = json.loads(
        api_server.kubectl("get", "crd", f"{plural}.outrider.dev", "-o", "json").stdout
    )
    conditions = {each["type"]: each["status"] for each in crd["status"]["conditions"]}

    assert conditions.pop("NamesAccepted") == "True"
    assert conditions.pop("Established") == "True"
    assert set(conditions.values()) <= {"False"}


@pytest.mark.parametrize("kind", names.KINDS)
def test_kubectl_explain_is_a_manual(kind: str, api_server: ApiServer) -> None:
    short = crds()[kind]["spec"]["names"]["shortNames"][0]

    outline = api_server.kubectl("explain", short, "--recursive").stdout
    whole = _unwrapped(api_server.kubectl("explain", f"{short}.spec").stdout)

    for path, _ in everything(kind):
        name = path.rpartition(".")[2].removesuffix("[]")
        assert re.search(rf"^ +{name}\t<", outline, re.MULTILINE), name
    for name, schema in dict(fields(kind))["spec"]["properties"].items():
        assert f"{name} " in whole.replace("\t", " ")
        assert _unwrapped(schema["description"]) in whole


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("llmr.spec.rules.matches.complexity", "from 1 to 5: the header x-outrider-complexity"),
        ("llmr.spec.backends.timeouts.firstToken", "Default: 30s."),
        ("prv.spec.weight", "leave it out of Git when people turn it with kubectl"),
        ("rlp.spec.tiers.requests.window", "a duration from 1s to 744h (31 days)"),
        ("llmr.status.prompt.ranges", "(sha256(salt + 0x1f + key)[:8] as a big-endian integer"),
    ],
)
def test_kubectl_explains_any_field(path: str, words: str, api_server: ApiServer) -> None:
    assert words in _unwrapped(api_server.kubectl("explain", path).stdout)


def test_kubectl_get_shows_what_people_ask_for_first(
    api_server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    for kind in names.KINDS:
        _apply(api_server, namespace, kind, tmp_path)
    ready = {
        "type": "Ready",
        "status": "False",
        "reason": "NotAccepted",
        "message": "write a weight",
        "lastTransitionTime": "2026-11-20T09:00:00Z",
    }
    _status(api_server, namespace, "llmr", prompt={"stable": "support-answer-v7"})
    _status(api_server, namespace, "prv", goal="20%", share="17.39%", conditions=[ready])

    assert _table(api_server, namespace, "llmr") == [
        ["NAME", "READY", "PROMPT", "STABLE", "AGE"],
        ["entry", "support-answer", "support-answer-v7"],
    ]
    assert _table(api_server, namespace, "prv", "-o", "wide") == [
        ["NAME", "PROMPT", "WEIGHT", "GOAL", "SHARE", "READY", "MESSAGE", "AGE"],
        ["entry", "support-answer", "20", "20%", "17.39%", "False", "write", "a", "weight"],
    ]
    assert _table(api_server, namespace, "rlp") == [
        ["NAME", "SUBJECT", "MODE", "READY", "AGE"],
        ["entry", "User", "Shadow"],
    ]
    everything_of_ours = api_server.kubectl("get", "outrider", "-n", namespace, "-o", "name").stdout
    assert len(everything_of_ours.split()) == len(names.KINDS)


def test_status_is_a_subresource(api_server: ApiServer, namespace: str, tmp_path: Path) -> None:
    """Whoever edits a spec cannot write status, and status raises no generation."""
    _apply(api_server, namespace, PROMPT_VERSION, tmp_path)
    patch = json.dumps({"status": {"share": "100%"}})

    api_server.kubectl("patch", "prv", "entry", "-n", namespace, "--type", "merge", "-p", patch)
    before = _object(api_server, namespace, "prv")
    _status(api_server, namespace, "prv", share="20%")
    after = _object(api_server, namespace, "prv")

    assert "status" not in before
    assert after["status"] == {"share": "20%"}
    assert after["metadata"]["generation"] == before["metadata"]["generation"] == 1


def test_the_api_server_fills_in_no_default_inside_a_list(
    api_server: ApiServer, namespace: str, tmp_path: Path
) -> None:
    """What is stored is what Git holds, or GitOps tools would see a difference for ever."""
    spec = {
        "backends": [{"name": "main", "provider": "Simulated"}],
        "rules": [{"name": "default", "backendRefs": [{"name": "main"}]}],
    }
    _apply(api_server, namespace, LLM_ROUTE, tmp_path, spec)

    stored = _object(api_server, namespace, "llmr")["spec"]

    assert stored["backends"] == spec["backends"]
    assert stored["rules"] == spec["rules"]
    assert stored["identity"]["tenant"] == [{"header": "x-outrider-tenant"}]


def _apply(server: ApiServer, namespace: str, kind: str, directory: Path, spec: Any = None) -> None:
    manifest = {
        "apiVersion": "outrider.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "entry"},
        "spec": spec or SPECS[kind],
    }
    file = directory / f"{kind}.json"
    file.write_text(json.dumps(manifest), encoding="utf-8")
    server.kubectl("apply", "-n", namespace, "-f", str(file))


def _status(server: ApiServer, namespace: str, short: str, **status: Any) -> None:
    patch = json.dumps({"status": status})
    server.kubectl(
        *("patch", short, "entry", "-n", namespace, "--subresource", "status"),
        *("--type", "merge", "-p", patch),
    )


def _object(server: ApiServer, namespace: str, short: str) -> dict[str, Any]:
    printed = server.kubectl("get", short, "entry", "-n", namespace, "-o", "json").stdout
    found: dict[str, Any] = json.loads(printed)
    return found


def _table(server: ApiServer, namespace: str, *args: str) -> list[list[str]]:
    """The words of a table, the row without its age."""
    header, row = server.kubectl("get", "-n", namespace, *args).stdout.splitlines()
    return [header.split(), row.split()[:-1]]


def _unwrapped(text: str) -> str:
    return " ".join(text.split())
