"""Results: kept beside the program, compared with what was accepted, shown as page and plot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.everyday.comparison import falls
from bench.everyday.plot import PRODUCT, bars
from bench.everyday.product import DEFAULT
from bench.everyday.run import FOREST, SAME, TUNED
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
        return falls(self.accepted.get(PRODUCT, {}), found[PRODUCT], whole)

    def joined(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return new figures, with those of rivals that were not run now."""
        who = dict.fromkeys([PRODUCT, BEFORE, *self.accepted, *found])
        both = {**self.accepted, **found}
        return {name: both[name] for name in who if name in both}

    def write(self, found: Mapping[str, Any], about: str) -> None:
        """Accept figures of all situations, and show them.

        The page is of the record, as soon as the product is in it.
        """
        whole = self.joined(found)
        self._stored[self._mode] = {"about": about, "figures": whole}
        self._file.write_text(_lines(self._stored) + "\n")
        recorded = PRODUCT in self._stored.get(RECORD, {}).get("figures", {})
        shown = self._stored.get(RECORD if recorded else DEVELOPMENT, {})
        if PRODUCT in shown.get("figures", {}):
            (self._folder / "results.md").write_text(markdown(shown["figures"], shown["about"]))
            (self._folder / "results.svg").write_text(bars(_columns(shown["figures"])))


def _lines(node: Any, depth: int = 0) -> str:
    """Return JSON of a line for each situation, kind or other innermost object."""
    if not isinstance(node, Mapping) or not any(isinstance(one, Mapping) for one in node.values()):
        return json.dumps(node)
    inner = [f"{json.dumps(name)}: {_lines(one, depth + 1)}" for name, one in node.items()]
    space = "\n" + " " * (depth + 1)
    return "{" + space + f",{space}".join(inner) + "\n" + " " * depth + "}"


def _columns(figures: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the figures at the default budget, those of few entities at the end."""
    last = [who for who in (SAME, FOREST, FOREST + TUNED) if who in figures]
    order = [who for who in figures if who not in last] + last
    names = {SAME: "product", FOREST: "forest", FOREST + TUNED: "forest, tuned"}
    names = {who: f"{name}, 2 entities" for who, name in names.items()}
    own = [(names.get(who, who), figures[who].get(DEFAULT)) for who in order]
    return [(who, one) for who, one in own if one]
