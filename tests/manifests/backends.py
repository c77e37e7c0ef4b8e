"""What LLMRoutes say of identity and backends, accepted and refused."""

from functools import partial
from typing import Any, Final

from manifests import entry
from manifests.entry import Entry
from outrider_operator.resources.kinds import LLM_ROUTE

accepted: Final = partial(entry.accepted, LLM_ROUTE)
refused: Final = partial(entry.refused, LLM_ROUTE)

IDENTITIES: Final = ("user", "tenant", "feature", "session", "address")

NEEDS_URL: Final = (
    "provider OpenAICompatible needs a baseURL, for example http://vllm.models.svc:8000/v1"
)
NO_URL: Final = "provider Simulated answers by itself; remove baseURL or choose OpenAICompatible"
NO_KEY: Final = "provider Simulated answers by itself and takes no key; remove secretKeyRef"
ONLY_SIMULATED: Final = "simulated is only for provider Simulated; remove it or change the provider"
TWO_KEYS: Final = (
    "callerCredentials Forward sends the caller's own key; remove secretKeyRef or callerCredentials"
)
URL: Final = (
    "baseURL must be http(s)://host[:port][/path] without user, query or fragment, "
    "for example https://api.example.com/v1"
)
TIMEOUTS: Final = "each of timeouts must be longer than 0s and at most 24h"
BACKEND: Final = "spec.backends[0]"


def backend(provider: str, **members: Any) -> dict[str, Any]:
    return {"backends": [{"name": "main", "provider": provider, "model": "m", **members}]}


def _places(identity: str) -> tuple[Entry, ...]:
    rule = (
        f"a place in identity.{identity} is either {{header}} or {{body}}; "
        "set exactly one of the two"
    )
    at = f"spec.identity.{identity}[0]"

    def places(*given: dict[str, str]) -> dict[str, Any]:
        return {"identity": {identity: list(given)}}

    return (
        accepted(
            rule,
            f"a {identity} in a header, else in the body",
            **places({"header": "x-id"}, {"body": "/a~1b/0"}),
        ),
        refused(
            rule,
            f"a {identity} in a header and in the body at once",
            at,
            rule,
            **places({"header": "x-id", "body": "/id"}),
        ),
        refused(rule, f"a {identity} nowhere", at, rule, **places({})),
    )


_IDENTITY: Final = tuple(each for identity in IDENTITIES for each in _places(identity))

_BACKENDS: Final = (
    accepted(
        NEEDS_URL,
        "an OpenAICompatible backend with its address",
        **backend("OpenAICompatible", baseURL="http://vllm.models.svc:8000/v1"),
    ),
    refused(
        NEEDS_URL,
        "an OpenAICompatible backend without an address",
        f"{BACKEND}.baseURL",
        NEEDS_URL,
        **backend("OpenAICompatible"),
    ),
    accepted(
        NO_URL,
        "an OpenAI backend behind another address",
        **backend("OpenAI", baseURL="https://eu.api.openai.com/v1"),
    ),
    refused(
        NO_URL,
        "a Simulated backend with an address",
        f"{BACKEND}.baseURL",
        NO_URL,
        **backend("Simulated", baseURL="http://localhost:8000"),
    ),
    accepted(
        NO_KEY,
        "an Anthropic backend with its key",
        **backend("Anthropic", secretKeyRef={"key": "anthropic"}),
    ),
    refused(
        NO_KEY,
        "a Simulated backend with a key",
        f"{BACKEND}.secretKeyRef",
        NO_KEY,
        **backend("Simulated", secretKeyRef={"key": "openai"}),
    ),
    accepted(
        ONLY_SIMULATED,
        "a Simulated backend that fails often",
        **backend("Simulated", simulated={"errorRatio": "0.5", "errorClass": "Timeout"}),
    ),
    refused(
        ONLY_SIMULATED,
        "a real backend that is to be simulated",
        f"{BACKEND}.simulated",
        ONLY_SIMULATED,
        **backend("Anthropic", simulated={}),
    ),
    accepted(
        TWO_KEYS,
        "a backend that takes the caller's key",
        **backend("OpenAI", callerCredentials="Forward"),
    ),
    accepted(
        TWO_KEYS,
        "a backend with a key of ours that drops the caller's",
        **backend("OpenAI", callerCredentials="Drop", secretKeyRef={"key": "openai"}),
    ),
    refused(
        TWO_KEYS,
        "a backend with the caller's key and a key of ours",
        f"{BACKEND}.secretKeyRef",
        TWO_KEYS,
        **backend("OpenAI", callerCredentials="Forward", secretKeyRef={"key": "openai"}),
    ),
    accepted(
        TIMEOUTS,
        "timeouts at both ends of what may be",
        **backend("OpenAI", timeouts={"connect": "1ms", "request": "24h", "idle": "23h60m"}),
    ),
    accepted(TIMEOUTS, "no timeout in timeouts", **backend("OpenAI", timeouts={})),
    *(
        refused(
            TIMEOUTS,
            f"the timeout {name} of {wait}",
            f"{BACKEND}.timeouts.{name}",
            f"timeouts.{name} is {wait}: write one longer than 0s and at most 24h",
            **backend("OpenAI", timeouts={name: wait}),
        )
        for name in ("connect", "firstToken", "idle", "request")
        for wait in ("0s", "24h1ms")
    ),
)

_URLS: Final = (
    *(
        accepted(URL, f"the address {url}", **backend("OpenAICompatible", baseURL=url))
        for url in (
            "http://a",
            "https://api.example.com/v1",
            "http://10.0.0.7:8000/v1/",
            "http://[::1]:8000",
            "http://a/!$&()*+,;=:@%20~",
            "http://vllm.",
            "https://a_b.svc:65535/v1",
        )
    ),
    *(
        refused(
            URL,
            f"the address {url!r}",
            f"{BACKEND}.baseURL",
            "baseURL is ",
            "write http(s)://host[:port][/path]",
            **backend("OpenAICompatible", baseURL=url),
        )
        for url in (
            "api.example.com/v1",
            "ftp://a",
            "http://",
            "http:///v1",
            "http://u:p@a",
            "http://a/v1?key=1",
            "http://a/v1#x",
            "http://a b",
            "http://a:b",
            "http://-a",
            "http://a:",
            "HTTP://a",
            "http://a/v1\n",
            " http://a",
            "http://ä",
            "http://a/ä",
            "http://a:0",
            "http://a:65536",
            "http://a:99999/v1",
            "http://[1.2.3.4]",
            "http://[fe80::1%25eth0]",
            "http://a..b",
            "http://[]",
        )
    ),
)


ENTRIES: Final = (*_IDENTITY, *_BACKENDS, *_URLS)
