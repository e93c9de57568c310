"""Values of a message, as numbers or gaps."""

from __future__ import annotations

import base64
import math
import re
from array import array
from decimal import Decimal
from typing import Any

import numpy as np

from engine.domain.batch import Bools, Floats
from engine.domain.mapping import ValueField
from engine.domain.path import EACH
from operators.decode.columns import listed
from operators.decode.reading import Column

NUMBERS = {int, float, bool}
GAP = float("nan")
PREFIXES = {"n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "": 1.0}
PREFIXES |= {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
PREFIXES |= {f"{prefix}i": 1024.0**n for n, prefix in enumerate("KMGTPE", 1)}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_QUANTITY = re.compile(r"(.*[0-9]\.?)\s*([^0-9]*)", re.DOTALL)
_BLANKS = re.compile(r"(?<=[0-9])['\u2019 \u00a0\u202f](?=[0-9]{3}(?![0-9]))")
_GROUPED = {sign: re.compile(rf"[+-]?[0-9]{{1,3}}(?:\{sign}[0-9]{{3}})+") for sign in ".,"}
_NOT_FINITE = {"nan": GAP, "inf": math.inf, "infinity": math.inf}
REGISTER_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
LONGEST_UNIT_CHARS = 12
LONGEST_TEXT_CHARS = 400
"""Characters of a number as text: a longer one is not a reading."""


class NoNumberError(ValueError):
    """A value that is not a number of its field; its text says what was expected."""


class NumberReader:
    """Reads the values of one field."""

    def __init__(self, field: ValueField) -> None:
        self._field = field
        self.may_miss = field.optional or bool(field.missing)
        self._numbers = dict(field.numbers)
        self._otherwise = self._numbers.get(EACH)
        self._missing = {text for text in field.missing if isinstance(text, str)}
        self._missing_numbers = {float(n) for n in field.missing if not isinstance(n, str)}

    def column(self, found: Column, good: Bools) -> Floats:
        """Return the numbers of a column, marking the rows where none is and one had to be."""
        if isinstance(found, np.ndarray):
            if not self._field.takes_text:
                numbers: Floats = found.astype(np.float64)
                good &= ~np.isinf(numbers) if self.may_miss else np.isfinite(numbers)
                return numbers
            found = listed(found)
        if self._field.takes_text:
            numbers = _floats(self._each(found, good))
        else:
            plain = _plain_numbers(found)
            numbers = _floats(self._each(found, good)) if plain is None else plain
        good &= ~np.isinf(numbers) if self.may_miss else np.isfinite(numbers)
        return numbers

    def number(self, found: Any) -> float:
        """Return what one field says; NaN is a gap.

        Raises:
            NoNumberError: it is not a number.
        """
        if found is None:
            if not self._field.optional:
                raise NoNumberError("a number")
            return GAP
        if self._is_missing(found):
            return GAP
        if self._numbers:
            is_scalar = type(found) is str or type(found) in NUMBERS
            number = self._numbers.get(_text(found), self._otherwise if is_scalar else None)
            if number is not None:
                return number
        if type(found) in NUMBERS or isinstance(found, Decimal):
            # Beyond 2**53 a float is not the integer any more.
            return self._signed(found if type(found) is int else float(found))
        return self._signed(self._from_text(found))

    def _signed(self, number: float) -> float:
        """Return what a register stands for; any other number is itself."""
        bits = REGISTER_BITS.get(self._field.reading)
        if bits is None or math.isnan(number):
            return float(number)
        if not float(number).is_integer() or not -(2 ** (bits - 1)) <= number < 2**bits:
            raise NoNumberError(f"an integer of {bits} bits")
        return float(number - 2**bits if number >= 2 ** (bits - 1) else number)

    def _each(self, found: Column, good: Bools) -> Column:
        numbers: Column = []
        for row, item in enumerate(found):
            try:
                numbers.append(self.number(item))
            except OverflowError:
                numbers.append(np.inf)
            except NoNumberError:
                numbers.append(GAP)
                good[row] = False
        return numbers

    def _is_missing(self, found: Any) -> bool:
        if type(found) is str:
            return found in self._missing
        return type(found) in (int, float) and found in self._missing_numbers

    def _from_text(self, found: Any) -> float:
        field = self._field
        if field.reading == "decimal":
            return _decimal(found, field.scale)
        if type(found) is not str or field.reading == "plain" or len(found) > LONGEST_TEXT_CHARS:
            raise NoNumberError(self._expected(found))
        text = found.strip()
        special = _NOT_FINITE.get(text.lstrip("+-").lower())
        if special is not None:
            return special
        if field.reading == "quantity":
            return _quantity(text, field)
        number = _plain(text, field.decimal)
        if number is None:
            raise NoNumberError(self._expected(found))
        return number

    def _expected(self, found: Any) -> str:
        """Return what is expected there, and how the file can take what is."""
        if self._numbers:
            return f"a number or one of {', '.join(self._numbers)}"
        if type(found) is not str:
            return "a number"
        text, sign = found.strip(), self._field.decimal
        other = "," if sign == "." else "."
        if self._field.reading != "plain":
            hint = f': set decimal: "{other}"' if _plain(text, other) is not None else ""
            return f'a number with the decimal sign "{sign}"{hint}'
        if _plain(text, ".") is not None:
            return "a number: set as: number"
        if _plain(text, ",") is not None:
            return 'a number: set as: number and decimal: ","'
        if hint := _quantity_hint(text):
            return f"a number: {hint}"
        return "a number: set map or missing for such texts"


def _plain(text: str, decimal: str) -> float | None:
    """Return what a text says with this decimal sign; None if it is not a number.

    Groups of thousands are taken where no other reading is possible: 1 013,25 and 1.013,25 with
    a comma; a lone 1.013 would be either.
    """
    text = _BLANKS.sub("", text)
    other = "," if decimal == "." else "."
    if other in text:
        whole, sign, rest = text.partition(decimal)
        if not sign or not _GROUPED[other].fullmatch(whole):
            return None
        text = whole.replace(other, "") + sign + rest
    text = text.replace(decimal, ".")
    return float(text) if _NUMBER.fullmatch(text) else None


def _quantity_hint(text: str) -> str:
    """Return how a number with a unit or prefix behind it can be read."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return ""
    number, unit = found[1].strip(), found[2]
    signs = [sign for sign in ".," if _plain(number, sign) is not None]
    if not signs or len(unit) > LONGEST_UNIT_CHARS:
        return ""
    hint = "set as: quantity" + ("" if unit in PREFIXES else f' and unit: "{unit}"')
    return hint if signs[0] == "." else f'{hint} and decimal: ","'


def _quantity(text: str, field: ValueField) -> float:
    found = _QUANTITY.fullmatch(text)
    number = found and _plain(found[1], field.decimal)
    if found is None or number is None:
        other = "," if field.decimal == "." else "."
        has_other = found is not None and _plain(found[1], other) is not None
        hint = f': set decimal: "{other}"' if has_other else ""
        raise NoNumberError(f"a number with its unit{hint}")
    prefix = found[2]
    if field.unit:
        if not prefix.endswith(field.unit):
            raise NoNumberError(f"a number in {field.unit}")
        prefix = prefix.removesuffix(field.unit).strip()
    if prefix not in PREFIXES:
        raise NoNumberError("a number with a prefix such as k, M or Ki; or set unit")
    return number * PREFIXES[prefix]


def _decimal(found: Any, scale: int) -> float:
    """Return a decimal as Kafka Connect writes it: big-endian, in base64 or as bytes."""
    if type(found) is dict and type(found.get("scale")) is int:
        found, scale = found.get("value"), min(max(found["scale"], -400), 400)
    if type(found) is str:
        try:
            found = base64.b64decode(found, validate=True)
        except ValueError:
            raise NoNumberError("a decimal in base64") from None
    if type(found) is not bytes or len(found) > LONGEST_TEXT_CHARS:
        raise NoNumberError("a decimal in base64")
    return float(Decimal(int.from_bytes(found, "big", signed=True)).scaleb(-scale))


def _text(found: Any) -> str:
    if type(found) is bool:
        return "true" if found else "false"
    return found if type(found) is str else repr(found) if type(found) in (int, float) else ""


def _plain_numbers(found: Column) -> Floats | None:
    """Return a column of numbers as they are; None if one of them is none, or too large.

    An array takes numbers alone, where numpy would read those in texts as well.
    """
    try:
        return np.frombuffer(array("d", found))
    except (TypeError, OverflowError):
        return None


def _floats(numbers: Column) -> Floats:
    try:
        return np.array(numbers, np.float64)
    except OverflowError:
        return np.array([_float(number) for number in numbers])


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf
