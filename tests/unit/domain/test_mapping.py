from engine.domain.errors import nearest
from engine.domain.mapping import EventMapping, TimeField, ValueField
from engine.domain.path import path_text


def test_path_text_matches_the_pipeline_file() -> None:
    assert path_text(("readings", "vibration", 0, "peak")) == "readings.vibration[0].peak"
    assert path_text((0, "a")) == "[0].a"


def test_values_keep_their_order() -> None:
    fields = (ValueField("b", ("b",)), ValueField("a", ("a",)))

    assert EventMapping((), TimeField(), fields).value_names == ("b", "a")


def test_nearest_name_is_offered_only_if_close() -> None:
    assert nearest("zscor", ["zscore", "half_space_trees"]) == ' Did you mean "zscore"?'
    assert nearest("xyz", ["zscore"]) == ""
