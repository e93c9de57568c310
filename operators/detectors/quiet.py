"""Silences the output of third-party models: errors are counted, not printed."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import numpy as np


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress warnings, floating-point complaints and prints."""
    with warnings.catch_warnings(), np.errstate(all="ignore"), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield
