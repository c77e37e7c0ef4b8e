"""What an absent field means, in the resources' own spelling: the one table of defaults.

Those of object fields stand in the CRDs too, as schema defaults that the API server fills in; those
inside list items stand in the fields' descriptions only, because defaulted list items make GitOps
tools see a difference for ever. `[]` in a path is any item of a list.
"""

from typing import Any, Final

DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "LLMRoute": {
        "spec.identity.user": [
            {"header": "x-outrider-user"},
            {"body": "/safety_identifier"},
            {"body": "/user"},
            {"body": "/metadata/user_id"},
        ],
        "spec.identity.tenant": [{"header": "x-outrider-tenant"}],
        "spec.identity.feature": [{"header": "x-outrider-feature"}],
        "spec.identity.session": [
            {"header": "x-outrider-session"},
            {"body": "/conversation"},
            {"body": "/prompt_cache_key"},
        ],
        "spec.identity.address": [{"header": "x-forwarded-for"}],
        "spec.prompt.assignBy": ["User", "Session"],
        "spec.prompt.unkeyed": "PerRequest",
        "spec.prompt.allowOverride": True,
        "spec.backends[].secretKeyRef.name": "outrider-credentials",
        "spec.backends[].callerCredentials": "Drop",
        "spec.backends[].timeouts.connect": "2s",
        "spec.backends[].timeouts.firstToken": "30s",
        "spec.backends[].timeouts.idle": "60s",
        "spec.backends[].timeouts.request": "300s",
        "spec.backends[].defaultMaxTokens": 4096,
        "spec.backends[].simulated.timeToFirstToken": "200ms",
        "spec.backends[].simulated.tokensPerSecond": 50,
        "spec.backends[].simulated.outputTokens": 60,
        "spec.backends[].simulated.errorRatio": "0",
        "spec.backends[].simulated.errorClass": "Overloaded",
        "spec.rules[].backendRefs[].weight": 1,
        "spec.rules[].backendRefs[].priority": 0,
    },
    "PromptVersion": {
        "spec.prompt.format": "Simple",
        "spec.prompt.callerSystem": "Append",
        "spec.prompt.parametersPolicy": "Override",
        "spec.prompt.variables[].maxLength": 8192,
        "spec.prompt.variables[].fence": False,
    },
    "RateLimitPolicy": {
        "spec.unknownSubject": "Shared",
        "spec.mode": "Enforce",
    },
}
