"""What is wrong with one resource, in the words of its status."""

from typing import Literal

import msgspec

Condition = Literal["Accepted", "ResolvedRefs", "Conflicted"]
Reason = Literal[
    "Invalid",
    "TooLarge",
    "VariableUndeclared",
    "ModelMissing",
    "SnapshotTooLarge",
    "NoWeight",
    "PromptNotFound",
    "ModelNotInRoute",
    "ModelTaken",
]


class Problem(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One problem of one object; problems sort by object, then by place.

    The message names the thing, the value and what to write instead. `path` is where, such as
    ``spec.rules[0].backendRefs[1].name``, or '' for the object as a whole.
    """

    kind: str
    namespace: str
    name: str
    path: str = ""
    condition: Condition
    reason: Reason
    message: str
