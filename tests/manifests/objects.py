"""What stands around the spec: names, labels and what does not belong there."""

from typing import Any, Final

from manifests.entry import Entry, base
from outrider_operator.resources.kinds import PROMPT_VERSION

KIND: Final = PROMPT_VERSION


def accepted(exercises: str, title: str, /, **metadata: Any) -> Entry:
    return Entry(title, KIND, base(KIND), True, exercises, metadata={"name": "entry", **metadata})


def refused(exercises: str, title: str, at: str, /, *says: str, **metadata: Any) -> Entry:
    whole = {"name": "entry", **metadata}
    return Entry(title, KIND, base(KIND), False, exercises, at, says, metadata=whole)


ENTRIES: Final = (
    accepted("maxLength", "a name of 63 characters", name="n" * 63),
    refused(
        "maxLength",
        "a name of 64 characters",
        "metadata.name",
        "has 64 characters",
        "at most 63",
        name="n" * 64,
    ),
    accepted("pattern", "a name with dots", name="support-answer.v8"),
    refused(
        "pattern",
        "a name with capitals",
        "metadata.name",
        'is "Support"',
        "such as support-answer",
        name="Support",
    ),
    refused("pattern", "a name with an underscore", "metadata.name", 'is "a_b"', name="a_b"),
    accepted(
        "labels",
        "labels and annotations",
        labels={"team": "support", "example.com/tier": "", "A_b.c-d": "V_1.0-x"},
        annotations={"example.com/note": "any text, even { and ä"},
    ),
    accepted("labels", "no labels", labels=None, annotations=None),
    accepted("labels", "a label without a value", labels={"team": None}),
    refused(
        "labels",
        "a label with a space",
        "metadata.labels.team",
        'team is "the team"',
        "letters, digits, -, _ and .",
        labels={"team": "the team"},
    ),
    refused(
        "labels",
        "a label of 64 characters",
        "metadata.labels.team",
        "team is",
        "at most 63",
        labels={"team": "t" * 64},
    ),
    refused(
        "labels", "a label's name with a space", "metadata.labels.a b", '"a b"', labels={"a b": "c"}
    ),
    refused(
        "labels",
        "a label's prefix with a capital",
        "metadata.labels.Example.com/a",
        '"Example.com/a"',
        labels={"Example.com/a": "c"},
    ),
    refused(
        "labels",
        "two slashes in a label's name",
        "metadata.labels.a/b/c",
        '"a/b/c"',
        labels={"a/b/c": "d"},
    ),
    refused(
        "labels",
        "a label that is a number",
        "metadata.labels.version",
        "the label version must be text: quote it",
        labels={"version": 8},
    ),
    refused("labels", "labels as a list", "metadata.labels", "a mapping", labels=["team"]),
    refused(
        "labels",
        "an annotation that is a number",
        "metadata.annotations.port",
        "the annotation port must be text: quote it",
        annotations={"port": 80},
    ),
    refused(
        "labels",
        "an annotation's name with a space",
        "metadata.annotations.a b",
        '"a b"',
        annotations={"a b": "c"},
    ),
    refused(
        "unknown field",
        "labels in the singular",
        "metadata.label",
        "unknown field metadata.label",
        "did you mean labels?",
        label={"team": "support"},
    ),
    Entry(
        "a status, as kubectl get prints it",
        KIND,
        base(KIND),
        True,
        "status",
        top={"status": {"goal": "20%"}},
    ),
    Entry(
        "the spec's members one level too high",
        KIND,
        base(KIND),
        False,
        "unknown field",
        "weight",
        ("unknown field weight",),
        top={"weight": 20},
    ),
)
