import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.kinds import ALL_KINDS, KINDS
from engine.domain.summary import lasting, summary
from engine.domain.time_units import NS_PER_SECOND

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_names_the_value_its_distance_and_its_rarity() -> None:
    text = summary("spike", "temperature", 97.5751, 69.4924, 76.9329, None, 1.32e-5)

    assert text == (
        "temperature 97.58 is 20.6 above the 69.49 to 76.93 expected now; "
        "about 1 of 76,000 normal events deviates as much"
    )


def test_says_how_far_below() -> None:
    text = summary("season", "load", 3.0, 410.0, 530.0, None, 0.5)

    assert text == "load 3 is 407 below the 410 to 530 usual at this time"


def test_states_no_rarity_beyond_one_in_a_million() -> None:
    text = summary("stuck", "flow", 2.5, 1.0, 4.0, 48.0, 1e-30)

    assert text == (
        "flow has been 2.5 in 48 events in a row, more than usual; "
        "fewer than 1 of 1,000,000 normal events deviate as much"
    )


@pytest.mark.parametrize("p_value", [0.02, 1.0, float("nan")])
def test_is_silent_about_a_rarity_that_says_nothing(p_value: float) -> None:
    text = summary("burst", "flow", 2.5, 1.0, 4.0, None, p_value)

    assert text == "flow varies more than usual; its newest value is 2.5"


@pytest.mark.parametrize(
    ("kind", "amount", "text"),
    [
        (
            "burst",
            3.14159,
            "flow varies at least 3.1 times as much as usual; its newest value is 2.5",
        ),
        ("calm", 0.2, "flow varies at most 0.2 times as much as usual; its newest value is 2.5"),
        ("stuck", 1234.0, "flow has been 2.5 in 1234 events in a row, more than usual"),
        ("cadence", 0.3219, "the time between events is 0.32 times the usual"),
    ],
)
def test_says_how_much_where_distance_says_nothing(kind: str, amount: float, text: str) -> None:
    assert summary(kind, "flow", 2.5, 1.0, 4.0, amount, 1.0) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            "shift",
            "the mean of ms over a minute has moved to 151, 16 above the 114 to 135 expected",
        ),
        (
            "drift",
            "the mean of ms over a minute has drifted to 151, 16 above the 114 to 135 expected",
        ),
        (
            "season",
            "the mean of ms over a minute, 151, is 16 above the 114 to 135 usual at this time",
        ),
    ],
)
def test_states_the_mean_where_that_deviates(kind: str, text: str) -> None:
    assert summary(kind, "ms", 52.0, 114.0, 135.0, 151.0, 1.0) == text


def test_states_the_value_where_the_mean_is_as_expected() -> None:
    text = summary("drift", "ms", 52.0, 114.0, 135.0, 120.0, 1.0)

    assert text == "ms has drifted to 52, 62 below the 114 to 135 expected"


@pytest.mark.parametrize("kind", KINDS)
def test_never_says_how_far_inside_of_its_range_a_value_is(kind: str) -> None:
    inside = summary(kind, "flow", 2.5, 1.0, 4.0, None, 1.0)

    assert "2.5" in inside or kind == "cadence"
    assert "1 to 4" not in inside


def test_says_when_the_incident_began() -> None:
    assert lasting("flow is high", 130 * NS_PER_SECOND) == (
        "flow is high; the incident began 2 min 10 s ago"
    )
    assert lasting("flow is high", NS_PER_SECOND - 1) == "flow is high"


def test_is_short_without_an_expected_range() -> None:
    assert summary("spike", "flow", 9.123456789, None, None, None, 1.0) == "flow 9.12346 is unusual"


def test_rules_state_no_rarity() -> None:
    text = summary("out_of_range", "flow", 99.0, 0.0, 50.0, None, 1e-9)

    assert text == "flow 99 is outside of the valid range 0 to 50"


@pytest.mark.parametrize(
    ("low", "high", "bounds"),
    [(0.0, None, " of 0 or more"), (None, 50.5, " of 50.5 or less"), (None, None, "")],
)
def test_a_valid_range_may_have_one_bound(
    low: float | None, high: float | None, bounds: str
) -> None:
    text = summary("out_of_range", "flow", -1.0, low, high, None, 1.0)

    assert text == f"flow -1 is outside of the valid range{bounds}"


def test_a_gap_has_no_distance() -> None:
    text = summary("pattern", "flow", None, 0.0, 50.0, None, 1.0)

    assert text == "flow (none) breaks the usual pattern"


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (1_700_000_000.25, 1_699_999_000.0, 1_699_999_900.0, "1700000000"),
        (0.000123456, 0.0001, 0.00011, "0.0001235"),
        (1e300, 0.0, 1.0, "1e+300"),
        (5e-20, 0.0, 1e-20, "5e-20"),
        (-0.0001, 0.0, 9.0, "0"),
    ],
)
def test_shows_the_digits_that_the_range_makes_matter(
    value: float, low: float, high: float, shown: str
) -> None:
    assert summary("spike", "x", value, low, high, None, 1.0).startswith(f"x {shown} is ")


@given(
    st.sampled_from(ALL_KINDS),
    st.none() | FINITE,
    FINITE,
    FINITE,
    st.none() | FINITE,
    st.floats(0, 1),
)
def test_every_anomaly_has_one_line(
    kind: str, value: float | None, one: float, other: float, amount: float | None, p_value: float
) -> None:
    low, high = sorted((one, other))

    text = summary(kind, "x", value, low, high, amount, p_value)

    assert text
    assert "\n" not in text
    assert len(text) < 250


@given(st.sampled_from(KINDS), FINITE, st.floats(1e-6, 1e-2), st.floats(1e-6, 1e-2))
def test_rarity_is_that_of_the_p_value(kind: str, value: float, one: float, other: float) -> None:
    more, less = (summary(kind, "x", value, 0.0, 1.0, None, p) for p in sorted((one, other)))

    counts = [int(text.split(" of ")[-1].split()[0].replace(",", "")) for text in (more, less)]

    assert counts[0] >= counts[1]
    assert counts[1] == pytest.approx(1 / max(one, other), rel=0.06)
