"""A real Prometheus and a real Alertmanager on loopback, with the configuration of deploy/.

Hours pass in seconds: the durations of the rules are divided, their thresholds are left.
"""

import json
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.support.bound_process import start_bound
from tests.support.debian_programs import program
from tests.support.kafka_settings import HOST, free_port

DEPLOYED = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
FASTER = 100
"""So many times faster than in production: ten minutes are six seconds."""
SCRAPE = "400ms"

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FOR = re.compile(r"(?<=for: )(\d+)(ms|s|m|h|d)\b")
_RANGE = re.compile(r"(?<=\[)(\d+)(ms|s|m|h|d)(?=\])|(?<=offset )(\d+)(ms|s|m|h|d)\b")


def faster(rules: str, times: int = FASTER) -> str:
    """Return the text of a rule file with every duration divided.

    A rate is of seven scrapes at the least: a pipeline whose brokers are away sees their errors
    in bursts, between its looks at the topic.
    """

    def divide(found: re.Match[str], least: int) -> str:
        number, unit = (part for part in found.groups() if part)
        return f"{max(least, int(number) * _UNITS[unit] // times)}ms"

    rules = _FOR.sub(partial(divide, least=1_500), rules)
    return _RANGE.sub(partial(divide, least=3_000), rules)


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 180.0) -> Any:
    """Return what the condition gives as soon as that is true.

    Raises:
        AssertionError: it was not, in time.
    """
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, f"waited in vain: {what}"
        time.sleep(0.1)
    return found


class Servers:
    """Prometheus and Alertmanager, and what they know.

    Args:
        folder: for their files.
        targets: host:port of the metrics pages.
        webhook: where Alertmanager sends notifications.
        times: how much faster hours pass.
    """

    def __init__(self, folder: Path, targets: list[str], webhook: str, times: int = FASTER) -> None:
        self._folder = folder
        self._times = times
        self._web, self._alerts = free_port(), free_port()
        self._configure(targets, webhook)
        self._processes = [
            start_bound(self._alertmanager(), folder / "alertmanager.log"),
            start_bound(self._prometheus(), folder / "prometheus.log"),
        ]

    def wait_until_ready(self) -> None:
        """Return when both answer.

        Raises:
            AssertionError: one does not; the message has the end of its log.
        """
        for port in (self._web, self._alerts):
            try:
                wait_for(partial(_ready, port), "a server that is ready")
            except AssertionError as error:
                logs = [path.read_text()[-1_500:] for path in self._folder.glob("*.log")]
                raise AssertionError("\n".join([str(error), *logs])) from error

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query, each with `metric` and `value`.

        Raises:
            HTTPError: Prometheus refuses the expression.
        """
        answer = _get(self._web, "/api/v1/query", query=expression)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def range(
        self, expression: str, span: tuple[float, float], step: float
    ) -> list[dict[str, Any]]:
        """Return the series of a query from one time to another, with `metric` and `values`."""
        given = {"start": f"{span[0]:.3f}", "end": f"{span[1]:.3f}", "step": f"{step}"}
        answer = _get(self._web, "/api/v1/query_range", query=expression, **given)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def exemplars(self, expression: str) -> list[dict[str, str]]:
        """Return the labels of the exemplars of some series of the last hour."""
        now = time.time()
        span = {"start": f"{now - 3600:.3f}", "end": f"{now:.3f}"}
        found = _get(self._web, "/api/v1/query_exemplars", query=expression, **span)["data"]
        return [each["labels"] for series in found for each in series["exemplars"]]

    def wait_for_scrapes(self, count: int, *, more: bool = False) -> None:
        """Return when our pages have been read so many times in all, or so many times more."""

        def read() -> float:
            found = self.query('sum(count_over_time(up{job="pynomaly"}[1h]))')
            return float(found[0]["value"][1]) if found else 0.0

        wanted = count + (read() if more else 0)
        wait_for(lambda: read() >= wanted, f"{count} scrapes")

    def series(self) -> list[dict[str, str]]:
        """Return the labels of every series that the pages have now."""
        return [sample["metric"] for sample in self.query('{job="pynomaly"}')]

    def alerts(self) -> set[str]:
        """Return the names of the alerts that Alertmanager takes to be firing."""
        return {alert["labels"]["alertname"] for alert in _get(self._alerts, "/api/v2/alerts")}

    def _configure(self, targets: list[str], webhook: str) -> None:
        rules = self._folder / "rules"
        rules.mkdir()
        for path in (DEPLOYED / "rules").glob("*.yml"):
            (rules / path.name).write_text(faster(path.read_text(), self._times))
        config = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text())
        config["global"] = {
            "scrape_interval": SCRAPE,
            "scrape_timeout": SCRAPE,
            "evaluation_interval": SCRAPE,
        }
        config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [
            f"{HOST}:{self._alerts}"
        ]
        # The pages of servers too are of this job: there is no name to reach them by.
        del config["scrape_configs"][1:]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = targets
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        routes = yaml.safe_load((DEPLOYED / "alertmanager.yml").read_text())
        routes["route"] |= {"group_wait": "100ms", "group_interval": "500ms"}
        for receiver in routes["receivers"]:
            receiver["webhook_configs"] = [{"url": f"{webhook}/{receiver['name']}"}]
        (self._folder / "alertmanager.yml").write_text(yaml.safe_dump(routes))

    def _prometheus(self) -> list[str]:
        return [
            program("prometheus"),
            f"--config.file={self._folder}/prometheus.yml",
            f"--storage.tsdb.path={self._folder}/data",
            f"--web.listen-address={HOST}:{self._web}",
            "--enable-feature=exemplar-storage",
        ]

    def _alertmanager(self) -> list[str]:
        path = Path(program("prometheus-alertmanager"))
        return [
            "env",
            f"--chdir={path.parents[2]}",
            str(path),
            f"--config.file={self._folder}/alertmanager.yml",
            f"--storage.path={self._folder}/alerts",
            f"--web.listen-address={HOST}:{self._alerts}",
            "--cluster.listen-address=",
        ]


def _ready(port: int) -> bool:
    try:
        with urlopen(f"http://{HOST}:{port}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _get(port: int, path: str, **given: str) -> Any:
    with urlopen(f"http://{HOST}:{port}{path}?{urlencode(given)}", timeout=60) as answer:
        return json.load(answer)
