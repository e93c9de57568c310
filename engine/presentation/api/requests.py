"""What endpoints share: parameters, cursors and preconditions."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import Header, Query, Request, Response
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from engine.domain.control.errors import InvalidRequestError, StaleError
from engine.domain.control.page import Position
from engine.domain.control.published import MOST_CHARACTERS
from engine.domain.control.spans import FIRST
from engine.domain.control.stored_document import StoredDocument
from engine.domain.time_units import NS_PER_DAY
from engine.presentation.api.credentials import reading_of
from engine.presentation.api.problems import PreconditionRequiredError
from engine.presentation.api.services import Services


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("expected a text without NUL")
    if not text.isascii() and not text.isprintable():
        # JSON may escape half of a surrogate pair, which no encoding of Unicode has.
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("expected a text without lone surrogates") from None
    return text


Text = Annotated[str, AfterValidator(_storable)]
"""A text that databases accept."""


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    try:
        orjson.dumps(document)
    except TypeError as error:
        raise ValueError(f"expected JSON that can be stored: {error}") from None
    return document


JsonObject = Annotated[dict[str, Any], AfterValidator(_plain)]
"""A JSON object: no lone surrogates, integers of 64 bits, not too deep."""
PipelineName = Annotated[Text, Field(max_length=100)]
Wanted = Annotated[Text | None, Query(max_length=MOST_CHARACTERS)]


def _no_number(time: object) -> object:
    # As a number it would be taken for seconds since 1970.
    if isinstance(time, str) and not time[4:5] == "-":
        raise ValueError("expected a time such as 2026-01-31T08:00:00Z")
    return time


Time = Annotated[AwareDatetime, BeforeValidator(_no_number)]
Since = Annotated[Time | None, Query(description="The first included, with a time zone.")]
Until = Annotated[Time | None, Query(description="Not included, with a time zone.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="Items of a page.")]
IfMatch = Annotated[str | None, Header(description="ETag of what was read, or *.")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes it safe to send the request again, for a day.",
    ),
]


def ns_of(time: datetime | None) -> int | None:
    """Return a time as ns since 1970.

    Raises:
        InvalidRequestError: it does not fit into 64 bits.
    """
    if time is None:
        return None
    ns = math.floor(time.timestamp()) * 10**9 + time.microsecond * 1_000
    if not -(2**63) <= ns < 2**63:
        raise InvalidRequestError("query", "expected times from 1678 to 2261")
    return ns


def bounds_of(since: datetime | None, until: datetime | None) -> tuple[int | None, int | None]:
    """Return the bounds of a list as ns since 1970.

    Raises:
        InvalidRequestError: they do not fit into 64 bits, or the end is before the beginning.
    """
    if since is not None and until is not None and until < since:
        raise InvalidRequestError("query/until", "expected a time that is not before since")
    return ns_of(since), ns_of(until)


def span_of(
    request: Request, services: Services, since: datetime | None, until: datetime | None
) -> tuple[int, int]:
    """Return a span of time, the last day unless given; the reply is kept if its end is given.

    Raises:
        InvalidRequestError: it does not fit into 64 bits.
    """
    begin, end = ns_of(since), ns_of(until)
    if end is None:
        end = services.now()
    else:
        keep(request)
    return max(end - NS_PER_DAY, FIRST) if begin is None else begin, end


def written(position: Position | None) -> str | None:
    """Return a position as a cursor."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(orjson.dumps([position.time, position.id])).decode()


def position_of(cursor: str | None) -> Position | None:
    """Return the position that a cursor stands for.

    Raises:
        InvalidRequestError: the cursor was not issued by this API.
    """
    if cursor is None:
        return None
    try:
        time, key = orjson.loads(base64.urlsafe_b64decode(cursor.encode()))
        if -(2**63) <= time < 2**63 and "\0" not in key:
            return Position(int(time), str(key))
    except (ValueError, TypeError, binascii.Error):
        pass
    raise InvalidRequestError("query/cursor", "expected `next` of a page")


def as_json(page: Mapping[str, Any]) -> bytes:
    """Return a page as JSON, many times as fast as its model would."""
    return orjson.dumps(page, _as_stored, orjson.OPT_UTC_Z)


def _as_stored(value: object) -> object:
    if isinstance(value, StoredDocument):
        return orjson.Fragment(value.text)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value))


def page_reply(request: Request, body: bytes, cursor: str | None) -> Response:
    """Return a page, with the link to the next one (RFC 8288).

    Args:
        request: for the page.
        body: of the page, as JSON; a model that looks at it again would take longer than all else.
        cursor: of the next page; None at the end.
    """
    response = Response(body, media_type="application/json")
    keep(request)
    if cursor is not None:
        given = request.query_params.multi_items()
        response.headers["Link"] = link_to_next(request.scope["path"], given, cursor)
    return response


def link_to_next(path: str, given: Iterable[tuple[str, str]], cursor: str) -> str:
    """Return the link to the next page of a list.

    Args:
        path: of the list.
        given: the query of this page.
        cursor: of the next page.
    """
    query = [*((name, value) for name, value in given if name != "cursor"), ("cursor", cursor)]
    return f'<{path}?{urlencode(query)}>; rel="next"'


def keep(request: Request) -> None:
    """Let the reply be given again while the store stays as it is.

    It may depend on the store, the path, the query, and what the caller may see, and on nothing
    else: not on the time, nor on what is outside of the store.
    """
    reading = reading_of(request)
    if reading is not None:
        reading.is_kept = True


def etag_of(revision: int) -> str:
    """Return the strong ETag of a revision."""
    return f'"{revision}"'


def revision_of(if_match: str | None) -> int | None:
    """Return the revision that the caller has read; None for any.

    Raises:
        PreconditionRequiredError: none is given.
        InvalidRequestError: it is a revision without quotation marks.
        StaleError: the ETag was not issued by this server, so nothing has it.
    """
    if if_match is None:
        raise PreconditionRequiredError(
            "If-Match is missing: send the ETag that you have read, or * to skip the check"
        )
    tag = if_match.strip()
    if tag == "*":
        return None
    if tag.isascii() and tag.isdigit():
        raise InvalidRequestError(
            "header/If-Match", f"found {tag[:20]}, expected an ETag, which has quotation marks"
        )
    number = tag[1:-1]
    if tag != f'"{number}"' or not number.isascii() or not number.isdigit() or len(number) > 18:
        raise StaleError("If-Match does not hold an ETag of this resource: read it again")
    return int(number)
