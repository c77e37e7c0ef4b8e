"""Streams as the providers document them, one event a line: text, thinking, a tool call, usage."""

CHAT = [
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741569952,"model":"gpt-5.4",'
    '"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},'
    '"logprobs":null,"finish_reason":null}],"usage":null}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741569952,"model":"gpt-5.4",'
    '"choices":[{"index":0,"delta":{"content":"Grüße \u2028 \U0001f600"},"finish_reason":null}],'
    '"usage":null}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741569952,"model":"gpt-5.4",'
    '"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function",'
    '"function":{"name":"look","arguments":""}}]},"finish_reason":null}],"usage":null}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741569952,"model":"gpt-5.4",'
    '"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\\"q\\":'
    '\\"\\\\n\\\\n\\"}"}}]},"finish_reason":null}],"usage":null}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741569952,"model":"gpt-5.4",'
    '"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}],"usage":null}',
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1741569952,"model":"gpt-5.4",'
    '"choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,'
    '"prompt_tokens_details":{"cached_tokens":8,"audio_tokens":0},"completion_tokens_details":'
    '{"reasoning_tokens":4,"audio_tokens":0,"accepted_prediction_tokens":0,'
    '"rejected_prediction_tokens":0}}}',
    "[DONE]",
]

MESSAGES = [
    '{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    '"content":[],"model":"claude-sonnet-4-6","stop_reason":null,"stop_sequence":null,'
    '"usage":{"input_tokens":472,"cache_creation_input_tokens":30,"cache_read_input_tokens":100,'
    '"output_tokens":2}}}',
    '{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"",'
    '"signature":""}}',
    '{"type":"ping"}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta",'
    '"thinking":"Let me see"}}',
    '{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta",'
    '"signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}}',
    '{"type":"content_block_stop","index":0}',
    '{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}',
    '{"type":"content_block_delta","index":1,"delta":{"type":"text_delta",'
    '"text":"Grüße \u2028 \U0001f600"}}',
    '{"type":"content_block_stop","index":1}',
    '{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1",'
    '"name":"look","input":{}}}',
    '{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta",'
    '"partial_json":"{\\"q\\":\\"\\\\n\\\\n\\"}"}}',
    '{"type":"content_block_stop","index":2}',
    '{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},'
    '"usage":{"output_tokens":89}}',
    '{"type":"message_stop"}',
]


def chat_events(end: str = "\n") -> list[bytes]:
    """Chat's stream as sent, with these line ends."""
    return [f"data: {data}{end}{end}".encode() for data in CHAT]


def messages_events(end: str = "\n") -> list[bytes]:
    """Anthropic's stream as sent: every event has a name too."""
    names = [data.split('"')[3] for data in MESSAGES]
    return [
        f"event: {name}{end}data: {data}{end}{end}".encode()
        for name, data in zip(names, MESSAGES, strict=True)
    ]
