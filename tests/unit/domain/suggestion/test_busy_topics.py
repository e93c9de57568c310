"""Topics as they are after an hour: many entities, ids and codes that repeat, changes of rows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.domain.suggestion.mapping import suggested_mapping
from tests.unit.connectors.formats.format_case import decode, entities
from tests.unit.domain.suggestion.suggesting import notes, suggested

TS = 1_764_500_000
MANY = range(240)


def iso(n: int, seconds: int = 0) -> str:
    return f"2025-11-30T{10 + n // 60:02}:{n % 60:02}:{seconds:02}.000Z"


def debezium(n: int) -> dict[str, Any]:
    row = {"id": n % 3, "meter": f"M{n % 3}", "watts": 400.5 + n % 7}
    source = {"connector": "postgresql", "lsn": 24_000_000 + n, "txId": 700 + n}
    times = {"ts_ms": (TS + n) * 1000}
    if n % 60 == 59:
        return {"before": row, "after": None, "source": source, "op": "d", **times}
    before = row if n > 2 else None
    return {"before": before, "after": row, "source": source, "op": "cu"[n > 2], **times}


def home_assistant(n: int) -> dict[str, Any]:
    def state(at: int) -> dict[str, Any]:
        times = {"last_changed": iso(at), "last_updated": iso(at)}
        return {"entity_id": f"sensor.t{n % 3}", "state": f"{20 + at % 5}.5", **times}

    data = {"entity_id": f"sensor.t{n % 3}", "old_state": state(n), "new_state": state(n + 3)}
    return {"event_type": "state_changed", "data": data, "time_fired": iso(n + 3)}


def fluent_bit(n: int) -> dict[str, Any]:
    pod = {"pod_name": f"shop-{n % 3}", "namespace_name": "prod", "host": f"node-{n % 2}"}
    return {"@timestamp": TS + n, "log": json.dumps({"took_ms": n % 9 + 0.5}), "kubernetes": pod}


def gitlab(n: int) -> dict[str, Any]:
    own = {"id": 31_000 + n, "iid": n // 2, "created_at": iso(n), "duration": 600 + n % 9}
    user = {"id": 1 + n % 7, "name": f"U{n % 7}"}
    return {"object_attributes": own, "user": user, "project": {"id": 10 + n % 2, "name": "web"}}


def jenkins(n: int) -> dict[str, Any]:
    build = {"number": n // 3, "timestamp": (TS + n) * 1000, "duration": 900 + n % 11}
    return {"name": f"job-{n % 3}", "build": build}


def airflow(n: int) -> dict[str, Any]:
    names = {"dag_id": f"dag-{n % 3}", "task_id": f"task-{n // 3 % 2}", "hostname": f"w{n % 2}"}
    return {**names, "start_date": iso(n), "duration": 300.5 + n % 5}


def marine(n: int) -> dict[str, Any]:
    return {"vessel": f"v{n % 2}", "at": iso(n), "checksum": f"{n % 77:02X}", "depth": 20.5 + n % 3}


def tracker(n: int) -> dict[str, Any]:
    gps = {
        "latitude": 52.5,
        "longitude": 13.5,
        "altitude": n % 90,
        "angle": n % 360,
        "speed": n % 9,
    }
    return {"imei": f"35{n % 3:013}", "ts": TS + n, "gps": {**gps, "satellites": 5 + n % 4}}


def modbus(n: int) -> dict[str, Any]:
    """Registers that are read one after the other: each row has a time of its own."""
    name, register = [("voltage", 30_001), ("current", 30_007)][n // 3 % 2]
    row = {"device": f"m{n % 3}", "unitid": n % 3, "register": register, "parameter": name}
    return {**row, "value": 230.5 + n % 3 if name == "voltage" else 11.5 + n % 3, "ts": TS + n}


def registers(n: int) -> dict[str, Any]:
    """Registers without names."""
    row = {"device": f"m{n % 3}", "register": [30_001, 30_007][n // 3 % 2], "ts": TS + n}
    return {**row, "value": [230.5, 11.5][n // 3 % 2] + n % 3}


def unnamed_kinds(n: int) -> dict[str, Any]:
    """Rows whose values tell that a text is what they are of."""
    what = ["temp", "hum"][n // 3 % 2]
    return {
        "device": f"d{n % 3}",
        "k": what,
        "n": (20 if what == "temp" else 60) + n % 4,
        "ts": TS + n,
    }


def latencies(n: int) -> dict[str, Any]:
    """Rows with a text that says nothing of their values."""
    return {"device": f"d{n % 3}", "k": ["get", "put"][n // 3 % 2], "n": 20 + n % 7, "ts": TS + n}


@pytest.mark.parametrize(
    ("producer", "key", "time", "values"),
    [
        (debezium, "after.meter", "ts_ms", ["after.watts"]),
        (home_assistant, "data.entity_id", "data.new_state.last_changed", ["data.new_state.state"]),
        (fluent_bit, "kubernetes.pod_name", "@timestamp", ["took_ms"]),
        (gitlab, "project.id", "object_attributes.created_at", ["object_attributes.duration"]),
        (jenkins, "name", "build.timestamp", ["build.duration"]),
        (airflow, ["dag_id", "task_id"], "start_date", ["duration"]),
        (marine, "vessel", "at", ["depth"]),
        (tracker, "imei", "ts", ["gps.speed"]),
        (modbus, ["device", "parameter"], "ts", ["value"]),
        (registers, ["device", "register"], "ts", ["value"]),
        (unnamed_kinds, ["device", "k"], "ts", ["n"]),
        (latencies, "device", "ts", ["n"]),
    ],
)
def test_key_time_and_values_are_what_an_engineer_would_write(
    producer: Any, key: Any, time: str, values: list[str]
) -> None:
    event = suggested([producer(n) for n in MANY])

    assert (event["key"], event["time"]["path"], [*event["values"]]) == (key, time, values)


def test_deletes_of_debezium_are_passed_over() -> None:
    assert suggested([debezium(n) for n in MANY])["where"] == {"path": "op", "in": ["c", "u"]}


def test_what_belongs_to_an_entity_or_counts_is_named() -> None:
    assert "left out, for they number messages or belong to the entity: unitid, register" in notes(
        [modbus(n) for n in MANY]
    )
    assert "belong to the entity: build.number" in notes([jenkins(n) for n in MANY])


def test_a_number_that_is_the_only_value_stays_one_though_each_entity_has_one() -> None:
    documents = [{"device": f"d{n % 3}", "level": n % 3, "ts": TS + n} for n in MANY]

    assert [*suggested(documents)["values"]] == ["level"]


def test_numbers_with_names_beside_them_are_the_key_and_the_names_a_note() -> None:
    documents = [
        {"writer": {"id": n % 3, "name": f"Motor {n % 3}"}, "rpm": 1480.5 + n, "ts": TS + n}
        for n in MANY
    ]

    assert suggested(documents)["key"] == "writer.id"
    assert "the entities of the key have a name as well: writer.name" in notes(documents)


def test_metrics_of_several_devices_are_told_apart_by_the_keys_of_their_messages() -> None:
    documents = [
        {"metrics": [{"name": name, "timestamp": (TS + n) * 1000, "value": n % 5 + 0.5}
                     for name in ("Pressure", "Flow")]}
        for n in MANY
    ]  # fmt: skip
    keys = [f"spBv1.0/plant/DDATA/edge/pump{n % 3}" for n in MANY]

    found = suggested(documents, message_keys=keys)

    assert found["key"] == ["$message_key", "metrics.name"]
    assert suggested(documents, message_keys=["one"] * len(keys))["key"] == "metrics.name"


def wal2json(n: int) -> dict[str, Any]:
    names = ["id", "sensor", "temp"]
    row: dict[str, Any] = {"schema": "public", "table": "readings"}
    inserted = {"columnnames": names, "columnvalues": [n, f"s{n % 3}", 20.5 + n % 4]}
    changes = [{"kind": "insert", **row, **inserted}]
    if n % 17 == 0:
        old = {"keynames": ["id"], "keytypes": ["bigint"], "keyvalues": [n - 9]}
        changes.append({"kind": "delete", **row, "oldkeys": old})
    if n % 29 == 0:
        other = {"columnnames": ["id", "state", "n"], "columnvalues": [n, "done", 4]}
        changes = [{"kind": "update", **row, "table": "jobs", **other}]
    return {
        "xid": 500 + n,
        "timestamp": f"2025-11-30 1{n // 60}:{n % 60:02}:00+00",
        "change": changes,
    }


def test_rows_of_wal2json_are_read_by_the_names_beside_them() -> None:
    documents = [wal2json(n) for n in MANY]

    found = suggested(documents)

    assert found == {
        "explode": "change",
        "where": [
            {"path": "change.table", "equals": "readings"},
            {"path": "change.columnnames", "exists": True},
        ],
        "key": "change[columnnames=sensor].columnvalues",
        "time": {"path": "timestamp", "format": "iso8601"},
        "values": {"temp": {"path": "change[columnnames=temp].columnvalues"}},
    }
    read, rejects = decode(json.dumps(found), *(json.dumps(one).encode() for one in documents))
    assert rejects == []
    assert len(entities(read)) == sum("sensor" in json.dumps(one) for one in documents)


def keycloak(n: int) -> dict[str, Any]:
    kind = "LOGIN_ERROR" if n % 20 == 0 else ["LOGIN", "LOGOUT"][n % 2]
    own = {"id": f"5a1c7f0e-0000-4000-8000-{n:012}", "time": (TS + n) * 1000, "type": kind}
    return {**own, "clientId": f"app-{n % 3}", "userId": f"u{n % 40}", "ipAddress": f"10.0.0.{n}"}


def falco(n: int) -> dict[str, Any]:
    fields = {"proc.tty": 34_816 * (n % 2), "user.loginuid": -1, "user.uid": n % 5}
    levels = {"priority": ["Notice", "Warning"][n % 2], "rule": f"rule {n % 2}"}
    return {"hostname": f"n{n % 3}", "output_fields": fields, **levels, "time": iso(n)}


def audit(n: int) -> dict[str, Any]:
    answer = {"responseStatus": {"code": 200}, "stageTimestamp": iso(n)}
    decision = {"annotations": {"authorization.k8s.io/decision": "allow"}}
    user = {"user": {"username": ["alice", "system:node:n1"][n % 2]}, "verb": "get"}
    return {"requestURI": f"/api/v1/pods/{n % 9}", **user, **answer, **decision}


@pytest.mark.parametrize(
    ("producer", "key", "value"),
    [
        (keycloak, "clientId", {"path": "type", "map": {"LOGIN_ERROR": 1, "*": 0}}),
        (
            audit,
            "user.username",
            {"path": 'annotations["authorization.k8s.io/decision"]', "map": {"allow": 0, "*": 1}},
        ),
    ],
)
def test_the_share_of_bad_messages_is_the_value_where_nothing_is_a_number(
    producer: Any, key: str, value: dict[str, Any]
) -> None:
    documents = [producer(n) for n in MANY]
    found = suggested(documents)

    assert (found["key"], found["values"]) == (key, {"failed": value})
    assert "how often messages come is watched as well" in notes(documents)


def test_a_named_thing_comes_before_a_person_in_one_message_too() -> None:
    document = {"node": "n1", "username": "u1", "lsn": "0/19BFA00", "ts": TS, "temp": 20.5}

    assert suggested([document])["key"] == "node"
    assert suggested([{k: v for k, v in document.items() if k != "node"}])["key"] == "username"


def test_levels_are_numbers_by_how_bad_they_are() -> None:
    found = suggested([falco(n) for n in MANY])

    assert found["key"] == "hostname"
    numbers = found["values"]["priority"]["map"]
    assert (numbers["Notice"], numbers["Warning"], numbers["Emergency"]) == (2, 3, 7)


@pytest.mark.parametrize("text", ["LOGIN", "a note", "ERROR"])
def test_texts_that_say_nothing_of_it_are_no_values(text: str) -> None:
    documents = [{"ts": TS + n, "device": f"d{n % 3}", "what": text} for n in MANY]

    found = suggested_mapping(documents)

    assert (found is None) == (text != "ERROR")
