import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from outrider_sidecar import main
from outrider_sidecar.config.settings import Settings, from_environment

PAGE = (Path(__file__).parents[2] / "docs" / "sidecar.md").read_text()


@pytest.fixture
def pod() -> Any:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    return yaml.safe_load(block)["spec"]


def test_the_environment_of_the_pod_is_one_that_the_sidecar_takes(pod: Any) -> None:
    (sidecar,) = pod["initContainers"]
    settings = from_environment({entry["name"]: entry["value"] for entry in sidecar["env"]})
    mounts = {mount["mountPath"]: mount for mount in sidecar["volumeMounts"]}
    assert str(settings.config_dir) in mounts
    assert str(settings.state_dir) in mounts
    assert f"{settings.credentials_dir}/outrider-credentials" in mounts
    assert not any("subPath" in mount for mount in mounts.values())
    assert {mount["name"] for mount in mounts.values()} == {one["name"] for one in pod["volumes"]}


def test_the_application_is_pointed_at_the_sidecars_port(pod: Any) -> None:
    variables = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    base = f"http://127.0.0.1:{Settings().port}"
    assert variables["OPENAI_BASE_URL"] == base + "/v1"
    assert variables["ANTHROPIC_BASE_URL"] == base
    probe = pod["initContainers"][0]["startupProbe"]["httpGet"]
    assert probe == {"path": "/readyz", "port": Settings().admin_port}


def test_the_page_has_every_variable_that_help_lists_and_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main.main(["--help"])
    listed = re.findall(r"^  (OUTRIDER_\w+)", capsys.readouterr().out, re.MULTILINE)
    rows = re.findall(r"^\| `(OUTRIDER_\w+)` \|", PAGE, re.MULTILINE)
    assert rows == listed
