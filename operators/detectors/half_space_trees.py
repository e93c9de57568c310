"""half_space_trees: streaming half-space trees (Tan, Ting and Liu, IJCAI 2011)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.domain.batch import Bools, Floats, Int32s
from engine.domain.detector import Declaration
from operators.detectors.parameters import Number, check_numbers
from operators.kernels.kernel_part import kernel_part
from operators.kernels.record_bank import NativeBank, Records, kernel

PARAMETERS = (
    Number("trees", "integer", 10, "number of trees", 1, 100),
    Number("height", "integer", 8, "splits from root to leaf", 1, 15),
    Number("window", "integer", 250, "events whose masses are compared", 10, 65_000),
    Number("range_events", "integer", 100, "first events, that give the values' ranges", 2, 10**6),
    Number("margin", "number", 0.25, "widening of each range, as a part of it", 0, 100),
    Number("seed", "integer", 1, "of the trees", 0, 2**32 - 1),
)


class Params(NamedTuple):
    """The trees, drawn once and shared by all entities, and the sizes.

    Attributes:
        features: uint16 [trees, 2**height - 1], the value each inner node splits; node i has
            the children 2i + 1 and 2i + 2.
        thresholds: float64, same shape; smaller goes left. In units of the learned range.
        places: int32 [2**(height + 1) - 1], where each node's masses lie within a tree.
        size_limit: a reference mass below it ends the walk; the paper's 0.1 * window.
        most: the greatest sum of masses, that all events at one leaf would have.
    """

    features: NDArray[np.uint16]
    thresholds: Floats
    places: NDArray[np.int32]
    height: int
    window: int
    range_events: int
    margin: float
    size_limit: float
    most: float


def draw_trees(
    trees: int, height: int, d: int, seed: int
) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """Draw the trees over [0, 1]**d as the paper's figure 2 does.

    Each tree has its own work range, s +- 2 max(s, 1 - s) around a random s in each dimension;
    each node splits a random dimension of what is left of it in the middle.

    Returns:
        features uint16 and thresholds float64, [trees, 2**height - 1] each.
    """
    rng = np.random.default_rng(seed)
    inner = 2**height - 1
    features = rng.integers(d, size=(trees, inner)).astype(np.uint16)
    thresholds = np.empty((trees, inner))
    for tree in range(trees):
        center = rng.random(d)
        half = 2 * np.maximum(center, 1 - center)
        low, high = np.empty((2, 2 * inner + 1, d))
        low[0], high[0] = center - half, center + half
        for node in range(inner):
            q, left, right = features[tree, node], 2 * node + 1, 2 * node + 2
            middle = (low[node, q] + high[node, q]) / 2
            thresholds[tree, node] = middle
            low[left], high[left] = low[right], high[right] = low[node], high[node]
            high[left, q] = low[right, q] = middle
    return features, thresholds


def node_places(height: int) -> NDArray[np.int32]:
    """Lay out a tree so that a walk from root to leaf touches few cache lines.

    The upper half of the levels comes first, then each subtree below it in one piece: with
    height 8 and one byte a mass, 62 bytes and then 30.
    """
    top = (height + 2) // 2
    bottom = height + 1 - top
    node = np.arange(1, 2 ** (height + 1))  # numbered from 1, a node's bits are its path
    depth = np.floor(np.log2(node)).astype(int)
    below = np.maximum(depth - top, 0)
    subtree = (node >> below) - 2**top
    within = node - ((node >> below) << below) + 2**below - 1
    places = np.where(depth < top, node - 1, 2**top - 1 + subtree * (2**bottom - 1) + within)
    return places.astype(np.int32)


def record(trees: int, height: int, window: int, d: int) -> np.dtype[np.void]:
    """Return the record of an entity: ranges, and both masses of a node side by side."""
    mass = "u1" if window < 256 else "<u2"
    return np.dtype(
        [
            ("low", "<f8", (d,)),
            ("high", "<f8", (d,)),
            ("seen", "<u4"),
            ("masses", mass, (trees, 2 ** (height + 1) - 1, 2)),
        ]
    )


@kernel_part
def _walk(state: Any, x: Any, params: Any, units: Any, path: Any) -> None:
    """Write the nodes that x passes in each tree to path, int32 [height + 1, trees]."""
    for j in range(len(x)):
        units[j] = (x[j] - state.low[j]) / (state.high[j] - state.low[j])
    path[0, :] = 0
    # Trees innermost and no branch: the processor walks several trees at a time.
    for depth in range(params.height):
        for tree in range(path.shape[1]):
            node = path[depth, tree]
            left = units[params.features[tree, node]] < params.thresholds[tree, node]
            path[depth + 1, tree] = 2 * node + 2 - np.int32(left)


@kernel_part
def _score(state: Any, params: Any, path: Any) -> float:
    """Return -log2 of the normalised reference mass along a path."""
    masses = state.masses
    total = 0.0
    for tree in range(path.shape[1]):
        for depth in range(params.height + 1):
            mass = np.int64(masses[tree, params.places[path[depth, tree]], 0])
            total += mass << depth
            if mass < params.size_limit:
                break
    return -np.log2(total / params.most)


@kernel_part
def _turn_window(masses: Any) -> None:
    for tree in range(masses.shape[0]):
        for place in range(masses.shape[1]):
            masses[tree, place, 0] = masses[tree, place, 1]
            masses[tree, place, 1] = 0


@kernel_part
def _learn_masses(state: Any, params: Any, path: Any) -> None:
    """Count an event along its path; a full window becomes the reference."""
    masses = state.masses
    for depth in range(params.height + 1):
        for tree in range(path.shape[1]):
            masses[tree, params.places[path[depth, tree]], 1] += 1
    state.seen += 1
    if (state.seen - params.range_events) % params.window == 0:
        _turn_window(masses)
        # Counting on would wrap round to a new entity; all that matters is that one is full.
        state.seen = params.range_events + params.window


@kernel_part
def _learn_ranges(state: Any, x: Any, params: Any) -> None:
    for j in range(len(x)):
        if state.seen == 0 or x[j] < state.low[j]:
            state.low[j] = x[j]
        if state.seen == 0 or x[j] > state.high[j]:
            state.high[j] = x[j]
    state.seen += 1
    if state.seen == params.range_events:
        for j in range(len(x)):
            _widen(state, j, params.margin)


@kernel_part
def _widen(state: Any, j: int, margin: float) -> None:
    # A constant has no range: a thousandth of it, or 1 around 0, as the zscore's floors.
    low, high = state.low[j], state.high[j]
    span = max(high - low, 1e-3 * max(abs(low), abs(high)))
    if span == 0.0:
        span = 1.0
    middle = low + (high - low) / 2
    half = span * (0.5 + margin)
    state.low[j], state.high[j] = middle - half, middle + half


def _drive(  # pragma: no cover - runs compiled
    records: Records, slots: Int32s, values: Floats, learns: Bools, params: Any, scores: Floats
) -> None:
    # Not the loop of all native detectors, for scoring and learning share the walk.
    units = np.empty(values.shape[1])
    path = np.empty((params.height + 1, params.features.shape[0]), np.int32)
    for i in range(len(slots)):
        state, x = records[slots[i]], values[i]
        scores[i] = np.nan
        if state.seen >= params.range_events:
            _walk(state, x, params, units, path)
            if state.seen >= params.range_events + params.window:
                scores[i] = _score(state, params, path)
            if learns[i]:
                _learn_masses(state, params, path)
        elif learns[i]:
            _learn_ranges(state, x, params)


_driver = kernel(_drive)


class HalfSpaceTreesDetector:
    """Half-space trees: an event is anomalous where few events of the last window fell.

    The trees are drawn once for all entities; an entity holds its values' ranges, learned from
    its first `range_events` events instead of asked for, and the masses of the reference
    window and of the current one. The raw score is -log2(mass / greatest mass), in bits: the
    paper's score, 1 - mass / greatest mass, crowds all anomalies just below 1; this one keeps
    its order and spreads the tail for the calibrator. The score is NaN until the first
    reference window is full. A value far outside its range falls at the edge.
    """

    name = "half_space_trees"
    handles_gaps = False
    resolution = 0.1
    snapshot: Literal["bytes"] = "bytes"

    def __init__(self, params: Params, d: int) -> None:
        self._params = params
        self._dtype = record(len(params.features), params.height, params.window, d)
        self.bytes_per_entity = self._dtype.itemsize
        self.warm_up = params.range_events + params.window

    def bank(self, capacity: int) -> NativeBank:
        """Return an empty bank."""
        return NativeBank(capacity, self._dtype, _driver, self._params)


def params_of(
    features: NDArray[np.uint16],
    thresholds: Floats,
    window: int,
    range_events: int,
    margin: float,
) -> Params:
    """Return the parameters of given trees as the functions need them."""
    trees, inner = features.shape
    height = inner.bit_length()
    return Params(
        features=features,
        thresholds=thresholds,
        places=node_places(height),
        height=height,
        window=window,
        range_events=range_events,
        margin=margin,
        size_limit=0.1 * window,
        most=float(trees * window * (2 * inner + 1)),
    )


class HalfSpaceTrees:
    """The detector family `half_space_trees`."""

    def declarations(self) -> Sequence[Declaration]:
        """Return the one detector there is."""
        default: dict[str, Any] = {number.name: number.default for number in PARAMETERS}
        size = record(default["trees"], default["height"], default["window"], 1).itemsize
        return (
            Declaration(
                name="half_space_trees",
                summary="Half-space trees over all values together; value ranges are learned",
                parameters=PARAMETERS,
                bytes_per_entity=size,
                snapshot="bytes",
                source="Tan, Ting and Liu: Fast Anomaly Detection for Streaming Data, IJCAI 2011",
                suits=(
                    "Good at combinations of several values that are rare, in constant time. Bad "
                    "at seasons, at slight deviations of one value, and at values that leave the "
                    "ranges of the first events for good: all of them look alike."
                ),
                kinds=("outlier", "spike", "shift", "burst"),
            ),
        )

    def create(
        self, name: str, parameters: Mapping[str, object], value_names: Sequence[str]
    ) -> HalfSpaceTreesDetector:
        """Build the detector and draw its trees.

        Raises:
            ParameterError: a parameter is unknown or has a value it cannot take.
        """
        numbers = check_numbers(name, parameters, PARAMETERS)
        d = len(value_names)
        shape = numbers.pop("trees"), numbers.pop("height")
        features, thresholds = draw_trees(*shape, d, numbers.pop("seed"))
        return HalfSpaceTreesDetector(params_of(features, thresholds, **numbers), d)
