"""The detectors, described for people: Markdown from their declarations."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping
from itertools import groupby

from engine.application import registry
from engine.domain.detector import Declaration, Parameter
from engine.domain.errors import PynomalyError

WIDTHS = (1, 3)
LINE_COLUMNS = 100
INTRODUCTION = """\
# Detectors

A detector gives each event a raw score: a higher score is more anomalous. Name detectors below
`detectors:` in a pipeline file. Without it, the detector is `auto`. `pynomaly detectors` lists the
installed detectors; `pynomaly detectors NAME` shows one with all its parameters.

An [alert budget](alerts.md) is a bound on false alarms with `auto` alone. The p-values of every
other detector are fitted to its recent scores, and no bound is promised for them.

All detectors meet one contract, which a test suite checks. Authors of plug-ins use the same suite:

```python
from pynomaly.plugins import check_detector


def test_keeps_the_contract_of_a_detector() -> None:
    check_detector("mine")
```

A detector declares the kinds of [anomaly](anomalies.md#kinds) that it sees, and the suite plants
each of them. An outlier is any event far from all others. A check that a detector cannot meet is
listed below with the reason. `make conformance` runs all checks on all detectors. Raw scores of
different detectors are never compared, only their p-values.

Bytes per entity are for default parameters, and are what the memory budget counts. State stored as
pickle can be read by the same version of its package only. The cost of an event depends on the
machine: `pynomaly detectors NAME --cost` measures it.

This page is generated with the installed packages: `pynomaly detectors --markdown`.
"""
BOUND = "an alert budget bounds them"
NO_BOUND = "no bound is promised"
PARAMETERS = "| parameter | type | default | meaning |\n|---|---|---|---|"
PACKAGE = (
    "| detector | good and bad at | bytes per entity (1 value, 3 values) | cannot meet |\n"
    "|---|---|---|---|"
)


def markdown(declarations: Iterable[Declaration]) -> str:
    """Return the reference: a section for each native detector, a table for each package."""
    parts = [INTRODUCTION]
    for family, group in groupby(declarations, _family):
        found = list(group)
        whole = [section(found[0])] if found[0].name == family else [_package(family, found)]
        parts += whole
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def section(declared: Declaration) -> str:
    """Return the section of one detector."""
    sizes = " / ".join(f"{size:,}" for size in sizes_of(declared).values())
    lines = [
        f"## {declared.name}",
        "",
        textwrap.fill(f"{declared.summary}. {declared.suits}", LINE_COLUMNS),
        "",
        _item(f"Sees: {', '.join(declared.kinds)}"),
        f"- Source: {declared.source}",
        f"- Bytes per entity: {sizes} (with {' / '.join(map(str, WIDTHS))} values), stored as "
        f"{declared.snapshot}",
        f"- False alarms: {BOUND if declared.keeps_budget else NO_BOUND}",
    ]
    lines += [_item(f"Cannot meet {limit}") for limit in limits(declared)]
    if not declared.exceptions:
        lines.append("- Meets every check")
    if declared.parameters:
        lines += ["", PARAMETERS, *map(_parameter, declared.parameters)]
    return "\n".join(lines)


def _item(text: str) -> str:
    return textwrap.fill(text, LINE_COLUMNS, initial_indent="- ", subsequent_indent="  ")


def limits(declared: Declaration) -> list[str]:
    """Return its exceptions as texts, one for each reason: `finite_tiny, finite_huge: why`."""
    by_reason: dict[str, list[str]] = {}
    for check, reason in declared.exceptions.items():
        by_reason.setdefault(reason, []).append(check)
    return [f"{', '.join(checks)}: {reason}" for reason, checks in by_reason.items()]


def sizes_of(declared: Declaration) -> Mapping[int, int]:
    """Return bytes per entity by number of values, found by building it; {} if that fails."""
    sizes = {}
    for width in WIDTHS:
        names = [f"value_{j}" for j in range(width)]
        try:
            built = registry.detector(declared.name, {}, names)
        except PynomalyError:
            continue
        sizes[width] = built.bytes_per_entity
    return sizes


def _family(declared: Declaration) -> str:
    return declared.name.partition(".")[0]


def _package(family: str, found: list[Declaration]) -> str:
    named = [{parameter.name for parameter in other.parameters} for other in found]
    common = [
        parameter for parameter in found[0].parameters if parameter.name in set.intersection(*named)
    ]
    lines = [f"## {family}", ""]
    if common:
        lines += [
            "All of them take, some with another default:",
            "",
            PARAMETERS,
            *map(_parameter, common),
            "",
        ]
    return "\n".join([*lines, PACKAGE, *map(_row, found)])


def _row(declared: Declaration) -> str:
    sizes = sizes_of(declared)
    shown = ", ".join(_about(sizes[width]) if width in sizes else "-" for width in WIDTHS)
    text = declared.suits or f"{declared.summary}."
    cannot = "<br>".join(_cell(limit) for limit in limits(declared))
    return f"| `{declared.name}` | {_cell(text)} | {shown} | {cannot} |"


def _about(size: int) -> str:
    """Return a size to two digits: a pickle's length differs a little from run to run."""
    step = 10 ** max(len(str(size)) - 2, 0)
    return f"{round(size / step) * step:,}"


def _parameter(parameter: Parameter) -> str:
    default = _cell(json.dumps(parameter.default, default=str))
    meaning = _cell(parameter.description)
    return f"| `{parameter.name}` | {parameter.type} | `{default}` | {meaning} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
