"""Who a request is from: user, tenant, feature, session and address, as the application says.

The first source that holds a value wins. A value is trimmed; an empty one is absent; a number
counts by its JSON spelling; of `x-forwarded-for` the first element counts.
"""

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from multidict import istr

from outrider_sidecar.dialects.body import Body
from outrider_sidecar.dialects.errors import refuse
from outrider_sidecar.snapshot import Identity, IdentityKind, Source

LIMIT = 256  # bytes of UTF-8
_FORWARDED = "x-forwarded-for"


class Subject(msgspec.Struct, frozen=True):
    """The identities of a request; None where no source holds a value."""

    user: str | None = None
    tenant: str | None = None
    feature: str | None = None
    session: str | None = None
    address: str | None = None

    def of(self, kind: IdentityKind) -> str | None:
        """The identity of a kind."""
        value: str | None = getattr(self, kind.lower())
        return value


class _Place(msgspec.Struct, frozen=True):
    """A source made ready: a header's name, or a pointer and the top-level member it begins in."""

    header: str | None
    pointer: str
    member: str
    first: bool


class Identifier:
    """The sources of a route's identities, made ready once."""

    __slots__ = ("_address", "_feature", "_session", "_tenant", "_user")

    def __init__(self, identity: Identity) -> None:
        self._user = _places(identity.user)
        self._tenant = _places(identity.tenant)
        self._feature = _places(identity.feature)
        self._session = _places(identity.session)
        self._address = _places(identity.address)

    def subject(self, headers: Mapping[str, str], body: Body | None) -> Subject:
        """The identities of a request; raises `caller_identity` above 256 bytes of UTF-8."""
        return Subject(
            _find("user", self._user, headers, body),
            _find("tenant", self._tenant, headers, body),
            _find("feature", self._feature, headers, body),
            _find("session", self._session, headers, body),
            _find("address", self._address, headers, body),
        )


@lru_cache(maxsize=1_024)
def identifier(identity: Identity) -> Identifier:
    """The sources of `identity`, made ready; routes with equal sources share them."""
    return Identifier(identity)


def _places(sources: tuple[Source, ...]) -> tuple[_Place, ...]:
    return tuple(_place(source) for source in sources)


def _place(source: Source) -> _Place:
    if source.header is not None:
        return _Place(istr(source.header), "", "", source.header.lower() == _FORWARDED)
    pointer = source.body or ""
    member = pointer[1:].partition("/")[0].replace("~1", "/").replace("~0", "~")
    return _Place(None, pointer, member, False)


def _find(
    kind: str, places: tuple[_Place, ...], headers: Mapping[str, str], body: Body | None
) -> str | None:
    for place in places:
        if place.header is not None:
            value = headers.get(place.header)
            if value and place.first:
                value = value.partition(",")[0]
        elif body is not None and place.member in body.fields:
            value = body.at(place.pointer)
        else:
            continue
        if value:
            value = value.strip()
            if value:
                _check(kind, place, value)
                return value
    return None


def _check(kind: str, place: _Place, value: str) -> None:
    if len(value) <= LIMIT and value.isascii():
        return
    where = str(place.header or place.pointer)
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise refuse(
            "caller_identity", f"the {kind} in {where} is not valid Unicode", param=where
        ) from error
    if size > LIMIT:
        raise refuse(
            "caller_identity",
            f"the {kind} in {where} has {size} bytes, {LIMIT} are allowed: send a shorter id",
            param=where,
        )
