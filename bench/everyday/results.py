"""Results: kept beside the program, compared with what was accepted, shown as page and plot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.everyday.comparison import falls
from bench.everyday.plot import bars
from bench.everyday.product import DEFAULT
from bench.everyday.run import FOREST, SAME
from bench.everyday.table import markdown

HERE = Path(__file__).parent
BEFORE = "before"
"""Who the product was, of a run with `--baseline`."""
RECORD, DEVELOPMENT = "record", "development"


class Results:
    """The results of one mode in a folder."""

    def __init__(self, mode: str, folder: Path = HERE) -> None:
        self._mode, self._folder = mode, folder
        self._file = folder / "results.json"
        self._stored = json.loads(self._file.read_text()) if self._file.exists() else {}

    @property
    def accepted(self) -> Mapping[str, Any]:
        """Return the figures of the mode that were accepted."""
        found: Mapping[str, Any] = self._stored.get(self._mode, {}).get("figures", {})
        return found

    def worse(self, found: Mapping[str, Any], whole: bool) -> list[str]:
        """Return what of new figures is worse than the accepted ones."""
        return falls(self.accepted.get("product", {}), found["product"], whole)

    def joined(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return new figures, with those of rivals that were not run now."""
        who = dict.fromkeys(["product", BEFORE, *self.accepted, *found])
        both = {**self.accepted, **found}
        return {name: both[name] for name in who if name in both}

    def write(self, found: Mapping[str, Any], about: str) -> None:
        """Accept figures of all situations, and show them.

        The page is of the record, as soon as there is one.
        """
        whole = self.joined(found)
        self._stored[self._mode] = {"about": about, "figures": whole}
        self._file.write_text(json.dumps(self._stored, indent=1) + "\n")
        if self._mode == RECORD or RECORD not in self._stored:
            (self._folder / "results.md").write_text(markdown(whole, about))
            shown = [
                ("product, 2 entities" if who == SAME else who, budgets[DEFAULT])
                for who, budgets in whole.items()
                if DEFAULT in budgets
            ]
            order = {SAME: 1, FOREST: 2}
            names = {"product, 2 entities": SAME}
            shown.sort(key=lambda pair: order.get(names.get(pair[0], pair[0]), 0))
            (self._folder / "results.svg").write_text(bars(shown))
