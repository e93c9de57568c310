"""Functions of kernels that tests call one by one, and their machine code for the next process.

The product keeps only that of its loops on disk: what a loop calls is compiled into it. Tests call
the parts as well, and each process would compile them again.
"""

from __future__ import annotations

import shutil
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

from numba.core.caching import NullCache
from numba.core.registry import CPUDispatcher

from operators.kernels.cache import KernelCache, KernelFiles
from operators.kernels.compile_turn import CompileTurn

ROOT = Path(__file__).resolve().parents[2]
CODE = ROOT / ".pytest_cache" / "kernels"


class TestedFunctionCache(KernelCache):
    """The cache of one function.

    Args:
        function: what is compiled.
        folder: of one state of all sources: numba sees no change in what a function calls.
    """

    def __init__(self, function: Any, folder: Path) -> None:
        super().__init__(function)
        name = self._impl.filename_base
        self._cache_file = KernelFiles(folder, name, folder.name)
        self._turn = CompileTurn(folder / f"{name}.lock")


def cache_functions() -> None:
    """Let Python call each compiled function of the operators that is imported, by way of disk."""
    sources = blake2b(digest_size=16)
    for file in sorted((ROOT / "operators").rglob("*.py")):
        sources.update(file.read_bytes())
    folder = CODE / sources.hexdigest()
    if not folder.exists():
        shutil.rmtree(CODE, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
    modules = [module for name, module in sys.modules.items() if name.startswith("operators.")]
    found = {value for module in modules for value in vars(module).values() if is_compiled(value)}
    for function in found:
        function.targetoptions["no_cpython_wrapper"] = False
        function._cache = TestedFunctionCache(function.py_func, folder)


def is_compiled(value: object) -> bool:
    return isinstance(value, CPUDispatcher) and isinstance(value._cache, NullCache)
