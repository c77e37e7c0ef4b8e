"""Both providers and the proxies before them for each module; every test ends with a check that
the providers received nothing that does not fit."""

from collections.abc import Iterator

import pytest

from standins.background import Background
from standins.callers import CALLERS, Caller
from standins.scene import Scene, start, stop


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The running scene; a proxy of this machine's own does not come between."""
    with pytest.MonkeyPatch.context() as patch, Background() as background:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.setenv("no_proxy", "127.0.0.1")
        made = background.run(start(background, tmp_path_factory.mktemp("secrets")))
        yield made
        background.run(stop(made))


@pytest.fixture(autouse=True)
def fitting(scene: Scene) -> Iterator[None]:
    """Fails a test after which a provider has something to complain of."""
    scene.forget()
    yield
    assert scene.complaints == []


@pytest.fixture(params=CALLERS, ids=lambda caller: caller.__name__)
def caller(request: pytest.FixtureRequest, scene: Scene) -> Caller:
    """Each SDK in turn, sync and async, as its documentation says to point it at a base URL."""
    made: Caller = request.param(scene.main.url)
    return made
