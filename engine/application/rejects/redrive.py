"""Send dead letters that become events back to the topic that they came from, each once."""

from __future__ import annotations

from dataclasses import dataclass

from engine.application.config.pipeline_file import PipelineFile
from engine.application.ports import RedrivableSource, RunContext, Settings
from engine.application.rejects.letters import of_records, sent_back
from engine.application.rejects.trial import Trial, try_letters
from engine.domain.errors import FatalError


@dataclass(frozen=True, slots=True)
class Redriven:
    """What was sent back.

    Attributes:
        topic: where they went.
        sent: how many letters.
        trial: what became of all.
    """

    topic: str
    sent: int
    trial: Trial


def redrive_letters(settings: Settings | None, file: PipelineFile, samples: int) -> Redriven:
    """Send letters that become events with a pipeline file back to its source.

    Args:
        settings: of the sink that keeps the letters.
        file: whose source they go to, and whose mapping is tried.
        samples: letters to keep of each reason that are still rejected.

    Raises:
        FatalError: source or dead letters are not in Kafka, or not in the same.
    """
    source = file.source.plugin(file.source.settings, RunContext(file.name))
    if not isinstance(source, RedrivableSource) or settings is None:
        raise FatalError(
            "re-driving needs the pipeline file, a source and dead letters in Kafka; else "
            "`pynomaly rejects --write` makes a file of them"
        )
    back, result = source.redrive(settings), Trial()
    # Read after the transaction began: until then another process may send some of them.
    waiting = of_records(back.letters(), sent_back(back.letters()))
    accepted = try_letters(waiting, file.pipeline(), samples, result)
    sent = back.send(
        (letter.id, letter.partition if letter.topic == source.topic else None, letter.messages())
        for letter in accepted
    )
    return Redriven(source.topic, sent, result)
