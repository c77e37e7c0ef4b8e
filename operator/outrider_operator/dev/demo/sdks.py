"""The official SDKs as an application uses them: nothing but the base URL is ours."""

from collections.abc import Mapping

import msgspec

USER = {"x-outrider-user": "user-000", "x-outrider-tier": "pro"}


class Said(msgspec.Struct, frozen=True):
    """What an SDK gave the application: its own name and version, the text, the headers."""

    sdk: str
    text: str
    headers: Mapping[str, str]


async def openai_says(port: int, question: str) -> Said:
    """One streamed Chat Completion; raises ImportError where the SDK is not installed."""
    import openai

    async with openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none") as client:
        stream = await client.chat.completions.with_raw_response.create(
            model="gpt-5-mini",
            messages=[{"role": "user", "content": question}],
            stream=True,
            extra_headers=USER,
        )
        pieces = [
            chunk.choices[0].delta.content or "" async for chunk in stream.parse() if chunk.choices
        ]
    return Said(f"openai {openai.__version__}", "".join(pieces), stream.headers)


async def anthropic_says(port: int, question: str) -> Said:
    """One message; raises ImportError where the SDK is not installed."""
    import anthropic

    async with anthropic.AsyncAnthropic(
        base_url=f"http://127.0.0.1:{port}", api_key="none"
    ) as client:
        answer = await client.messages.with_raw_response.create(
            model="claude-haiku-4-5",
            max_tokens=100,
            messages=[{"role": "user", "content": question}],
            extra_headers=USER,
        )
        message = await answer.parse()
    text = "".join(block.text for block in message.content if block.type == "text")
    return Said(f"anthropic {anthropic.__version__}", text, answer.headers)
