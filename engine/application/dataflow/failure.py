"""The first failure of a run: it ends the flow in order, and is raised where it can be reported.

Bytewax turns what its steps raise into a panic of its machinery, with a text of its own before
ours, and one that is raised while it cleans up ends the process by a signal. So nothing is raised
there: the failure is kept, the source stops the flow, and who runs it raises what was kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Failure:
    """Keeps the first error.

    Attributes:
        error: what it was; None while all is well.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Keep what the block raises, but for StopIteration; do nothing after a failure."""
        try:
            yield
        except StopIteration:
            raise
        except Exception as error:  # noqa: BLE001 - the runner of the flow raises it
            if self.error is None:
                self.error = error

    def raise_it(self) -> None:
        """Raise what was kept, if anything was."""
        if self.error is not None:
            raise self.error
