from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from outrider_operator.cli.main import main
from standins.manifests import ROUTE, prompts, support, write

KEYED = ROUTE.replace("provider: Simulated", "provider: OpenAI\n    secretKeyRef: {key: my-key}")
KEYED = "\n".join(line for line in KEYED.splitlines() if "simulated:" not in line) + "\n"
VARIABLES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "LLM_PROVIDER", "MY_KEY_API_KEY")


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's keys and nobody's .env."""
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def check(*words: str) -> Result:
    return CliRunner().invoke(main, ["check", *words])


def test_everything_there_is_said_and_exits_0(tmp_path: Path) -> None:
    support(tmp_path)
    done = check("-f", ".")
    assert (done.exit_code, done.output) == (0, "1 route: references and keys are there\n")


def test_a_missing_key_is_named_with_its_reason_and_its_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, route=KEYED, prompts=prompts(v7=100))
    done = check("-f", ".")
    assert done.exit_code == 2
    assert done.stderr == (
        "namespace default: backend support/main needs the key 'my-key' and there is none: "
        "set MY_KEY_API_KEY in the environment or in .env\n"
    )
    monkeypatch.setenv("MY_KEY_API_KEY", "hush")
    again = check("-f", ".")
    assert again.exit_code == 0
    assert "hush" not in again.output


def test_keys_in_a_directory_count(tmp_path: Path) -> None:
    write(tmp_path, route=KEYED, prompts=prompts(v7=100))
    keys = tmp_path / "keys"
    (keys / "outrider-credentials").mkdir(parents=True)
    done = check("-f", ".", "--credentials", "keys")
    assert done.exit_code == 2
    assert "add the file outrider-credentials/my-key in keys" in done.stderr
    (keys / "outrider-credentials" / "my-key").write_text("hush\n")
    assert check("-f", ".", "--credentials", "keys").exit_code == 0


def test_a_reference_to_nothing_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, route=ROUTE)
    done = check("-f", ".")
    assert done.exit_code == 2
    assert "no PromptVersion in namespace default has promptName answer" in done.stderr


def test_without_files_the_environment_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "answers are simulated" in check().stdout
    monkeypatch.setenv("LLM_PROVIDER", "openai")
    done = check()
    assert done.exit_code == 2
    assert "LLM_PROVIDER='openai': set OPENAI_API_KEY too" in done.stderr


def test_a_host_that_a_key_may_not_go_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = KEYED.replace(
        "provider: OpenAI", "provider: OpenAI\n    baseURL: https://gate.example/v1"
    )
    write(tmp_path, route=elsewhere, prompts=prompts(v7=100))
    monkeypatch.setenv("MY_KEY_API_KEY", "hush")
    done = check("-f", ".")
    assert done.exit_code == 2
    assert done.stderr == (
        "namespace default: backend support/main may not send the key 'my-key' to gate.example: "
        "set MY_KEY_API_KEY_HOSTS=gate.example in the environment or in .env\n"
    )
    monkeypatch.setenv("MY_KEY_API_KEY_HOSTS", "gate.example")
    assert check("-f", ".").exit_code == 0


def test_an_unreadable_env_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    done = check()
    assert done.exit_code == 2
    assert ".env cannot be read" in done.stderr
