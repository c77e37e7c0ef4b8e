"""What rules ask of a request as it will be sent. Nothing is computed that no rule asks for."""

import math
import re
from collections.abc import Callable
from functools import cached_property

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.dialect import Dialect, Texts

IMAGE_TOKENS = 1_000
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_NO_SPACE = "\x1c\x1d\x1e\x1f"  # Python splits at these, Unicode does not call them white space


def words(text: str) -> int:
    """Runs of characters between Unicode white space."""
    for character in _NO_SPACE:
        if character in text:
            text = text.replace(character, "_")
    return len(text.split())


def input_tokens(utf8_bytes: int, images: int, ratio: float) -> int:
    """Estimated input tokens: bytes of text / `ratio` (bytes per token), an image counts 1,000."""
    return math.ceil(utf8_bytes / ratio) + IMAGE_TOKENS * images


def complexity(text: str, *, tools_or_schema: bool, messages: int) -> int:
    """The published score, 1 to 5, of the last user text and what stands around it.

    ``1 + [words >= 50] + [words >= 200] + [two question marks or a fenced code block]
    + [tools or a response schema] + [more than 6 messages]``, at most 5. Golden table:
    docs/routing.md.
    """
    count = words(text)
    score = (
        1
        + (count >= 50)
        + (count >= 200)
        + (text.count("?") >= 2 or _FENCE.search(text) is not None)
        + tools_or_schema
        + (messages > 6)
    )
    return min(score, 5)


class Features:
    """The features of one request, each computed when first read and kept.

    `sent` gives the request as it will be sent. `claimed` is the complexity that the caller
    claims in a header, `ratio` the bytes per token of the model that counts.
    """

    def __init__(
        self,
        dialect: Dialect,
        sent: Callable[[], Body],
        claimed: int | None,
        ratio: Callable[[], float],
    ) -> None:
        self._dialect = dialect
        self._sent = sent
        self._claimed = claimed
        self._ratio = ratio

    def known(self, name: str) -> int | None:
        """A feature if something has read it already."""
        value: int | None = self.__dict__.get(name)
        return value

    @property
    def known_texts(self) -> Texts | None:
        """The texts if something has read them already."""
        texts: Texts | None = self.__dict__.get("texts")
        return texts

    @cached_property
    def texts(self) -> Texts:
        """The texts of the request as it will be sent."""
        return self._dialect.texts(self._sent())

    @cached_property
    def words(self) -> int | None:
        """Words of the last user message that has text; None when none has."""
        text = self.texts.last_user
        return None if text is None else words(text)

    @cached_property
    def input_tokens(self) -> int:
        """The estimate of the input's tokens."""
        return input_tokens(self.texts.utf8_bytes, self.texts.images, self._ratio())

    @cached_property
    def complexity(self) -> int:
        """What the caller claims, else the score."""
        if self._claimed is not None:
            return self._claimed
        texts = self.texts
        return complexity(
            texts.last_user or "",
            tools_or_schema=texts.tools or texts.schema,
            messages=texts.messages,
        )

    @property
    def tools(self) -> bool:
        """Whether the request brings tools."""
        return self.texts.tools
