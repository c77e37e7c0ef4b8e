"""What local mode warns of when a file is saved."""

from pathlib import Path

from outrider_operator.dev.local import Local
from outrider_sidecar.config.current import Current
from standins.manifests import prompts, support, write


def test_a_new_version_saved_straight_to_everything_is_warned_of_once(tmp_path: Path) -> None:
    said: list[str] = []
    local = Local(Current(), None, said.append)

    def save(**files: str) -> list[str]:
        said.clear()
        write(tmp_path, **files)
        local.publish(local.read([tmp_path]), 0.0)
        return [line for line in said if ": warning: " in line]

    support(tmp_path)
    assert ["spec.backends" in line for line in save()] == [True]
    (warning,) = save(prompts=prompts(v7=0, v8=0, v9=100))
    assert f"{tmp_path / 'prompts.yaml'}:28:3: warning: PromptVersion default/v9" in warning
    assert "v9 goes from 0% to 100% in one step" in warning
    assert len(said) == 2
    assert save() == []
