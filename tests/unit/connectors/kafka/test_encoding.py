from __future__ import annotations

import io

import fastavro
import pytest

from connectors.kafka.encoding import Encoder, SinkFormat
from connectors.kafka.schemas import SCHEMAS, avro_of
from engine.domain.record import Record
from tests.unit.operators.test_publish import real_documents

RULE = {"value": "a", "valid_range": [None, 5.0], "min_deviation": {"absolute": 2.0}}
PLAIN = Record(b"s1", b"{}", (("pynomaly-id", b"1"),), 1_704_067_200_000_000_000, "1")


@pytest.mark.parametrize("more", [{}, {"trace_id": "a" * 32}, {"rule": RULE}])
def test_anomalies_come_back_whole_from_avro(more: dict[str, object]) -> None:
    parsed = fastavro.parse_schema(avro_of(SCHEMAS["anomalies"], "anomaly"))
    document = {**real_documents()[0], **more}
    stream = io.BytesIO()

    fastavro.schemaless_writer(stream, parsed, document, strict_allow_default=True)
    stream.seek(0)
    found = fastavro.schemaless_reader(stream, parsed, None)

    assert isinstance(found, dict)
    assert _without_none(found) == _without_none(document)


def _without_none(found: object) -> object:
    if isinstance(found, dict):
        return {name: _without_none(value) for name, value in found.items() if value is not None}
    return [_without_none(value) for value in found] if isinstance(found, list) else found


def test_all_that_has_a_schema_has_one_in_avro() -> None:
    for role, schema in SCHEMAS.items():
        fastavro.parse_schema(avro_of(schema, role))


def test_records_have_the_headers_of_cloudevents_if_asked() -> None:
    record = Encoder("anomalies", "t", "shop", None, True).encoded(PLAIN)

    headers = {name: value for name, value in record.headers if name != "pynomaly-id"}
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": b"1",
        "ce_source": b"/pynomaly/shop",
        "ce_type": b"io.pynomaly.anomaly",
        "ce_subject": b"s1",
        "ce_time": b"2024-01-01T00:00:00.000000000Z",
        "content-type": b"application/json",
    }
    assert record.value == PLAIN.value


def test_dead_letters_stay_as_they_came() -> None:
    settings = {"avro": {"registry": {"url": "http://127.0.0.1:1"}}}
    encoder = Encoder("dead_letters", "t", "p", SinkFormat.model_validate(settings), True)
    encoder.open()

    assert encoder.encoded(PLAIN) == PLAIN
