"""One good manifest of each kind in which every field of its CRD is written."""

from typing import Any, Final

from outrider_operator.resources.kinds import LLM_ROUTE, PROMPT_VERSION, RATE_LIMIT_POLICY

SPECS: Final[dict[str, dict[str, Any]]] = {
    LLM_ROUTE: {
        "models": ["gpt-5-mini", "gpt-4o-*"],
        "identity": {
            "user": [{"header": "x-outrider-user"}, {"body": "/metadata/user_id"}],
            "tenant": [{"header": "x-outrider-tenant"}, {"body": "/metadata/tenant"}],
            "feature": [{"header": "x-outrider-feature"}, {"body": "/metadata/feature"}],
            "session": [{"header": "x-outrider-session"}, {"body": "/conversation"}],
            "address": [{"header": "x-forwarded-for"}, {"body": "/metadata/address"}],
        },
        "prompt": {
            "name": "support-answer",
            "assignBy": ["User", "Session"],
            "unkeyed": "Stable",
            "allowOverride": False,
        },
        "backends": [
            {
                "name": "sonnet",
                "provider": "Anthropic",
                "model": "claude-sonnet-4-6",
                "baseURL": "https://api.example.com",
                "secretKeyRef": {"name": "keys", "key": "anthropic"},
                "callerCredentials": "Drop",
                "locality": "us-east",
                "timeouts": {
                    "connect": "2s",
                    "firstToken": "30s",
                    "idle": "1m",
                    "request": "5m",
                },
                "defaultMaxTokens": 4096,
            },
            {
                "name": "rehearsal",
                "provider": "Simulated",
                "model": "simulated",
                "simulated": {
                    "timeToFirstToken": "200ms",
                    "tokensPerSecond": 50,
                    "outputTokens": 60,
                    "errorRatio": "0.25",
                    "errorClass": "RateLimited",
                },
            },
        ],
        "rules": [
            {
                "name": "simple",
                "matches": [
                    {
                        "headers": [{"name": "x-task", "value": "classification"}],
                        "complexity": {"min": 1, "max": 2},
                        "tools": "Absent",
                        "minWords": 1,
                        "maxWords": 20,
                        "minInputTokens": 1,
                        "maxInputTokens": 1000,
                    }
                ],
                "backendRefs": [{"name": "sonnet", "weight": 80, "priority": 0}],
            },
            {
                "name": "default",
                "backendRefs": [{"name": "sonnet"}, {"name": "rehearsal", "priority": 1}],
            },
        ],
    },
    PROMPT_VERSION: {
        "promptName": "support-answer",
        "weight": 20,
        "prompt": {
            "description": "Shorter refusals; cite the policy id",
            "format": "Simple",
            "messages": [
                {"role": "system", "content": "You are {{brand}} support."},
                {"placeholder": "conversation"},
            ],
            "variables": [{"name": "brand", "default": "Acme", "maxLength": 64, "fence": True}],
            "callerSystem": "Append",
            "model": "claude-sonnet-4-6",
            "parameters": {
                "temperature": "0.2",
                "topP": "0.9",
                "maxTokens": 600,
                "stop": ["END"],
            },
            "parametersPolicy": "Default",
            "tools": [
                {
                    "name": "lookup_policy",
                    "description": "Find a policy by id",
                    "parameters": {"type": "object", "properties": {"id": {"type": "string"}}},
                }
            ],
        },
    },
    RATE_LIMIT_POLICY: {
        "targetRefs": [{"group": "outrider.dev", "kind": "LLMRoute", "name": "support"}],
        "subject": "User",
        "tierFrom": {"header": "x-outrider-tier"},
        "defaultTier": "free",
        "tiers": [
            {
                "name": "free",
                "requests": {"limit": 10, "window": "1m", "burst": 10},
                "concurrent": 2,
            },
            {"name": "blocked", "requests": {"limit": 0, "window": "1m"}},
        ],
        "overrides": [{"subject": "u-123", "tier": "blocked", "until": "2026-12-01T00:00:00Z"}],
        "unknownSubject": "Deny",
        "mode": "Shadow",
    },
}
