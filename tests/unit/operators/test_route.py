import numpy as np

import operators.route
from engine.application.ports import RunContext
from engine.domain.key_group import group_key, key_group
from operators.route import route_step
from tests.unit.operators.stream import events, pipeline


def test_every_event_goes_to_its_group_in_its_order(monkeypatch) -> None:
    monkeypatch.setattr(operators.route, "MOST_REMEMBERED", 10)
    stream = events(500, entities=40)
    routed = route_step(pipeline(), RunContext("t"))(
        [stream.take(slice(0, 9)), stream.take(slice(9, 500))]
    )
    assert sum(len(batch) for _, batch in routed) == 500
    for name, batch in routed:
        assert {group_key(key_group(key, 4)) for key in batch.keys} == {name}
        assert (np.diff(batch.offsets) > 0).all()
        assert (stream.values[batch.offsets, 0] == batch.values[:, 0]).all()
