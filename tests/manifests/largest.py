"""The manifests whose validation rules cost most.

Every list that a rule walks is full and every text that it compares as long as may be: the API
server bounds not only what a rule may cost by its estimate but what it costs when it runs.
"""

from typing import Any, Final

from outrider_operator.resources.kinds import LLM_ROUTE, PROMPT_VERSION, RATE_LIMIT_POLICY


def _name(number: int, length: int = 63) -> str:
    """Names that differ in their last characters, so that comparing them takes longest."""
    return f"{number:03}".rjust(length, "n")


def _route() -> dict[str, Any]:
    places = [{"body": "/" + "p" * 127}] * 16
    urls = "https://" + ".".join(["h" * 62] * 4) + "/" + "p" * 252
    headers = [{"name": _name(n), "value": "v" * 256} for n in range(16)]
    match = {"headers": headers, "complexity": {"min": 1, "max": 5}, "tools": "Present"}
    refs = [{"name": _name(n), "weight": 10_000, "priority": 15} for n in range(16, 32)]
    rules = [
        {"name": _name(n), "matches": [match] * (2 if n else 16), "backendRefs": refs}
        for n in range(15)
    ]
    return {
        "models": [_name(n, 252) + "*" for n in range(64)],
        "identity": dict.fromkeys(("user", "tenant", "feature", "session", "address"), places),
        "prompt": {
            "name": _name(0),
            "assignBy": ["User", "Tenant", "Feature", "Session", "Address"],
        },
        "backends": [
            {
                "name": _name(n),
                "provider": "OpenAICompatible",
                "model": _name(n, 253),
                "baseURL": urls,
                "secretKeyRef": {"name": _name(n, 253), "key": _name(n)},
                "locality": _name(n),
                "timeouts": dict.fromkeys(
                    ("connect", "firstToken", "idle", "request"), "00001h00001m00001s0001ms"
                ),
            }
            for n in range(32)
        ],
        "rules": [*rules, {"name": "last", "backendRefs": refs}],
    }


def _version() -> dict[str, Any]:
    return {
        "promptName": _name(0),
        "weight": 10_000,
        "prompt": {
            "description": "d" * 1_024,
            "messages": [{"role": "user", "content": "c" * (98_304 // 32)}] * 32,
            "variables": [
                {"name": _name(n), "default": "v" * 1_000, "maxLength": 1_000} for n in range(64)
            ],
            "model": "m" * 253,
            "parameters": {"temperature": "1.9999", "topP": "0.9999", "stop": ["s" * 64] * 8},
            "tools": [{"name": _name(n, 64), "description": "d" * 1_000} for n in range(64)],
        },
    }


def _policy() -> dict[str, Any]:
    return {
        "targetRefs": [
            {"group": "outrider.dev", "kind": "LLMRoute", "name": _name(n)} for n in range(16)
        ],
        "subject": "User",
        "tierFrom": {"header": _name(0)},
        "defaultTier": _name(15),
        "tiers": [
            {"name": _name(n), "requests": {"limit": 1, "window": "00001h00001m00001s0001ms"}}
            for n in range(16)
        ],
        "overrides": [
            {"subject": _name(n, 256), "tier": _name(15), "until": "2099-12-31T23:59:59.123456789Z"}
            for n in range(256)
        ],
    }


SPECS: Final = {
    LLM_ROUTE: _route(),
    PROMPT_VERSION: _version(),
    RATE_LIMIT_POLICY: _policy(),
}
