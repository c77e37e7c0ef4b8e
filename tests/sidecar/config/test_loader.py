import asyncio
import gzip
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from outrider_sidecar.config import files
from outrider_sidecar.config.current import Current
from outrider_sidecar.config.loader import Loader
from outrider_sidecar.snapshot import decode, digest_of, encode
from standins.mounts import Mount, published
from standins.tables import backend, route

PATIENCE = 10.0


class Watched(Current):
    """A current whose changes a test can wait for."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()
        self.seen: list[int] = []
        self.listeners.append(self._hear)

    @property
    def generation(self) -> int:
        return self.table.generation if self.table else 0

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def _hear(self, _: Current) -> None:
        self.seen.append(self.generation)
        self._changed.set()


@asynccontextmanager
async def following(loader: Loader) -> AsyncIterator[None]:
    task = asyncio.create_task(loader.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()


async def started(directory: Path, state: Path | None = None) -> tuple[Loader, Watched]:
    current = Watched()
    loader = Loader(directory, state, current, period=0.05)
    await loader.start()
    return loader, current


async def test_a_mounted_snapshot_runs_from_the_start(tmp_path: Path) -> None:
    Mount(tmp_path).publish(published(5))
    _, current = await started(tmp_path)
    assert (current.generation, current.source) == (5, "mount")


async def test_a_compressed_one_too(tmp_path: Path) -> None:
    Mount(tmp_path).publish_zipped(published(5))
    _, current = await started(tmp_path)
    assert current.generation == 5


async def test_a_directory_with_one_plain_file_is_enough(tmp_path: Path) -> None:
    (tmp_path / "snapshot.json").write_bytes(encode(published(5)))
    loader, current = await started(tmp_path)
    async with following(loader):
        (tmp_path / "next").write_bytes(encode(published(6)))
        (tmp_path / "next").rename(tmp_path / "snapshot.json")
        await current.until(lambda: current.generation == 6)


async def test_a_hundred_swaps_in_a_row_are_each_seen(tmp_path: Path) -> None:
    mount = Mount(tmp_path)
    loader, current = await started(tmp_path)
    async with following(loader):
        for generation in range(1, 101):
            mount.publish(published(generation, f"m{generation}"))
            await current.until(lambda wanted=generation: current.generation == wanted)
    assert current.seen == list(range(1, 101))


async def test_of_swaps_faster_than_reads_the_last_one_runs(tmp_path: Path) -> None:
    mount = Mount(tmp_path)
    loader, current = await started(tmp_path)
    async with following(loader):
        for generation in range(1, 101):
            mount.publish(published(generation))
            await asyncio.sleep(0)
        await current.until(lambda: current.generation == 100)
    assert current.seen == sorted(set(current.seen))


async def test_from_plain_to_compressed_and_back(tmp_path: Path) -> None:
    mount = Mount(tmp_path)
    mount.publish(published(1))
    loader, current = await started(tmp_path)
    async with following(loader):
        mount.publish_zipped(published(2))
        await current.until(lambda: current.generation == 2)
        mount.publish(published(3))
        await current.until(lambda: current.generation == 3)


async def test_the_look_each_period_sees_what_the_watch_does_not(tmp_path: Path) -> None:
    late = tmp_path / "not" / "yet"
    loader, current = await started(late)
    async with following(loader):
        mount = Mount(late)
        mount.publish(published(5))
        await current.until(lambda: current.generation == 5)
        mount.move(tmp_path / "moved")
        Mount(late).publish(published(6))
        await current.until(lambda: current.generation == 6)


async def test_an_empty_or_missing_directory_is_no_news(tmp_path: Path) -> None:
    mount = Mount(tmp_path / "mount")
    mount.publish(published(5))
    loader, current = await started(mount.directory)
    mount.swap()
    await loader.look()
    mount.move(tmp_path / "gone")
    await loader.look()
    assert (current.generation, current.rejected) == (5, None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        encode(published(6))[:-40],
        encode(published(6)).replace(b'"m"', b'"n"'),
        encode(published(6, schema=2)),
        encode(published(6, namespace="bank")),
    ],
    ids=["empty", "cut", "list", "binary", "deep", "torn", "digest", "schema", "namespace"],
)
async def test_a_bad_snapshot_is_told_once_and_the_last_good_one_stays(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    mount = Mount(tmp_path)
    mount.publish(published(5))
    loader, current = await started(tmp_path)
    for _ in range(3):
        mount.swap(json=content)
        await loader.look()
    assert current.generation == 5
    assert current.rejected is not None
    assert len(caplog.records) == 1
    assert "generation 5 stays" in caplog.text
    mount.publish(published(7))
    await loader.look()
    assert (current.generation, current.rejected) == (7, None)


async def test_a_writer_who_is_not_atomic_ends_at_what_was_written(tmp_path: Path) -> None:
    target = tmp_path / "snapshot.json"
    target.write_bytes(encode(published(5)))
    loader, current = await started(tmp_path)
    async with following(loader):
        whole = encode(published(6))
        with target.open("wb", buffering=0) as file:
            file.write(whole[:100])
            await current.until(lambda: current.rejected is not None)
            file.write(whole[100:])
        await current.until(lambda: current.generation == 6)
    assert current.rejected is None


@pytest.mark.parametrize(
    "content",
    [b"\x1f\x8b\x08", gzip.compress(encode(published(6)))[:-20], b"plain"],
    ids=["head", "cut", "plain"],
)
async def test_bad_compression_is_a_bad_snapshot(tmp_path: Path, content: bytes) -> None:
    mount = Mount(tmp_path)
    mount.publish(published(5))
    loader, current = await started(tmp_path)
    mount.swap(gz=content)
    await loader.look()
    assert current.rejected is not None
    assert current.rejected.reason.startswith("snapshot.json.gz: ")
    assert current.generation == 5


async def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    Mount(tmp_path).swap(gz=gzip.compress(bytes(files.LARGEST + 1), 1))
    _, current = await started(tmp_path)
    assert current.rejected is not None
    assert f"larger than {files.LARGEST} bytes" in current.rejected.reason


async def test_an_older_generation_changes_nothing(tmp_path: Path) -> None:
    mount = Mount(tmp_path)
    mount.publish(published(5))
    loader, current = await started(tmp_path)
    mount.publish(published(4, "n"))
    await loader.look()
    assert (current.seen, current.rejected) == ([5], None)


async def test_of_two_files_the_higher_generation_runs(tmp_path: Path) -> None:
    Mount(tmp_path).swap(json=encode(published(5)), gz=gzip.compress(encode(published(6))))
    _, current = await started(tmp_path)
    assert current.generation == 6


async def test_what_ran_is_remembered_over_a_restart(tmp_path: Path) -> None:
    mount, state = Mount(tmp_path / "mount"), tmp_path / "deep" / "state"
    mount.publish(published(5))
    loader, current = await started(mount.directory, state)
    async with following(loader):
        mount.publish(published(6, "n"))
        await current.until(lambda: current.generation == 6)
    kept = state / "snapshot.json"
    assert decode(kept.read_bytes()).generation == 6
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == ["snapshot.json"]

    mount.publish(published(5))
    _, again = await started(mount.directory, state)
    assert (again.generation, again.source) == (6, "state")

    mount.publish(published(7))
    _, third = await started(mount.directory, state)
    assert (third.generation, third.source) == (7, "mount")

    mount.swap()
    _, bare = await started(mount.directory, state)
    assert (bare.generation, bare.source) == (6, "state")


async def test_fields_of_a_newer_operator_survive_being_remembered(tmp_path: Path) -> None:
    fields = msgspec.json.decode(encode(published(5))) | {"later": {"a": 1}}
    fields["digest"] = digest_of(fields)
    mount, state = Mount(tmp_path / "mount"), tmp_path / "state"
    mount.swap(json=msgspec.json.encode(fields))
    loader, _ = await started(mount.directory, state)
    async with following(loader):
        await asyncio.sleep(0)
    mount.swap()
    _, current = await started(mount.directory, state)
    assert current.generation == 5


async def test_a_broken_memory_is_ignored_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mount, state = Mount(tmp_path / "mount"), tmp_path / "state"
    mount.publish(published(5))
    state.mkdir()
    (state / "snapshot.json").write_text("{")
    _, current = await started(mount.directory, state)
    assert (current.generation, current.source, current.rejected) == (5, "mount", None)
    assert "remembered snapshot ignored: snapshot.json: not a snapshot" in caplog.text


async def test_a_memory_of_another_namespace_gives_way_to_the_mount(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mount, state = Mount(tmp_path / "mount"), tmp_path / "state"
    mount.publish(published(5))
    state.mkdir()
    (state / "snapshot.json").write_bytes(encode(published(9, namespace="bank")))
    _, current = await started(mount.directory, state)
    assert (current.generation, current.source) == (5, "mount")
    assert "of namespace bank, the mounted one of shop" in caplog.text


async def test_a_state_directory_that_cannot_be_written_costs_a_warning_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mount = Mount(tmp_path / "mount")
    (tmp_path / "state").write_text("a file stands where the directory should")
    mount.publish(published(5))
    loader, current = await started(mount.directory, tmp_path / "state")
    async with following(loader):
        mount.publish(published(6))
        await current.until(lambda: current.generation == 6)
    assert current.generation == 6
    assert "cannot be kept for the next start" in caplog.text


async def test_a_large_snapshot_is_built_beside_the_loop(tmp_path: Path) -> None:
    routes = {f"r{n}": route({"main": backend(model=f"m{n}")}) for n in range(1_000)}
    mount = Mount(tmp_path)
    mount.publish(published(5, routes=routes))
    loader, current = await started(tmp_path)
    async with following(loader):
        mount.publish(published(6, routes=routes))
        await current.until(lambda: current.generation == 6)
    assert current.table is not None
    assert len(current.table.routes) == 1_000
