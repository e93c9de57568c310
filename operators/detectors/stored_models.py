"""Read pickled models, also those whose classes have moved to another module since."""

from __future__ import annotations

import io
import pickle
from typing import Any

MOVED = {
    "operators.detectors.river_bank": "operators.detectors.river.bank",
    "operators.detectors.pyod_model": "operators.detectors.pyod.model",
}


def load_models(blob: bytes) -> list[Any]:
    """Return the models that a bank's `dump` pickled.

    Args:
        blob: the pickle, of this version or an earlier one.

    Raises:
        Exception: of any kind; what a pickle raises depends on the classes in it.
    """
    models: list[Any] = _Unpickler(io.BytesIO(blob)).load()
    return models


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(MOVED.get(module, module), name)
