"""A directory of snapshots, changed as the kubelet and as people change it."""

import gzip
from itertools import count
from pathlib import Path
from typing import Any

from outrider_sidecar.snapshot import Snapshot, encode, seal
from standins.tables import backend, route


def published(generation: int, model: str = "m", **fields: Any) -> Snapshot:
    """A sealed snapshot of one route; another `model`, another digest."""
    routes = {"support": route({"main": backend(model=model)})}
    defaults: dict[str, Any] = {"namespace": "shop", "routes": routes, "prompts": {}}
    return seal(Snapshot(generation=generation, **(defaults | fields)))


class Mount:
    """A ConfigMap's volume: files are links through `..data`, which is swapped as one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._turns = count()
        self._old: Path | None = None
        directory.mkdir(parents=True, exist_ok=True)

    def swap(self, **files: bytes) -> None:
        """Replace all files at once, in the kubelet's order; `json` and `gz` name them."""
        names = {"json": "snapshot.json", "gz": "snapshot.json.gz"}
        data = self.directory / f"..2026_11_20_{next(self._turns)}"
        data.mkdir()
        for key, content in files.items():
            (data / names[key]).write_bytes(content)
        step = self.directory / "..data_tmp"
        step.symlink_to(data.name)
        step.replace(self.directory / "..data")
        for key, name in names.items():
            link = self.directory / name
            if key in files and not link.is_symlink():
                link.symlink_to(Path("..data") / name)
            elif key not in files and link.is_symlink():
                link.unlink()
        if self._old is not None:
            for file in self._old.iterdir():
                file.unlink()
            self._old.rmdir()
        self._old = data

    def publish(self, snapshot: Snapshot) -> None:
        """Swap in a snapshot, plain."""
        self.swap(json=encode(snapshot))

    def publish_zipped(self, snapshot: Snapshot) -> None:
        """Swap in a snapshot, compressed."""
        self.swap(gz=gzip.compress(encode(snapshot)))

    def move(self, to: Path) -> None:
        """Take the directory away from its place."""
        self.directory.rename(to)
