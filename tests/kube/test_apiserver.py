import json
from typing import Any

import pytest
from kubernetes.aio import client

from kube.apiserver import KINDS, ApiServer


def test_all_three_kinds_are_served_with_short_names_and_categories(api_server: ApiServer) -> None:
    resources = json.loads(api_server.kubectl("get", "--raw", "/apis/outrider.dev/v1alpha1").stdout)
    served = {
        resource["name"]: resource
        for resource in resources["resources"]
        if "/" not in resource["name"]
    }
    assert sorted(served) == sorted(KINDS)
    short_names = [served[kind]["shortNames"] for kind in KINDS]
    assert short_names == [["llmr"], ["prv"], ["rlp"]]
    assert all(resource["categories"] == ["outrider", "llm"] for resource in served.values())


@pytest.mark.kube_controllers
def test_a_deleted_namespace_goes_away(api_server: ApiServer, namespace: str) -> None:
    api_server.kubectl("delete", "namespace", namespace, "--wait=true", "--timeout=30s")
    assert api_server.try_kubectl("get", "namespace", namespace).returncode == 1


async def test_the_asyncio_client_lists_routes(kube_client: object, namespace: str) -> None:
    routes: Any = await client.CustomObjectsApi(kube_client).list_namespaced_custom_object(
        "outrider.dev", "v1alpha1", namespace, "llmroutes"
    )
    assert routes["items"] == []
