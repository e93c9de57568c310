"""Form data, `PASSKEY=x&tempf=66.0`: what weather stations and trackers send over HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from connectors.formats.binary import NoSettings
from connectors.formats.lines_of_text import typed_value
from connectors.formats.text import decode_text
from engine.domain.batch import Headers
from engine.domain.format import FormatError

MOST_FIELDS = 1_000


class Form:
    """The plug-in behind `format: form`: pairs of names and values, encoded as in a URL.

    Of a name that comes twice, the last value counts.
    """

    Settings = NoSettings
    name = "form"
    many = False

    def __init__(self, settings: NoSettings, text_fields: frozenset[str]) -> None:
        self._texts = text_fields

    def decode(self, payload: bytes, headers: Headers) -> Any:
        """Return the fields: numbers where they look like numbers, and texts.

        Raises:
            FormatError: it is not a form.
        """
        text = decode_text(payload).strip()
        # What comes by GET is often passed on with its path.
        query = text.partition("?")[2] if text.startswith(("/", "http")) else text
        options: dict[str, Any] = {"keep_blank_values": True, "max_num_fields": MOST_FIELDS}
        try:
            pairs = parse_qsl(query.strip("&"), strict_parsing=True, **options)
        except ValueError as error:
            raise FormatError(f"the payload is not a form: {error}") from None
        return {name: typed_value(name, value, self._texts) for name, value in pairs}
