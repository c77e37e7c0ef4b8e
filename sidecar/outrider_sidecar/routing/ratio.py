"""Bytes per token by model, learned from what providers say they counted."""

START = 4.0
WEIGHT = 0.05
LOWEST, HIGHEST = 1.5, 8.0
LEAST_TOKENS = 100
MODELS = 1_024


class Ratios:
    """An exponentially weighted mean of bytes per input token for each model, in memory.

    It is held within 1.5 to 8; at most 1,024 models are known, the one added first is forgotten.
    """

    __slots__ = ("_by_model",)

    def __init__(self) -> None:
        self._by_model: dict[str, float] = {}

    def of(self, model: str) -> float:
        """Bytes per token of a model; 4.0 until something was learned."""
        return self._by_model.get(model, START)

    def learn(self, model: str, utf8_bytes: int, input_tokens: int, images: int = 0) -> None:
        """Take an answer's input tokens into account, unless they are few or count images."""
        if input_tokens < LEAST_TOKENS or utf8_bytes <= 0 or images:
            return
        old = self._by_model.get(model)
        if old is None:
            old = START
            if len(self._by_model) >= MODELS:
                del self._by_model[next(iter(self._by_model))]
        mean = old + WEIGHT * (utf8_bytes / input_tokens - old)
        self._by_model[model] = min(HIGHEST, max(LOWEST, mean))
