"""The watch: what the processes take, and what their metrics pages say, while a trial goes on."""

from __future__ import annotations

import threading
from collections import defaultdict
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from tests.chaos.engine import Engine

LOOK_SECONDS = 0.25
BASE_LABELS = {"pipeline", "process"}
"""Labels of all metrics: they are not part of the names by which trials ask."""
MIB = 2**20

Page = dict[str, float]
"""Samples by name, labels behind: pynomaly_rejects_total{too_large}; without them, their sum."""


class Watch:
    """Watches the processes of an engine in the background.

    Attributes:
        peaks: most resident bytes of each process that was seen, by its id, as the kernel keeps
            them: what lies between two looks is not missed.
        now: what the metrics pages say; of a process that has ended, what its page said last.
        most: the largest value of each sample so far.
    """

    def __init__(self, engine: Engine, port: int) -> None:
        self._engine, self._port = engine, port
        self.peaks: dict[int, int] = {}
        self.now: Page = {}
        self.most: Page = defaultdict(float)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch")
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopping.set()
        self._thread.join()

    @property
    def peak(self) -> int:
        """Most resident bytes of any process."""
        return max(self.peaks.values(), default=0)

    def _watch(self) -> None:
        pages: dict[int, Page] = {}
        while not self._stopping.wait(LOOK_SECONDS):
            for pid in self._engine.workers():
                self.peaks[pid] = max(self.peaks.get(pid, 0), peak_bytes(pid))
            page: Page = defaultdict(float)
            for process in range(self._engine.processes):
                # Processes do not end at once when they are drained.
                pages[process] = read_page(self._port + process) or pages.get(process, {})
                for name, value in pages[process].items():
                    page[name] += value
            for name, value in page.items():
                self.most[name] = max(self.most[name], value)
            self.now = page or self.now


def peak_bytes(pid: int) -> int:
    """Return the most resident bytes that a process ever had; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0][1]) * 1024 if lines else 0


def read_page(port: int) -> Page:
    """Return a metrics page; empty while it does not answer."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5.0) as answer:
            text = answer.read().decode()
    except (URLError, OSError):
        return {}
    page: Page = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("pynomaly_") and "le" not in sample.labels:
                own = [value for name, value in sample.labels.items() if name not in BASE_LABELS]
                labels = ",".join(own)
                page[f"{sample.name}{{{labels}}}" if labels else sample.name] += sample.value
                if labels:
                    page[sample.name] += sample.value
    return page
