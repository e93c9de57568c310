"""How much memory a model takes, with all that belongs to it."""

from __future__ import annotations

import gc
import pickle
import sys
from types import BuiltinFunctionType, FunctionType, ModuleType

import numpy as np

SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType)


def footprint(model: object) -> int:
    """Return bytes: of all that a model refers to, and of its pickle.

    Both, because neither sees all: Python does not count its tables of attributes, and what
    compiled code keeps to itself is seen in the pickle only. The sum is rather too much than too
    little; and it is the same for equal models in every process of one Python version, as an
    allocator's count is not: how many entities fit into a memory budget follows from it.
    """
    seen: dict[int, object] = {}
    waiting = [model]
    while waiting:
        found = waiting.pop()
        # Classes and functions are shared by all models.
        if id(found) not in seen and not isinstance(found, SHARED):
            seen[id(found)] = found
            waiting.extend(gc.get_referents(found))
            # The collector visits neither a dict's keys that are texts nor what an array views.
            waiting.extend(found if isinstance(found, dict) else ())
            waiting.append(found.base if isinstance(found, np.ndarray) else None)
    return sum(sys.getsizeof(found) for found in seen.values()) + len(pickle.dumps(model))
