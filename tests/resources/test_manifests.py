"""Manifests from files, directories and standard input."""

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outrider_operator.resources.manifests import MAX_BYTES, ManifestProblem, read
from outrider_operator.resources.resource import Resource

VERSION = "apiVersion: outrider.dev/v1alpha1\n"


def prompt(name: str, extra: str = "") -> str:
    return (
        f"{VERSION}kind: PromptVersion\nmetadata:\n  name: {name}\n{extra}"
        "spec:\n  promptName: answer\n  prompt: {}\n"
    )


def piped(text: str | bytes) -> tuple[list[Resource], list[ManifestProblem]]:
    return read(["-"], BytesIO(text.encode() if isinstance(text, str) else text))


def names(resources: list[Resource]) -> list[str]:
    return [f"{resource.namespace}/{resource.name}" for resource in resources]


def message(text: str) -> str:
    resources, problems = piped(text)
    assert resources == []
    [problem] = problems
    return str(problem)


def test_a_manifest_is_read_with_what_stands_around_its_spec() -> None:
    extra = "  namespace: shop\n  labels: {team: support, tier: }\n  generation: 3\n"

    [resource], problems = piped(prompt("v8", extra))

    assert problems == []
    assert (resource.kind, resource.namespace, resource.name) == ("PromptVersion", "shop", "v8")
    assert resource.generation == 3
    assert resource.spec == {"promptName": "answer", "prompt": {}}


def test_a_manifest_without_a_namespace_is_in_default() -> None:
    resources, _ = piped(prompt("v8"))

    assert names(resources) == ["default/v8"]


def test_every_path_of_a_manifest_has_a_place() -> None:
    [_, resource], _ = piped(prompt("v7") + "---\n" + prompt("v8"))

    assert resource.source is not None
    assert resource.source.line == 9
    assert resource.source.where("spec.promptName") == "stdin:14:3"
    assert resource.source.where("spec.prompt.messages[0].content") == "stdin:15:3"
    assert resource.source.where("metadata.labels.team") == "stdin:11:1"
    assert resource.source.where("") == "stdin:9:1"


def test_a_list_gives_its_items_with_their_own_places() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n"
        f"- {VERSION.strip()}\n  kind: PromptVersion\n  metadata: {{name: a}}\n"
        "  spec: {promptName: p, prompt: {}}\n"
        "- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: b}\n"
        f"- {VERSION.strip()}\n  kind: PromptVersionList\n  items:\n"
        f"  - {VERSION.strip()}\n    kind: PromptVersion\n    metadata: {{name: c}}\n"
        "    spec: {promptName: p, prompt: {}}\n"
    )

    resources, problems = piped(text)

    assert problems == []
    assert names(resources) == ["default/a", "default/c"]
    places = [one.source.where("spec.promptName") for one in resources if one.source]
    assert places == ["stdin:7:10", "stdin:17:12"]


def test_other_kinds_are_passed_over() -> None:
    text = "apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: x, any: [1]}\n---\n"

    resources, problems = piped(text + prompt("v8"))

    assert names(resources) == ["default/v8"]
    assert problems == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\n", "stdin:1:1: no manifest: it needs apiVersion, kind and metadata"),
        ("- a\n", "stdin:1:1: no manifest"),
        ("just text\n", "stdin:1:1: no manifest"),
        ("kind: LLMRoute\n", "stdin:1:1: LLMRoute has no apiVersion: write apiVersion: outrider"),
        (f"{VERSION}kind: Gateway\n", "stdin:2:1: there is no kind Gateway: outrider.dev has LLM"),
        (f"{VERSION}kind: LlmRoute\n", "did you mean LLMRoute?"),
        (f"{VERSION}kind: PromptVersoin\n", "did you mean PromptVersion?"),
        (
            "apiVersion: outrider.dev/v1\nkind: LLMRoute\n",
            "stdin:1:1: there is no outrider.dev/v1: write outrider.dev/v1alpha1",
        ),
        (
            "apiVersion: outrider.io/v1alpha1\nkind: LLMRoute\n",
            "stdin:1:1: LLMRoute is of outrider.dev/v1alpha1, not of outrider.io/v1alpha1",
        ),
        (f"{VERSION}kind: LLMRoute\nspec: {{}}\n", "stdin:1:1: LLMRoute has no metadata"),
        (
            f"{VERSION}kind: LLMRoute\nmetadata:\n  namespace: shop\nspec: {{}}\n",
            "stdin:3:1: LLMRoute has no name: write metadata: {name: ...}",
        ),
        (
            f"{VERSION}kind: LLMRoute\nmetadata:\n  name: 5\nspec: {{}}\n",
            "stdin:4:3: LLMRoute has no name",
        ),
        (f"{VERSION}kind: LLMRoute\nmetadata: {{name: a}}\n", "stdin:1:1: LLMRoute a has no spec"),
        (
            prompt("a", "  namespace: Shop\n"),
            'stdin:5:3: metadata.namespace is "Shop": write lower',
        ),
        (prompt("a", "  namespace: 5\n"), "stdin:5:3: metadata.namespace must be text: quote it"),
        (prompt("a", "specs: {}\n"), "stdin:5:1: unknown field specs: did you mean spec?"),
        (prompt("a", "replicas: 1\n"), "stdin:5:1: unknown field replicas: remove it"),
    ],
)
def test_what_is_no_manifest_is_named_with_its_place(text: str, words: str) -> None:
    assert words in message(text)


def test_what_is_wrong_in_one_document_hides_no_other() -> None:
    resources, problems = piped(f"{VERSION}kind: Route\n---\n" + prompt("v8"))

    assert names(resources) == ["default/v8"]
    assert len(problems) == 1


def test_text_that_is_no_yaml_is_a_problem_with_file_line_and_column(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("kind: LLMRoute\nspec:\n  models: [a\n  rules: []\n")
    good = tmp_path / "good.yaml"
    good.write_text(prompt("v8"))

    resources, [problem] = read([broken, good])

    assert names(resources) == ["default/v8"]
    assert str(problem).startswith(f"{broken}:4:8: not YAML")


def test_the_same_kind_and_name_twice_names_both_places(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text(prompt("v7") + "---\n" + prompt("v8"))
    second.write_text(prompt("v8", "  namespace: default\n"))

    resources, [problem] = read([first, second])

    assert names(resources) == ["default/v7", "default/v8"]
    assert str(problem) == (
        f"{second}:4:3: PromptVersion default/v8 stands in {first}:12:3 too: remove or rename one"
    )


def test_the_same_name_in_two_namespaces_or_kinds_is_no_conflict() -> None:
    route = f"{VERSION}kind: LLMRoute\nmetadata: {{name: v8}}\nspec: {{}}\n"

    resources, problems = piped(
        "---\n".join([prompt("v8"), prompt("v8", "  namespace: shop\n"), route])
    )

    assert problems == []
    assert len(resources) == 3


def test_a_directory_gives_its_files_by_name_and_none_of_its_directories(tmp_path: Path) -> None:
    for name in ("c.yml", "a.yaml", "b.json", "notes.txt", "d.yaml.bak"):
        (tmp_path / name).write_text(prompt(name[0]))
    below = tmp_path / "below"
    below.mkdir()
    (below / "e.yaml").write_text(prompt("e"))
    (tmp_path / "directory.yaml").mkdir()

    resources, problems = read([tmp_path])

    assert problems == []
    assert names(resources) == ["default/a", "default/b", "default/c"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(prompt("a"))
    (tmp_path / "b.yaml").symlink_to(file)

    resources, problems = read([file, tmp_path, f"{tmp_path}/../{tmp_path.name}/a.yaml"])

    assert problems == []
    assert names(resources) == ["default/a"]


@pytest.mark.parametrize("name", ["missing.yaml", "empty"])
def test_a_path_without_manifests_is_a_problem(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    resources, [problem] = read([tmp_path / name])

    assert resources == []
    assert str(problem) in (
        f"{tmp_path}/missing.yaml: cannot be read: No such file or directory",
        f"{tmp_path}/empty: no .yaml, .yml, .json file in this directory",
    )


def test_a_file_beyond_bounds_is_refused_before_it_is_understood() -> None:
    assert "larger than 16 MiB: split the file" in message("a" * (MAX_BYTES + 1))


def test_a_byte_order_mark_is_no_character() -> None:
    resources, _ = piped(b"\xef\xbb\xbf" + prompt("v8").encode())

    assert names(resources) == ["default/v8"]


@pytest.mark.parametrize("data", [b"a: 1\nb: \xff\n", "a: ä\nb: ö\n".encode("latin-1")])
def test_bytes_that_are_no_utf_8_are_a_problem_with_their_line(data: bytes) -> None:
    resources, [problem] = piped(data)

    assert resources == []
    assert "not UTF-8: save the file as UTF-8" in str(problem)
    assert problem.line == (2 if data[0:4] == b"a: 1" else 1)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: (VERSION + text).encode()))
def test_whatever_is_piped_in_reading_ends_well(data: bytes) -> None:
    """Law: resources and problems come back, and nothing is raised."""
    resources, problems = piped(data)

    assert all(resource.source for resource in resources)
    assert all(problem.message for problem in problems)
