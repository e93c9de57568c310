"""Dead letters by reason."""

from __future__ import annotations

from engine.application.rejects.letters import Letter, by_reason


def letter(number: int, detail: str) -> Letter:
    return Letter(str(number), "wrong_type", detail, "t", 0, number, 0, None, b"{}")


def test_sentences_that_differ_in_what_was_found_are_counted_as_one() -> None:
    numbers = [letter(n, f"temp is '2{n}.5', expected a number: set as: number") for n in range(5)]
    word = letter(9, "temp is 'off', expected a number: set map or missing for such texts")

    (group,) = by_reason([*numbers, word], samples=3).values()

    assert dict(group.details) == {numbers[0].detail: 5, word.detail: 1}
    assert (group.count, group.samples) == (6, [numbers[0], word])
