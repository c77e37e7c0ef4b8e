"""Waiting until the API server serves the three kinds.

kopf looks for its resources once at start. Started before the CRDs are there, it is deaf for
ever and seems healthy, so it is not started earlier.
"""

from outrider_operator.controller.errors import KubeError, NotFound
from outrider_operator.controller.kube import Kube
from outrider_operator.controller.objects import API, PLURALS


async def missing_kinds(kube: Kube) -> tuple[str, ...]:
    """Kinds that the API server does not serve yet; raises as `Kube.call` but for 404."""
    try:
        served = await kube.get(f"/apis/{API}")
    except NotFound:
        return tuple(PLURALS)
    names = {str(resource.get("name")) for resource in served.get("resources") or ()}
    return tuple(
        kind
        for kind, plural in PLURALS.items()
        if plural not in names or f"{plural}/status" not in names
    )


async def obstacle(kube: Kube) -> str | None:
    """Why the controller cannot start yet, as a sentence that says what to do; None if it can."""
    try:
        missing = await missing_kinds(kube)
    except KubeError as error:
        if error.status == 401:
            return f"the API server does not know these credentials ({error}); renew them"
        return f"the API server refuses discovery ({error}); grant get on /apis/{API}"
    if not missing:
        return None
    return (
        f"the API server does not serve {', '.join(missing)} of {API}; "
        "apply the CRDs: kubectl apply --server-side -f crds/"
    )
