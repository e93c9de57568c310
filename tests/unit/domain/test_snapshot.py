import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.domain.errors import SnapshotError
from engine.domain.snapshot import VERSION, decode, encode

RECORD = np.dtype([("level", "<f8", (3,)), ("count", "<u4"), ("mass", "u1", (2, 4, 2))])


def test_records_survive_a_round_trip() -> None:
    records = np.zeros(5, RECORD)
    records["level"] = np.arange(15).reshape(5, 3)
    records["mass"][2] = 7
    back = decode("detect", encode("detect", {"state": records, "models": b"\0raw\xff"}))

    assert back["models"] == b"\0raw\xff"
    assert isinstance(back["state"], np.ndarray)
    assert back["state"].dtype == RECORD
    assert back["state"].tobytes() == records.tobytes()


@given(arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(0, 3))))
def test_arrays_survive_a_round_trip_with_their_shape(array: np.ndarray) -> None:
    back = decode("x", encode("x", {"a": array}))["a"]

    assert isinstance(back, np.ndarray)
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


def test_decoded_arrays_are_writable() -> None:
    back = decode("x", encode("x", {"a": np.arange(3)}))["a"]

    assert isinstance(back, np.ndarray)
    back[0] = 9
    assert back.tolist() == [9, 1, 2]


@given(st.data())
def test_rejects_changed_byte(data: st.DataObject) -> None:
    blob = bytearray(encode("x", {"a": np.arange(8)}))
    place = data.draw(st.integers(0, len(blob) - 1))
    blob[place] ^= data.draw(st.integers(1, 255))

    with pytest.raises(SnapshotError):
        decode("x", bytes(blob))


def test_rejects_truncated_blob() -> None:
    blob = encode("x", {"a": np.arange(8)})

    for size in (0, 3, len(blob) // 2, len(blob) - 1):
        with pytest.raises(SnapshotError):
            decode("x", blob[:size])


def test_rejects_newer_format_with_a_cure() -> None:
    blob = bytearray(encode("x", {}))
    blob[4] = VERSION + 1

    with pytest.raises(SnapshotError, match="run the version that wrote it"):
        decode("x", bytes(blob))


def test_rejects_another_kind_by_name() -> None:
    with pytest.raises(SnapshotError, match='"alert", expected "detect"'):
        decode("detect", encode("alert", {}))
