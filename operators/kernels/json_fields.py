"""Fields of JSON objects, an object a line, read into columns; compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.domain.batch import Bools, Floats, Int64s
from operators.kernels import json_syntax
from operators.kernels.json_syntax import (
    CLOSE,
    COLON,
    COMMA,
    INEXACT,
    INTEGER,
    INVALID,
    MINUS,
    NINE,
    OPEN,
    QUOTE,
    ZERO,
    Bytes,
    N,
    T,
    after_blanks,
    number_at,
    text_end,
    value_end,
    word_end,
)
from operators.kernels.kernel_part import kernel_part
from operators.kernels.record_bank import kernel

TEXT, WHOLE, NUMBER, OPTIONAL = 0, 1, 2, 3
"""How a field is read: as a text, as an integer of 64 bits, as a number, or as one that may be
missing or null."""
UNREAD = IGNORED = -1
REMEMBERED = 64
"""Fields of a message that are expected where the message before had them."""


class Fields(NamedTuple):
    """The k fields that are read.

    Attributes:
        names: uint8, their names, one behind the other.
        bounds: int64 [k + 1], where each name begins.
        kinds: int64 [k], how each is read.
    """

    names: Bytes
    bounds: Int64s
    kinds: Int64s


class Found(NamedTuple):
    """What is read of n messages.

    Attributes:
        spans: int64 [k, n, 2], where texts and inexact numbers begin and end.
        integers: int64 [k, n].
        numbers: float64 [k, n]; NaN where an optional one is missing.
        inexact: int64 [1 + k * n], the number of numbers that are to be read otherwise, then
            row * k + field of each.
        is_read: bool [n], which of them are to be read, then which were: what the others have
            above is of no use.
    """

    spans: Int64s
    integers: Int64s
    numbers: Floats
    inexact: Int64s
    is_read: Bools


def read_fields(  # noqa: C901 - passing columns to functions takes twice as long
    lines: Bytes, bounds: Int64s, fields: Fields, found: Found
) -> None:
    """Read objects, but for those that are not plain or lack a field.

    Args:
        lines: the objects, a line feed behind each, and a quote and a line feed. Those that are to
            be read have no escapes and no control characters.
        bounds: int64 [n + 1], where each object begins, and the quote.
        fields: what is read.
        found: takes it.
    """
    names, ends, kinds = fields
    spans, integers, numbers, inexact, is_read = found
    count, wanted = numbers.shape[1], 0
    for field in range(len(kinds)):
        if kinds[field] != OPTIONAL:
            wanted |= 1 << field
    # Begin and size of each name of the message before, and its field; no name has size -1.
    before = np.full((REMEMBERED, 3), -1, np.int64)
    inexact[0] = 0
    for row in range(count):
        if not is_read[row]:
            continue
        is_read[row] = False
        inexact_before = inexact[0]
        at = after_blanks(lines, bounds[row])
        is_plain = lines[at] == OPEN
        at = after_blanks(lines, at + 1) if is_plain else at
        seen, place, more = 0, 0, is_plain and lines[at] != CLOSE
        while more:
            # Left before its end by what is not plain.
            is_plain = False
            if lines[at] != QUOTE:
                break
            begin = at + 1
            end = text_end(lines, begin)
            size = end - begin
            at = after_blanks(lines, end + 1)
            if lines[at] != COLON:
                break
            at = after_blanks(lines, at + 1)
            if (
                place < REMEMBERED
                and before[place, 1] == size
                and _same(lines, before[place, 0], begin, size)
            ):
                field = before[place, 2]
            else:
                field = _search(lines, begin, size, names, ends)
            if place < REMEMBERED:
                before[place, 0], before[place, 1], before[place, 2] = begin, size, field
            place += 1
            kind, sign = IGNORED, lines[at]
            if field >= 0:
                if seen >> field & 1:
                    break
                seen |= 1 << field
                kind = kinds[field]
            if sign == QUOTE:
                if kind > TEXT:
                    break
                end = text_end(lines, at + 1)
                if kind == TEXT:
                    spans[field, row, 0], spans[field, row, 1] = at + 1, end
                at = end + 1
            elif sign == MINUS or ZERO <= sign <= NINE:
                form, end, whole, number = number_at(lines, at)
                if form == INVALID or kind == TEXT or (kind == WHOLE and form != INTEGER):
                    break
                if kind == WHOLE:
                    integers[field, row] = whole
                elif kind > WHOLE:
                    numbers[field, row] = number
                    if form == INEXACT:
                        inexact[0] += 1
                        inexact[inexact[0]] = row * len(kinds) + field
                        spans[field, row, 0], spans[field, row, 1] = at, end
                at = end
            elif kind == IGNORED:
                at = value_end(lines, at)
            else:
                if kind <= WHOLE or (sign == N and kind == NUMBER):
                    break
                at = word_end(lines, at)
                numbers[field, row] = np.nan if sign == N else 1.0 if sign == T else 0.0
            if at < 0:
                break
            at = after_blanks(lines, at)
            more = lines[at] == COMMA
            if more:
                at = after_blanks(lines, at + 1)
            elif lines[at] != CLOSE:
                break
            is_plain = True
        if not is_plain or seen & wanted != wanted:
            inexact[0] = inexact_before
            continue
        # A text without an end, or a line feed, leads into another object.
        if after_blanks(lines, at + 1) != bounds[row + 1] - 1:
            inexact[0] = inexact_before
            continue
        for field in range(len(kinds)):
            if not seen >> field & 1:
                numbers[field, row] = np.nan
        is_read[row] = True


@kernel_part
def _same(lines: Bytes, one: int, other: int, size: int) -> bool:
    at = 0
    while at < size and lines[one + at] == lines[other + at]:
        at += 1
    return at == size


@kernel_part
def _search(lines: Bytes, begin: int, size: int, names: Bytes, bounds: Int64s) -> int:
    for field in range(len(bounds) - 1):
        first = bounds[field]
        if bounds[field + 1] - first != size:
            continue
        at = 0
        while at < size and names[first + at] == lines[begin + at]:
            at += 1
        if at == size:
            return field
    return UNREAD


read_compiled = kernel(read_fields, [json_syntax])
