"""Requests as no SDK would send them: the right members with anything at all in them."""

import json

from hypothesis import strategies as st

from standins.spellings import values


def spelled(members: dict[str, str]) -> str:
    """An object of members that are JSON already."""
    return "{" + ",".join(f"{json.dumps(name)}: {value}" for name, value in members.items()) + "}"


def listed(items: list[str]) -> str:
    """An array of items that are JSON already."""
    return f"[{','.join(items)}]"


KINDS = st.sampled_from(
    [
        '"text"',
        '"image"',
        '"image_url"',
        '"tool_use"',
        '"tool_result"',
        '"document"',
        "null",
        "1e999",
    ]
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "type": KINDS,
        "text": values(),
        "thinking": values(),
        "input": values(),
        "content": values(),
        "source": values(),
    },
).map(spelled)
CONTENTS = values() | st.lists(PARTS, max_size=3).map(listed)
TURNS = st.fixed_dictionaries(
    {"role": st.sampled_from(['"user"', '"assistant"', '"system"', '"tool"'])},
    optional={"content": CONTENTS, "tool_calls": values(), "function_call": values()},
).map(spelled)
PLAIN = st.sampled_from(
    [
        '{"role":"user","content":"Hi"}',
        '{"role":"system","content":"Be kind"}',
        '{"role":"user","content":[{"type":"text","text":"Look"},{"type":"image"}]}',
    ]
)
REQUESTS = st.fixed_dictionaries(
    {"messages": st.lists(PLAIN | TURNS, max_size=3).map(listed)},
    optional={
        "system": CONTENTS,
        "tools": values() | st.just('[{"name":"look"}]'),
        "functions": values(),
        "stream": st.sampled_from(["true", "false", "1"]),
        "stream_options": values(),
        "response_format": values(),
        "output_config": values(),
        "output_format": values(),
        "max_tokens": values(),
        "stop": values(),
        "temperature": values(),
    },
)
