"""Native detectors: a record and two functions, and the bank that drives them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from engine.domain.batch import Bools, Floats, Int32s
from engine.domain.detector import State
from engine.domain.errors import SnapshotError
from operators.kernels.cache import KernelCache

Records = NDArray[np.void]
Driver = Callable[[Records, Int32s, Floats, Bools, Any, Floats], None]


class RecordBank:
    """One zero-initialised record a slot; a record of zeros is an entity never seen.

    The whole capacity is reserved at once, and memory is committed as slots are touched.

    Attributes:
        records: of the slots.
        bytes_per_entity: size of a record.
    """

    def __init__(self, capacity: int, dtype: np.dtype[np.void]) -> None:
        self.records: Records = np.zeros(capacity, dtype)
        self.bytes_per_entity = dtype.itemsize

    def reset(self, slots: Int32s) -> None:
        """Forget the entities in these slots: the next event in one starts a new entity."""
        self.records[slots] = np.zeros((), self.records.dtype)

    def copy(self, slots: Int32s, bank: Any, theirs: Int32s) -> None:
        """Replace the records of slots by those of slots of another bank."""
        self.records[slots] = bank.records[theirs]

    def dump(self, slots: Int32s) -> State:
        """Return the records of these slots, in this order."""
        return {"state": self.records[slots]}

    def load(self, state: State) -> None:
        """Fill slots 0, 1, ... with dumped records, matching their fields by name.

        A field that is missing starts at zero, one that is gone is dropped.

        Raises:
            SnapshotError: not records, more than there are slots, or of another shape.
        """
        stored = state.get("state")
        if not isinstance(stored, np.ndarray) or stored.dtype.names is None or stored.ndim != 1:
            raise SnapshotError("stored detector state holds no records")
        if len(stored) > len(self.records):
            raise SnapshotError(
                f"stored state has {len(stored)} entities, the bank {len(self.records)} slots"
            )
        for name in set(self.records.dtype.names or ()) & set(stored.dtype.names):
            _copy_field(name, stored, self.records[: len(stored)])


def _copy_field(name: str, stored: NDArray[Any], records: Records) -> None:
    old, new = stored[name], records[name]
    if old.shape != new.shape or not np.can_cast(old.dtype, new.dtype, "same_kind"):
        raise SnapshotError(
            f'stored field "{name}" is {old.dtype}{list(old.shape[1:])}, expected '
            f"{new.dtype}{list(new.shape[1:])}: the detector's parameters or values have changed"
        )
    new[...] = old


class NativeBank(RecordBank):
    """The bank of every native detector.

    Args:
        capacity: number of slots.
        dtype: the record of one entity.
        driver: from `compile_driver`.
        params: a named tuple of what all entities share.
    """

    def __init__(
        self, capacity: int, dtype: np.dtype[np.void], driver: Driver, params: Any
    ) -> None:
        super().__init__(capacity, dtype)
        self._driver = driver
        self._params = params

    def score(self, slots: Int32s, values: Floats, learn: Bools) -> Floats:
        """Score each event by the state before it, then learn it, in the given order.

        Args:
            slots: int32 [n], the slot of each event's entity.
            values: float64 [n, d], C-contiguous.
            learn: bool [n]; False scores without learning.

        Returns:
            float64 [n]: higher = more anomalous; NaN while the entity warms up.
        """
        scores = np.empty(len(slots))
        self._driver(self.records, slots, values, learn, self._params, scores)
        return scores

    def failures(self) -> Mapping[str, int]:
        """Return nothing: compiled arithmetic has no errors to count."""
        return {}


def compile_driver(score: Callable[..., Any], learn: Callable[..., Any]) -> Driver:
    """Return the loop over events for two compiled functions.

    Args:
        score: (state, x, params) -> float, by the state as it is.
        learn: (state, x, params) -> None, changes the state.
    """
    driver: Driver = compile_loop(_drive, score=score, learn=learn)
    return driver


def compile_loop(loop: Callable[..., Any], **parts: Callable[..., Any]) -> Any:
    """Compile a loop around compiled functions that it calls by the given names.

    The functions become globals of a copy of the loop: called so they are inlined, and numba
    finds the machine code on disk in the next process. Passed as arguments or closed over,
    their types are new in every process and the stored code is never found. The copy claims to
    live in the file of the functions (all of one file), so that a change there, which numba
    does not see through a call, makes the stored code stale.
    """
    home: Any = next(iter(parts.values()))
    code = loop.__code__.replace(co_filename=home.py_func.__code__.co_filename)
    copy = FunctionType(code, {**loop.__globals__, **parts})
    copy.__module__ = home.__module__
    return kernel(copy)


def kernel(function: Callable[..., Any], parts: Iterable[ModuleType] = ()) -> Any:
    """Compile a function on its first call, keeping the machine code on disk where possible.

    Args:
        function: what to compile.
        parts: other modules whose functions it calls. A change there, which numba does not see
            through a call, gives the stored code another name.
    """
    sources = b"".join(Path(part.__file__ or "").read_bytes() for part in parts)
    if sources:
        function.__qualname__ += "_" + blake2b(sources, digest_size=6).hexdigest()
    compiled = njit(error_model="numpy", no_cfunc_wrapper=True)(function)
    # Where no folder is writable, as in a read-only container, every process compiles.
    with suppress(RuntimeError):
        compiled._cache = KernelCache(function)
    return compiled


def _drive(  # pragma: no cover - runs compiled
    records: Records, slots: Int32s, values: Floats, learns: Bools, params: Any, scores: Floats
) -> None:
    for i in range(len(slots)):
        state = records[slots[i]]
        scores[i] = score(state, values[i], params)  # type: ignore[name-defined]  # noqa: F821
        if learns[i]:
            learn(state, values[i], params)  # type: ignore[name-defined]  # noqa: F821
