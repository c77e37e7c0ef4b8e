"""A document means what it means to kubectl."""

import json
from typing import Any

import pytest

from kube.apiserver import ApiServer
from outrider_operator.resources.document import documents

HEAD = "apiVersion: outrider.dev/v1alpha1\nkind: PromptVersion\nmetadata: {name: a}\n"
TEXTS = {
    "block texts": "a: |\n  one\n   two\n\nb: |-\n  one\n\nc: |+\n  one\n\n\n"
    "d: >\n  one\n  two\n\n  three\n"
    "e: >-\n  one\n  two\nf: |2\n    one\n   two\n",
    "quoted texts": "a: 'it''s # no comment'\nb: \"\\x41\\u00e9\\U0001F98A \\t\\\"\\\\\"\n"
    'c: "one\n  two\\\n  three"\nd: \'\'\ne: "012"\n',
    "plain texts": "a: one two # comment\nb: one#two\nc: http://a:80/b?c=d\n"
    "d: one\n  two\n\n  three\n"
    "e: -1x\nf: 5%\ng: 1.2.3\nh: ä🦊\n",
    "lists": "a:\n- 1\n- - 2\n  - 3\n- b: 4\n  c: 5\n-\n- [6, [7], {d: 8}]\nb: []\nc: [1, 2,]\n",
    "mappings": "a: {b: 1, c: {d: 2,}, e: }\nf: {}\ng:\nh: ~\n",
    "keys": "1: a\n1.5: b\nyes: c\n012: d\n2026-01-01: e\n'~': f\n? g\n: h\n\"i j\": k\nl m: n\n",
    "aliases": "a: &a {k: 1}\nb: *a\nc: [*a, &b 5, *b]\nd: &d [1]\ne: *d\nf: &f text\ng: *f\n",
    "merges": "a: &a {j: 1, k: 1}\nb: &b {k: 2, l: 2}\nc: {<<: *a, k: 3}\nd: {k: 3, <<: *a}\n"
    "e: {<<: [*a, *b]}\nf:\n  <<: *b\n  <<<: 1\ng: {'<<': 1}\n",
    "words": "a: yes\nb: 'yes'\nc: null\nd: 0o7\ne: 1e3\nf: 1_000\n",
    "windows": "a: 1\r\nb: |\r\n  one\r\n  two\r\nc: >-\r\n  one\r\n  two\r\n",
    "comments": "# one\na: 1 # two\n  # three\nb: # four\n  c: 2\n",
    "indentation": "a:\n    b:\n      c: 1\n    d: 2\ne:\n- f: 1\n  g:\n  - 2\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_document_means_what_it_means_to_kubectl(name: str, api_server: ApiServer) -> None:
    text = HEAD + TEXTS[name]
    command = ("create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-")
    theirs: dict[str, Any] = json.loads(api_server.kubectl(*command, stdin=text).stdout)
    theirs["metadata"].pop("namespace")

    [ours] = documents(text)

    assert ours.data == theirs
