"""`pynomaly rejects`: dead letters by reason, tried with another file, and written out again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.application.config.load import load
from engine.application.rejects.letters import Group, by_reason, read_letters
from engine.application.rejects.trial import Trial, line_of, try_letters
from engine.domain.errors import FatalError

LONGEST = 200


def rejects(
    file: Annotated[
        Path, typer.Argument(help="A file of dead letters, or the pipeline file that names it.")
    ],
    trial: Annotated[
        Path | None, typer.Option("--try", help="A changed pipeline file to try on them.")
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(help="Where to write the messages that become events with --try."),
    ] = None,
    samples: Annotated[int, typer.Option(help="Samples of each reason.", min=0)] = 3,
) -> None:
    """Show dead letters by reason, each once, with samples.

    With --try, show how many of them become events with a changed file, and why the others do
    not. With --write, those that do are written as lines of JSON for a file source: the message
    that was rejected, or the element of it, so that nothing that was an event comes again.
    """
    letters = _letters_file(file)
    if trial is None:
        if write is not None:
            raise FatalError("--write needs --try: a pipeline file that reads the messages")
        groups = by_reason(read_letters(letters), samples)
        print(f"{letters}: {sum(group.count for group in groups.values())} dead letters")
        _show(groups)
        return
    _try(letters, trial, write, samples)


def _try(letters: Path, trial: Path, write: Path | None, samples: int) -> None:
    pipeline, result = load(trial).pipeline(), Trial()
    accepted = try_letters(read_letters(letters), pipeline, samples, result)
    if write is None:
        for _ in accepted:
            pass
    else:
        if pipeline.mapping.format is not None:
            raise FatalError(f"--write: {trial} reads another format than JSON")
        if write.exists():
            raise FatalError(f"--write: {write} is there already: name a new file")
        with write.open("xb") as lines:
            lines.writelines(map(line_of, accepted))
    refused = sum(group.count for group in result.refused.values())
    print(
        f"{letters}: {result.accepted} become events with {trial}, "
        f"{result.passed_over} are passed over, {refused} are rejected"
    )
    if write is not None:
        print(f"{write}: {result.accepted} messages, for source: {{file: {{path: {write}}}}}")
    _show(result.refused)


def _letters_file(file: Path) -> Path:
    """Return the file of dead letters that is meant."""
    if file.suffix not in (".yaml", ".yml"):
        return file
    choice = load(file).sinks.dead_letters
    path = getattr(getattr(choice, "settings", None), "path", None)
    if path is None:
        raise FatalError(
            f"{file}: sinks.dead_letters is no file: give the dead letters as a file of lines, "
            "as the file sink writes them"
        )
    return Path(path)


def _show(groups: dict[str, Group]) -> None:
    for reason, group in groups.items():
        print(f"\n{reason}  {group.count}")
        for detail, count in group.details.most_common(len(group.samples)):
            print(f"  {count} x {_cut(detail)}")
        for letter in group.samples:
            print(f"    {letter.place}  {_cut(repr(letter.value or b'')[2:-1])}")


def _cut(text: str) -> str:
    printable = "".join(sign if sign.isprintable() else "?" for sign in text)
    return printable if len(printable) <= LONGEST else printable[:LONGEST] + "..."
