import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from outrider_operator import __version__
from outrider_operator.cli.main import main

COMMANDS = ("dev", "lint", "render", "explain", "check", "controller", "sidecar")


def test_help_lists_the_commands_that_work_and_no_others() -> None:
    text = CliRunner().invoke(main, ["--help"]).output
    listed = text.partition("Commands:\n")[2].splitlines()
    assert tuple(line.split()[0] for line in listed if line.strip()) == COMMANDS
    assert not [line for line in listed if line.endswith("...")]


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_each_command_explains_itself(command: str) -> None:
    done = CliRunner().invoke(main, [command, "--help"])
    assert done.exit_code == 0
    assert done.output.startswith(f"Usage: main {command}")


def test_the_sidecar_explains_itself() -> None:
    outrider = Path(sys.executable).parent / "outrider"
    done = subprocess.run([outrider, "sidecar", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "OUTRIDER_CONFIG_DIR" in done.stdout


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(main, ["--version"]).output == f"outrider, version {__version__}\n"


def test_an_unknown_command_is_wrong_use() -> None:
    assert CliRunner().invoke(main, ["deploy"]).exit_code == 2


@pytest.mark.parametrize("command", ["dev", "lint", "render", "explain", "check"])
def test_local_commands_never_import_kubernetes(command: str) -> None:
    program = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from outrider_operator.cli.main import main\n"
        f"CliRunner().invoke(main, [{command!r}, '--help'])\n"
        "sys.exit(bool({'kopf', 'kubernetes'} & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        ("dev", "uvloop", "sidecar"),
        ("explain", "multidict", "sidecar"),
        ("check", "yarl", "sidecar"),
        ("sidecar", "uvloop", "sidecar"),
        ("controller", "kopf", "operator"),
    ],
)
def test_a_missing_extra_is_named_with_how_to_install_it(
    command: str, package: str, extra: str, tmp_path: Path
) -> None:
    program = (
        "import sys\n"
        f"sys.modules[{package!r}] = None\n"
        "from outrider_operator.cli.main import main\n"
        f"main([{command!r}])\n"
    )
    if command == "explain":
        program = program.replace("'explain'", "'explain', '-f', '.', '--model', 'm'")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 2
    assert f"outrider {command} needs the package {package}" in done.stderr
    assert f"pip install 'outrider[{extra}]', or in a clone pip install '.[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
