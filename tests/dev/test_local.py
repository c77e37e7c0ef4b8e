"""Local mode without a proxy: edits of files as snapshots and as lines for people."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from outrider_operator.dev.local import Local
from outrider_operator.dev.namespace import AmbiguousNamespaceError
from outrider_sidecar.config.current import Current
from outrider_sidecar.snapshot import Snapshot
from standins.manifests import LIMIT, ROUTE, prompts, support, write


@dataclass
class Desk:
    """Somebody at work on manifests; `edit` saves and gives the lines that are printed."""

    directory: Path
    said: list[str] = field(default_factory=list)
    current: Current = field(default_factory=Current)

    def __post_init__(self) -> None:
        self.local = Local(self.current, None, self.said.append)
        support(self.directory)
        self.edit()

    def edit(self, **files: str) -> list[str]:
        write(self.directory, **files)
        return self.publish()

    def publish(self) -> list[str]:
        before = len(self.said)
        self.local.publish(self.local.read([self.directory]), 0.0)
        return [line.replace(str(self.directory) + "/", "") for line in self.said[before:]]

    @property
    def served(self) -> Snapshot:
        assert self.current.table is not None
        return self.current.table.snapshot


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def what(lines: list[str]) -> list[str]:
    """Lines without the generation and the time, which differ."""
    return [line.partition(" ms: ")[2] if line.startswith("generation") else line for line in lines]


def test_the_first_snapshot_is_counted(desk: Desk) -> None:
    assert what(desk.said)[-1] == "1 route, 1 prompt, 1 limit"


def test_an_edited_weight_says_how_many_users_move(desk: Desk) -> None:
    lines = desk.edit(prompts=prompts(v7=80, v8=20))
    assert what(lines) == ["v8 5% -> 20%, 15% of users move"]


def test_three_versions_are_told_each(desk: Desk) -> None:
    lines = desk.edit(prompts=prompts(v7=80, v8=10, v9=10))
    assert what(lines) == [
        "v8 5% -> 10%, v9 0% -> 10%, v7 95% -> 80%, 15% of users move; version v9 new"
    ]


def test_the_same_files_again_publish_nothing(desk: Desk) -> None:
    generation = desk.served.generation
    assert desk.edit(prompts=prompts(v7=95, v8=5) + "# a comment\n") == []
    assert desk.served.generation == generation


def test_generations_rise(desk: Desk) -> None:
    first = desk.served.generation
    desk.edit(prompts=prompts(v7=90, v8=10))
    assert desk.served.generation > first


def test_new_changed_and_gone_are_named(desk: Desk) -> None:
    (desk.directory / "limit.yaml").unlink()
    assert what(desk.publish()) == ["limit per-user gone"]
    assert what(desk.edit(limit=LIMIT)) == ["limit per-user new"]
    assert what(desk.edit(limit=LIMIT.replace("limit: 3", "limit: 4"))) == [
        "limit per-user changed"
    ]
    assert what(desk.edit(route=ROUTE.replace("[gpt-5-mini", "[gpt-6-mini"))) == [
        "route support changed"
    ]


def test_a_file_that_is_no_yaml_keeps_what_it_said_and_is_named_once(desk: Desk) -> None:
    before = desk.served
    broken = prompts(v7=95, v8=5).replace("weight: 95", "weight: [95")
    (line,) = desk.edit(prompts=broken)
    assert line.startswith("prompts.yaml:7:")
    assert "problem: not YAML" in line
    assert desk.served == before
    assert what(desk.edit(limit=LIMIT.replace("limit: 3", "limit: 4"))) == [
        "limit per-user changed"
    ]
    assert desk.served.prompts == before.prompts
    assert what(desk.edit(prompts=prompts(v7=95, v8=5))) == ["all problems are mended"]


def test_a_refused_resource_keeps_its_last_form_and_the_others_move_on(desk: Desk) -> None:
    before = desk.served
    lines = desk.edit(route=ROUTE.replace("backendRefs:", "backends:"))
    assert all(line.startswith("route.yaml:1") for line in lines)
    assert "unknown field spec.rules[0].backends: did you mean backendRefs?" in lines[1]
    lines = what(desk.edit(prompts=prompts(v7=0, v8=100)))
    assert "v8 5% -> 100%, 95% of users move" in lines
    assert desk.served.routes == before.routes


def test_two_namespaces_must_be_chosen_from(tmp_path: Path) -> None:
    other = ROUTE.replace("{name: support}", "{name: support, namespace: other}")
    write(tmp_path, route=ROUTE, other=other)
    unsure = Local(Current(), None, print)
    with pytest.raises(AmbiguousNamespaceError, match="choose one namespace with -n: default, oth"):
        unsure.publish(unsure.read([tmp_path]), 0.0)
    sure = Local(Current(), "other", print)
    assert sure.publish(sure.read([tmp_path]), 0.0)
    assert sure.namespace == "other"
    absent = Local(Current(), "nowhere", print)
    with pytest.raises(AmbiguousNamespaceError, match="nothing is in namespace 'nowhere'"):
        absent.publish(absent.read([tmp_path]), 0.0)


def test_an_empty_directory_serves_nothing(tmp_path: Path) -> None:
    local = Local(Current(), None, print)
    with pytest.raises(AmbiguousNamespaceError, match="there is no LLMRoute"):
        local.publish(local.read([tmp_path]), 0.0)


async def test_a_saved_file_is_live_by_itself(tmp_path: Path) -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    current = Current()
    local = Local(current, None, said.put_nowait)
    support(tmp_path)
    local.publish(local.read([tmp_path]), 0.0)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(20):
        tasks.create_task(local.watch([tmp_path], stop))
        # The watch may begin after a save: each save is another weight until one is noticed.
        for weight in range(6, 60):
            write(tmp_path, prompts=prompts(v7=100 - weight, v8=weight))
            try:
                async with asyncio.timeout(1):
                    while "v8 5%" not in await said.get():
                        pass
                break
            except TimeoutError:
                continue
        stop.set()
    assert current.table is not None
    assert current.table.snapshot.prompts["answer"].versions["v8"].share == weight * 100


def test_a_directory_that_is_gone_for_a_while_keeps_what_it_said(desk: Desk) -> None:
    before = desk.served
    desk.directory.rename(desk.directory.with_name("away"))
    lines = desk.publish()
    assert any("cannot be read" in line for line in lines)
    assert desk.served == before
    desk.directory.with_name("away").rename(desk.directory)
    assert what(desk.publish()) == ["all problems are mended"]


@pytest.mark.parametrize("depth", [1, 2])
async def test_watching_goes_on_when_the_directory_comes_back(tmp_path: Path, depth: int) -> None:
    """One that is gone alone, and one that is gone with the directory that holds it."""
    said: asyncio.Queue[str] = asyncio.Queue()
    local = Local(Current(), None, said.put_nowait)
    directory = tmp_path / "deep" / "manifests"
    directory.mkdir(parents=True)
    moved = directory if depth == 1 else directory.parent
    support(directory)
    local.publish(local.read([directory]), 0.0)
    stop = asyncio.Event()

    async def until(text: str) -> None:
        while text not in await said.get():
            pass

    async with asyncio.TaskGroup() as tasks, asyncio.timeout(30):
        tasks.create_task(local.watch([directory], stop))
        moved.rename(tmp_path / "away")
        directory.mkdir(parents=True)
        support(directory)
        write(directory, prompts=prompts(v7=50, v8=50))
        await until("v8 5% -> 50%")
        write(directory, prompts=prompts(v7=40, v8=60))
        await until("v8 50% -> 60%")
        stop.set()
