"""Names of values: their paths within what is exploded, or within a text of JSON."""

from __future__ import annotations

from collections.abc import Sequence

from engine.domain.path import EACH, JsonText, Named, OneOf, Path, Step, path_text


def value_names(paths: Sequence[Path], array: Path | None) -> list[str]:
    """Return a name for each value: took for `log | json.took`, value for `points[1]`.

    Args:
        paths: of the values.
        array: what is exploded; None: nothing.
    """
    below = [_within_names(_within_text(_below(path, array or ()))) for path in paths]
    if len(paths) == 1:
        below = [tuple(step for step in below[0] if isinstance(step, str)) or ("value",)]
    names = [".".join(map(_word, path)) for path in below]
    return names if len(set(names)) == len(names) else list(map(path_text, paths))


def _below(path: Path, array: Path) -> Path:
    if array[-1:] == (EACH,):
        array = (*array, "value")
    is_below = len(array) < len(path) and path[: len(array)] == array
    return path[len(array) :] if is_below else path


def _within_text(path: Path) -> Path:
    """Return what follows the last text of JSON in a path."""
    texts = [place for place, step in enumerate(path) if isinstance(step, JsonText)]
    return path[texts[-1] + 1 :] if texts else path


def _within_names(path: Path) -> Path:
    """Return the name of a value for a path to an element that has it."""
    named = [place for place, step in enumerate(path) if isinstance(step, Named)]
    return (str(getattr(path[named[-1]], "text", "")),) if named else path


def _word(step: Step) -> str:
    if isinstance(step, OneOf):
        return "value"
    return step if isinstance(step, str) else f"value_{step}"
