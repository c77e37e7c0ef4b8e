"""What the suite needs beside Python: Node.js with the TypeScript SDKs, a kube-apiserver.

``python -m tests.environment`` fetches or builds what is missing, tells on stderr what it does,
and prints a pytest marker expression that leaves out what could not be had (nothing: an empty
line). Where ``CI`` is set nothing may be left out: it exits 1 instead.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CACHE = ROOT / ".cache"
TYPESCRIPT = ROOT / "tests" / "typescript"


class Missing(Exception):
    """Something that cannot be had here, and what to install."""


def say(message: str) -> None:
    """One line of progress for the person who waits."""
    print(message, file=sys.stderr, flush=True)


def run(*command: str | Path, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> None:
    """Run a command with its output on stderr; raises Missing with its last words."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=dict(env) if env else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Missing(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}")


def path_with_tools() -> str:
    """PATH with the environment's own programs behind the system's."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), str(BIN)])


def tool(name: str) -> str:
    """A program of the system, else of the environment's own packages, which are then installed."""
    found = shutil.which(name, path=path_with_tools())
    if found:
        return found
    say(f"{name} is not on this machine: taking it from PyPI")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r"]
    run(*pip, ROOT / "requirements" / "tools.txt")
    found = shutil.which(name, path=path_with_tools())
    if not found:
        raise Missing(f"{name}: install it with the system's package manager")
    return found


def typescript() -> None:
    """The official SDKs for TypeScript, from the lock file."""
    stamp = CACHE / "typescript"
    wanted = hashlib.sha256((TYPESCRIPT / "package-lock.json").read_bytes()).hexdigest()
    tool("node")
    if stamp.exists() and stamp.read_text() == wanted and (TYPESCRIPT / "node_modules").is_dir():
        return
    say("installing the TypeScript SDKs")
    npm = tool("npm")
    env = os.environ | {"PATH": path_with_tools()}
    run(npm, "ci", "--no-audit", "--no-fund", cwd=TYPESCRIPT, env=env)
    CACHE.mkdir(exist_ok=True)
    stamp.write_text(wanted)


def kubernetes() -> None:
    """kube-apiserver, etcd, kube-controller-manager and kubectl, built once and cached."""
    if os.environ.get("KUBEBUILDER_ASSETS"):
        return
    for name in ("bash", "openssl"):
        if not shutil.which(name):
            raise Missing(f"{name}: install it with the system's package manager")
    tool("go")
    say("kube-apiserver and etcd: built on first use, which takes minutes, then cached")
    env = os.environ | {"PATH": path_with_tools()}
    run(ROOT / "tests" / "cluster" / "build", "--control-plane-only", env=env)


def missing() -> Iterator[str]:
    """The marker of each part that cannot be had, after saying why."""
    for marker, prepare in (("node", typescript), ("kube", kubernetes)):
        try:
            prepare()
        except (Missing, OSError) as error:
            say(f"LEFT OUT: tests marked {marker!r}. {error}")
            yield marker


def main() -> int:
    """Prepare everything; print the marker expression for pytest."""
    left_out = list(missing())
    print(" and ".join(f"not {marker}" for marker in left_out))
    return 1 if left_out and os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
