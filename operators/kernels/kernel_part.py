"""Functions that kernels call.

An array is assigned to a slice element by element: numba would compile, for seconds, the error
message of arrays that do not fit.
"""

from __future__ import annotations

from typing import Any

from numba import njit

# Numba wraps each function twice, for calls from Python and from C. Kernels call their parts
# directly, and wrappers are a third of what there is to compile.
kernel_part: Any = njit(error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""Decorator of a function that compiled functions alone call; Python cannot."""

single_part: Any = njit(
    error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True
)
"""The same of a function with one caller: it is compiled into it, and its tuples cost nothing."""
