"""Manifests on disk as a person edits them: one route, a prompt with two versions, a limit."""

from pathlib import Path

ROUTE = """\
apiVersion: outrider.dev/v1alpha1
kind: LLMRoute
metadata: {name: support}
spec:
  models: [gpt-5-mini, claude-haiku-4-5]
  prompt: {name: answer}
  backends:
  - name: main
    provider: Simulated
    model: simulated-1
    simulated: {timeToFirstToken: 1ms, tokensPerSecond: 5000, outputTokens: 8}
  rules:
  - name: default
    backendRefs: [{name: main}]
"""

LIMIT = """\
apiVersion: outrider.dev/v1alpha1
kind: RateLimitPolicy
metadata: {name: per-user}
spec:
  subject: User
  tierFrom: {header: x-outrider-tier}
  defaultTier: free
  tiers:
  - {name: free, requests: {limit: 3, window: 1m}}
  - {name: pro, requests: {limit: 1000, window: 1m}}
"""

_VERSION = """\
apiVersion: outrider.dev/v1alpha1
kind: PromptVersion
metadata: {{name: {name}}}
spec:
  promptName: answer
  weight: {weight}
  prompt:
    messages:
    - {{role: system, content: "You are {name}."}}
    - {{placeholder: conversation}}
"""


def prompts(**weights: int) -> str:
    """Versions of the prompt `answer` with these weights; `_` in a name is a dash."""
    return "---\n".join(
        _VERSION.format(name=name.replace("_", "-"), weight=weight)
        for name, weight in weights.items()
    )


def write(directory: Path, **files: str) -> Path:
    """Save each file as editors do, a new one in the place of the old one."""
    for name, text in files.items():
        beside = directory / f"{name}.tmp"
        beside.write_text(text)
        beside.replace(directory / f"{name}.yaml")
    return directory


def support(directory: Path) -> Path:
    """All of it, version 8 at 5 %."""
    return write(directory, route=ROUTE, prompts=prompts(v7=95, v8=5), limit=LIMIT)
