from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.index_ranges import ranges_text, read_ranges


@given(st.sets(st.integers(0, 300), min_size=1))
def test_reads_what_was_written(indices: set[int]) -> None:
    text = ranges_text(np.array([*indices], np.int32))

    assert read_ranges(text, 301).tolist() == sorted(indices)


def test_indices_that_follow_each_other_are_a_range() -> None:
    assert ranges_text(np.array([7, 0, 1, 2, 9, 10], np.int32)) == "0-2,7,9-10"


@pytest.mark.parametrize("text", ["", "a", "1-", "-5", "0-999999999999", "3,4,5,6", "1;2"])
def test_refuses_what_nobody_wrote(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of int, or ours: who reads it knows what it was
        read_ranges(text, 3)
