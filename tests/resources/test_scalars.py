"""An unquoted word means what it means to kubectl."""

import json
from random import Random
from typing import Any, Final

import pytest

from kube.apiserver import ApiServer
from outrider_operator.resources.scalars import resolve

BOOLEANS: Final = "y Y yes Yes YES yEs n N no No NO on On ON off Off OFF oFF true True tRue false"
NULLS: Final = "~ null Null NULL nULL nil None"
INTEGERS: Final = (
    "0 -0 00 +1 -1 10_000 1__0 0_ _1 1_ 0x1F 0X1f -0x1F +0x1 0x_1 0x 0xg 012 +012 -012 08 0o7 "
    "0O7 0o18 0o -0o7 0b11 0B1 -0b1 0b 0b12 9223372036854775807 9223372036854775808 "
    "-9223372036854775808 -9223372036854775809 18446744073709551616 123456789012345678901234567890"
)
FLOATS: Final = (
    "0.1 1.5 1.0 1. .5 -.5 +.5 .5_0 1_0.5 1._5 1e3 1E3 1e-7 1e21 1e+3 1e 1e+ 1_e3 12e03 .e1 . .. "
    "-. 1.2.3 1e400 -1e400 1.7976931348623157e308 0x1p4 .1e-5 -0.0"
)
DATES: Final = "2026-01-01 2026-1-1 2026-01-01T00:00:00Z 20:30 1:30:00 190:20:30.15"
TEXTS: Final = "= << + a 1a 0a x-1 v1 1.2.3 5m 1h30m +- gpt-4o claude 50% 1/2 é .a"
LISTED: Final = " ".join((BOOLEANS, NULLS, INTEGERS, FLOATS, DATES, TEXTS)).split()


def drawn(number: int) -> list[str]:
    """Words of the characters that numbers are made of, with a fixed seed."""
    random = Random(number)
    words = {
        random.choice(("", "", ".", "0"))
        + "".join(random.choices("0123456789_+-.eExXoObBaf", k=random.randint(1, 7)))
        for _ in range(number)
    }
    # kubectl takes a second sign behind 0b, which nobody writes.
    return sorted(word for word in words if word != "-" and "0b" not in word)


def read_by_kubectl(server: ApiServer, words: list[str]) -> list[Any]:
    tool = "{name: words, parameters: {words: [" + ", ".join(words) + "]}}"
    manifest = (
        "apiVersion: outrider.dev/v1alpha1\nkind: PromptVersion\nmetadata: {name: words}\n"
        f"spec: {{promptName: words, prompt: {{tools: [{tool}]}}}}\n"
    )
    done = server.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", stdin=manifest)
    read = json.loads(done.stdout, parse_int=number)
    words_read: list[Any] = read["spec"]["prompt"]["tools"][0]["parameters"]["words"]
    return words_read


def number(digits: str) -> int | float:
    """kubectl prints floats beyond 63 bits like integers."""
    return int(digits) if -(2**63) <= int(digits) < 2**63 else float(digits)


def test_every_word_means_what_kubectl_takes_it_for(api_server: ApiServer) -> None:
    words = LISTED + drawn(3_000)
    theirs = read_by_kubectl(api_server, words)

    different = [
        (word, ours, their)
        for word, their in zip(words, theirs, strict=True)
        if (ours := resolve(word)) != their or isinstance(ours, bool) is not isinstance(their, bool)
    ]
    assert different == []


@pytest.mark.parametrize("word", [".inf", "-.Inf", "+.INF", ".nan", ".NaN"])
def test_a_number_that_json_cannot_hold_is_refused_by_both(
    word: str, api_server: ApiServer
) -> None:
    with pytest.raises(ValueError, match="quote it if you mean the text"):
        resolve(word)
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: {word}}}\n"
    assert api_server.try_kubectl(
        "create", "--dry-run=client", "-f", "-", stdin=manifest
    ).returncode
