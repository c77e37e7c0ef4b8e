"""Which version a request gets: one it names, else the one its bucket is dealt."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Literal

import msgspec
from multidict import istr

from outrider_sidecar.dialects import layout
from outrider_sidecar.dialects.errors import Refusal, refuse
from outrider_sidecar.prompts.split import bucket_of
from outrider_sidecar.prompts.version import PromptEntry
from outrider_sidecar.snapshot import BUCKETS, IdentityKind, PromptRef

HEADER = "x-outrider-prompt-version"
_HEADER = istr(HEADER)
OPENAI_PROMPT = "pmpt_"
SHOWN_VERSIONS = 20

Reason = Literal["Key", "PerRequest", "Stable", "Override"]


class Assignment(msgspec.Struct, frozen=True):
    """What a request was dealt and why.

    `key` is the identity that was hashed, None when nothing was. `bucket` is its bucket, or the
    drawn one for PerRequest. An override is never counted in statistics.
    """

    prompt: str
    version: str
    key: IdentityKind | None
    bucket: int | None
    reason: Reason

    @property
    def override(self) -> bool:
        """Whether the request named the version."""
        return self.reason == "Override"


class Asked(msgspec.Struct, frozen=True):
    """What a request says about its prompt. `remove`: its `prompt` member is for us alone."""

    version: str | None = None
    variables: msgspec.Raw | None = None
    remove: bool = False


_string = msgspec.json.Decoder(str)


def asked(
    route: str, ref: PromptRef | None, member: msgspec.Raw | None, headers: Mapping[str, str]
) -> Asked:
    """What a request's `prompt` member and header ask for; the body wins.

    A member that is no object, has an id of OpenAI's (``pmpt_...``), or has no id on a route
    without a prompt is not for us and stays. Raises `caller_prompt_unknown`.
    """
    found = Asked() if member is None else _from_body(route, ref, bytes(member))
    if found.version is not None:
        return found
    named = headers.get(_HEADER)
    named = named.strip() if named else None
    if not named:
        return found
    if ref is None:
        raise _unknown(f"route {route} has no prompt, so no version {named[:100]!a}", HEADER)
    return Asked(named, found.variables, found.remove)


def assign(
    route: str,
    ref: PromptRef,
    entry: PromptEntry | None,
    version: str | None,
    identity: Callable[[IdentityKind], str | None],
    random: Random,
) -> Assignment:
    """The version for a request: `version` if it names one, else by its key, else unkeyed.

    Raises `caller_prompt_unknown` and, when nothing of the prompt is served,
    `outrider_no_prompt`. A missing key is never hashed.
    """
    if entry is None:
        raise _nothing_served(
            f"route {route} uses the prompt {ref.name}, which has no version: "
            f"create a PromptVersion with promptName {ref.name}"
        )
    if version is not None:
        return _named(ref, entry, version)
    if not entry.split:
        raise _nothing_served(
            f"no version of the prompt {ref.name} has a weight: "
            'kubectl patch prv NAME --type merge -p \'{"spec":{"weight":100}}\''
        )
    for kind in ref.assign_by:
        key = identity(kind)
        if key is not None:
            bucket = bucket_of(entry.split.salt, key)
            return Assignment(ref.name, entry.split.owner(bucket), kind, bucket, "Key")
    if ref.unkeyed == "Stable" and entry.prompt.stable is not None:
        return Assignment(ref.name, entry.prompt.stable, None, None, "Stable")
    bucket = random.randrange(BUCKETS)
    return Assignment(ref.name, entry.split.owner(bucket), None, bucket, "PerRequest")


def _named(ref: PromptRef, entry: PromptEntry, version: str) -> Assignment:
    if not ref.allow_override:
        raise _unknown(
            f"the route does not allow requests to name a version of {ref.name}: leave it out"
        )
    if version not in entry.versions:
        some = ", ".join(sorted(entry.versions)[:SHOWN_VERSIONS])
        raise _unknown(f"the prompt {ref.name} has no version {version[:100]!a}; it has {some}")
    return Assignment(ref.name, version, None, None, "Override")


def _from_body(route: str, ref: PromptRef | None, member: bytes) -> Asked:
    if not member.startswith(b"{"):
        return Asked()
    prompt = layout.fields(member)
    name = _text(prompt.get("id"), "id")
    if name is None and ref is None:
        return Asked()
    if name is not None and name.startswith(OPENAI_PROMPT):
        return Asked()
    if ref is None:
        raise _unknown(f"route {route} has no prompt, so no prompt {(name or '')[:100]!a}")
    if name is not None and name != ref.name:
        raise _unknown(f"route {route} has the prompt {ref.name}, not {name[:100]!a}", "prompt.id")
    version = _text(prompt.get("version"), "version") or None
    return Asked(version, prompt.get("variables"), remove=True)


def _text(raw: msgspec.Raw | None, name: str) -> str | None:
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        return _string.decode(raw)
    except msgspec.DecodeError as error:
        raise _unknown(f"prompt.{name} must be a string", f"prompt.{name}") from error


def _unknown(message: str, param: str = "prompt.version") -> Refusal:
    return refuse("caller_prompt_unknown", message, param=param)


def _nothing_served(message: str) -> Refusal:
    return refuse("outrider_no_prompt", message)
