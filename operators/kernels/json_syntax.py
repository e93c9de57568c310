"""The syntax of JSON, compiled: where a value ends, and what a number is.

The functions take bytes without escapes and without control characters but line feeds, and an
index. They rely on a quote and a line feed at the end: none of them goes beyond those.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from operators.kernels.kernel_part import kernel_part

Bytes = NDArray[np.uint8]

SPACE, LF = 0x20, 0x0A
QUOTE, COMMA, COLON = 0x22, 0x2C, 0x3A
OPEN, CLOSE, OPEN_ARRAY, CLOSE_ARRAY = 0x7B, 0x7D, 0x5B, 0x5D
ZERO, NINE, MINUS, PLUS, POINT = 0x30, 0x39, 0x2D, 0x2B, 0x2E
A, L, R, S, U = 0x61, 0x6C, 0x72, 0x73, 0x75
E, F, N, T, BIG_E = 0x65, 0x66, 0x6E, 0x74, 0x45
DEEPEST = 60
"""Containers within each other: a bit each says which are objects."""
LONGEST_DIGITS = 18
"""Digits of a number that always fit 64 bits."""
EXACT = 2**53
"""Integers up to it are exact as floats, and so are the powers of ten in `POWERS`: the product or
the quotient of two exact numbers is the float nearest to the number (Clinger, 1990)."""
POWERS = 10.0 ** np.arange(23)
LARGEST_EXPONENT = 9_999
INVALID, INTEGER, FLOAT, INEXACT = 0, 1, 2, 3
"""What a number is: none, an integer, a float, or one that is to be read otherwise."""


@kernel_part
def after_blanks(text: Bytes, at: int) -> int:
    """Return where something other than blanks stands."""
    while text[at] == SPACE:
        at += 1
    return at


@kernel_part
def text_end(text: Bytes, at: int) -> int:
    """Return where the closing quote stands of a text that begins here."""
    while text[at] != QUOTE:
        at += 1
    return at


@kernel_part
def number_at(text: Bytes, at: int) -> tuple[int, int, int, float]:  # noqa: C901 - JSON's parts
    """Return what a number is, where it ends, and its value as an integer and as a float."""
    negative = text[at] == MINUS
    first = at + 1 if negative else at
    at, whole = _digits(text, first, 0)
    digits = at - first
    if digits == 0 or (text[first] == ZERO and digits > 1):
        return INVALID, at, 0, 0.0
    is_integer, power = True, 0
    if text[at] == POINT:
        is_integer, before = False, at + 1
        at, whole = _digits(text, before, whole)
        power = before - at
        if power == 0:
            return INVALID, at, 0, 0.0
        digits -= power
    if text[at] == E or text[at] == BIG_E:
        is_integer = False
        at, exponent = _exponent(text, at + 1)
        if exponent > LARGEST_EXPONENT:
            return INVALID, at, 0, 0.0
        power += exponent
    if digits > LONGEST_DIGITS:
        return INEXACT, at, 0, 0.0
    if is_integer:
        # An integer has no negative zero, and a float has one.
        if negative and whole == 0:
            return INVALID, at, 0, 0.0
        whole = -whole if negative else whole
        return INTEGER, at, whole, float(whole)
    if whole > EXACT or power < -22 or power > 22:
        return INEXACT, at, 0, 0.0
    value = float(whole) / POWERS[-power] if power < 0 else float(whole) * POWERS[power]
    return FLOAT, at, 0, -value if negative else value


@kernel_part
def _digits(text: Bytes, at: int, whole: int) -> tuple[int, int]:
    """Return where digits end that begin here, and the number that they continue."""
    # numba takes the difference of a byte and an integer as 64 bits.
    digit = text[at] - ZERO
    while 0 <= digit <= 9:
        whole = whole * 10 + digit
        at += 1
        digit = text[at] - ZERO
    return at, whole


@kernel_part
def _exponent(text: Bytes, at: int) -> tuple[int, int]:
    """Return where an exponent ends that begins here, and its value: too large if it is none."""
    negative = text[at] == MINUS
    if negative or text[at] == PLUS:
        at += 1
    end, exponent = _digits(text, at, 0)
    if end == at or end - at > 4:
        return end, LARGEST_EXPONENT + 1
    return end, -exponent if negative else exponent


@kernel_part
def word_end(text: Bytes, at: int) -> int:
    """Return where true, false or null ends that begins here; -1 if it is none of them."""
    first = text[at]
    if first == T:
        if text[at + 1] == R and text[at + 2] == U and text[at + 3] == E:
            return at + 4
    elif first == N:
        if text[at + 1] == U and text[at + 2] == L and text[at + 3] == L:
            return at + 4
    elif first == F and text[at + 1] == A and text[at + 2] == L and text[at + 3] == S:
        return at + 5 if text[at + 4] == E else -1
    return -1


@kernel_part
def value_end(text: Bytes, at: int) -> int:  # noqa: C901 - one loop instead of recursion
    """Return where any value ends that begins here; -1 if it is none, or nested too deeply."""
    # A bit for each container that is open, the innermost the lowest: 1 is an object.
    objects, depth = 0, 0
    while True:
        sign = text[at]
        if sign in (OPEN, OPEN_ARRAY):
            is_object = sign == OPEN
            at = after_blanks(text, at + 1)
            if text[at] != (CLOSE if is_object else CLOSE_ARRAY):
                at = _value_of_field(text, at) if is_object else at
                if at < 0 or depth == DEEPEST:
                    return -1
                depth, objects = depth + 1, objects << 1 | (1 if is_object else 0)
                continue
            at += 1
        else:
            at = _scalar_end(text, at)
            if at < 0:
                return -1
        while depth > 0:
            at = after_blanks(text, at)
            if text[at] == COMMA:
                break
            if text[at] != (CLOSE if objects & 1 else CLOSE_ARRAY):
                return -1
            depth, objects, at = depth - 1, objects >> 1, at + 1
        if depth == 0:
            return at
        at = after_blanks(text, at + 1)
        at = _value_of_field(text, at) if objects & 1 else at
        if at < 0:
            return -1


@kernel_part
def _value_of_field(text: Bytes, at: int) -> int:
    """Return where the value begins of a field that begins here; -1 if none does."""
    if text[at] != QUOTE:
        return -1
    at = after_blanks(text, text_end(text, at + 1) + 1)
    return after_blanks(text, at + 1) if text[at] == COLON else -1


@kernel_part
def _scalar_end(text: Bytes, at: int) -> int:
    sign = text[at]
    if sign == QUOTE:
        return text_end(text, at + 1) + 1
    if sign == MINUS or ZERO <= sign <= NINE:
        form, end, _, _ = number_at(text, at)
        return end if form != INVALID else -1
    return word_end(text, at)
