"""What the pages say must be so: links lead somewhere, modules exist, manifests are accepted."""

import re
from pathlib import Path

import pytest

from outrider_operator.dev.workspace import load

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md"))
)
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
PACKAGES = (ROOT / "sidecar" / "outrider_sidecar", ROOT / "operator" / "outrider_operator")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    absent = [
        link for link in links if "://" not in link and not (page.parent / link).resolve().exists()
    ]
    assert absent == []


def test_the_manifests_of_the_readme_are_accepted_as_they_stand(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for number, block in enumerate(blocks):
        (tmp_path / f"{number}.yaml").write_text(block)
    read = load([tmp_path], {})
    assert [resource.kind for resource in read.resources] == [
        "LLMRoute",
        "PromptVersion",
        "PromptVersion",
    ]
    assert read.findings == ()


def test_the_example_is_accepted_as_it_stands() -> None:
    read = load([ROOT / "examples" / "support"], {})
    assert read.findings == ()
    assert list(read.compiled.snapshots["default"].routes) == ["support"]


def _modules(name: str) -> list[Path]:
    """Where a dotted name of the page may be: `dialects.body`, or `.body` behind one of its row."""
    parts = name.removeprefix("outrider_sidecar.").removeprefix("outrider_operator.").split(".")
    return [package.joinpath(*parts).with_suffix(".py") for package in PACKAGES]


def test_every_module_that_the_architecture_names_exists() -> None:
    rows = [line for line in ARCHITECTURE.splitlines() if re.match(r"\| \w+ \| `", line)]
    assert len(rows) > 20
    absent = []
    for row in rows:
        directory = ""
        for name in re.findall(r"`([a-z_.]+)`", row.split("|")[2]):
            whole = directory + name if name.startswith(".") else name
            directory = whole.rpartition(".")[0]
            if not any(path.exists() for path in _modules(whole)):
                absent.append(whole)
    assert absent == []


def test_every_package_has_its_place_in_the_architecture() -> None:
    packages = {
        path.parent.name for package in PACKAGES for path in package.glob("*/__init__.py")
    } - {"demo"}
    unnamed = [name for name in packages if not re.search(rf"`?\b{name}\b", ARCHITECTURE)]
    assert unnamed == []
