import json
import re
from pathlib import Path

import pytest

from outrider_operator.dev.workspace import Workspace, load
from outrider_sidecar.dialects.errors import body_of
from outrider_sidecar.limits.subjects import BOUND
from outrider_sidecar.snapshot import Tier
from standins.policies import Stage, policy, rate
from standins.records import REQUEST_ID

PAGE = (Path(__file__).parents[2] / "docs" / "limits.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for number, block in enumerate(blocks("yaml")):
        (tmp_path / f"{number}.yaml").write_text(block)
    return load([tmp_path], {})


def test_every_manifest_of_the_page_passes_lint(workspace: Workspace) -> None:
    assert [str(finding) for finding in workspace.problems] == []
    kinds = [resource.kind for resource in workspace.resources]
    assert sorted(kinds) == ["LLMRoute", *["RateLimitPolicy"] * 3]


def test_header_and_refusal_are_those_of_the_first_manifest(workspace: Workspace) -> None:
    limits = workspace.compiled.snapshots["shop"].limits
    stage = Stage(*(limit for limit in limits if limit.name == "per-user"))
    headers = []
    for _ in range(10):
        admission = stage.ask()
        headers.append(f"x-outrider-limit: {admission.header}\n")
        admission.release()
    assert headers[6] in PAGE
    (shown,) = blocks("json")
    assert json.loads(shown) == json.loads(body_of(stage.refused(), "openai", REQUEST_ID))


@pytest.mark.parametrize(
    ("burst", "worst"), [(10, 20), (1, 11)], ids=["as many as the limit", "one"]
)
def test_the_worst_minute_is_what_the_page_says(burst: int, worst: int) -> None:
    stage = Stage(policy(tiers={"free": Tier(requests=rate(10, 60, burst))}))
    admitted = stage.admitted(100)
    for _ in range(60):
        stage.wait(1)
        admitted += stage.admitted(100)
    assert admitted == worst
    assert f"it is {worst}" in PAGE or f"that is {worst}" in PAGE


def test_the_bound_of_subjects_is_the_one_told() -> None:
    assert f"{BOUND:,} subjects" in PAGE
