from hypothesis import given
from hypothesis import strategies as st

from engine.domain.key_group import group_key, key_group


def test_groups_are_part_of_the_stored_format() -> None:
    # Literals: stored state is found again by them.
    assert [key_group(key, 32) for key in ("press-001", "press-002", "ü", "")] == [30, 4, 21, 0]
    assert group_key(7) == "g0007"


@given(st.text(), st.integers(1, 256))
def test_every_text_has_a_group(key: str, groups: int) -> None:
    assert 0 <= key_group(key, groups) < groups
