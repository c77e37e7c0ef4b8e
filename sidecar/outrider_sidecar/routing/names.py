"""Which route a model name belongs to: own name, exact model, longest prefix, ``*``."""

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 20
COMPARED = 256
LONGEST = 100


class Names:
    """The names that routes answer for. Finding one is a look-up per distinct prefix length."""

    __slots__ = ("_exact", "_lengths", "_own", "_prefixes")

    def __init__(self, routes: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        self._own: dict[str, str] = {}
        self._exact: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}
        for route, models in routes:
            self._own[route] = route
            for model in models:
                if model.endswith("*"):
                    self._prefixes.setdefault(model[:-1], route)
                else:
                    self._exact.setdefault(model, route)
        self._exact |= self._own
        self._lengths = sorted({len(prefix) for prefix in self._prefixes}, reverse=True)

    def find(self, model: str) -> str | None:
        """The route's name, None when nobody serves the model."""
        found = self._exact.get(model)
        if found is not None:
            return found
        size = len(model)
        for length in self._lengths:
            if length <= size:
                found = self._prefixes.get(model[:length])
                if found is not None:
                    return found
        return None

    def unknown(self, model: str) -> str:
        """What to tell a caller whose model nobody serves. It costs the same for any table."""
        shown = f"{model[:LONGEST]!a}" if model else "no model"
        names = [*self._exact, *(prefix + "*" for prefix in self._prefixes)]
        if not names:
            return f"the request names {shown}; no route is configured"
        near = get_close_matches(model[:LONGEST], names[:COMPARED], n=1) if model else []
        hint = f": did you mean {near[0]}?" if near else "."
        unserved = ", which no route serves" if model else ""
        some = ", ".join(sorted(names[:COMPARED])[:SHOWN])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return f"the request names {shown}{unserved}{hint} Served are {some}{more}"
