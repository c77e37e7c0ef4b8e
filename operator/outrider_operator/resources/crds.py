"""The CRD files, which are the source of every bound and every default of an object field."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from outrider_operator.resources.kinds import LLM_ROUTE, PROMPT_VERSION, RATE_LIMIT_POLICY

_FILES: Final = {
    LLM_ROUTE: "outrider.dev_llmroutes.yaml",
    PROMPT_VERSION: "outrider.dev_promptversions.yaml",
    RATE_LIMIT_POLICY: "outrider.dev_ratelimitpolicies.yaml",
}
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def directory() -> Path:
    """Where the CRD files are: inside an installed wheel, else at the root of the repository."""
    packaged = Path(str(files("outrider_operator.resources") / "crds"))
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "crds"


@cache
def schema(kind: str) -> dict[str, Any]:
    """The OpenAPI schema of a kind's one version, as it is written; not to be changed."""
    with (directory() / _FILES[kind]).open(encoding="utf-8") as file:
        crd = yaml.load(file, Loader=_LOADER)
    written: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return written
