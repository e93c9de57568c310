"""The queries of the dashboards: PromQL over the engine's metrics and the recorded rules."""

from deploy.grafana.panels import choice

PIPELINE = choice("pipeline", "Pipeline", "label_values(pynomaly_pipeline_info, pipeline)")
PIPELINES = choice(
    "pipeline", "Pipelines", "label_values(pynomaly_pipeline_info, pipeline)", several=True
)
CHOSEN = '{pipeline=~"$pipeline"}'

SEVERITIES = {"minor": "yellow", "major": "orange", "critical": "red"}
"""The colours of anomalies."""


def recorded(name: str) -> str:
    """Return a record of deploy/prometheus/rules/records.yml, of the chosen pipelines."""
    return f"pipeline:pynomaly_{name}{CHOSEN}"


def summed(metric: str, *by: str) -> str:
    """Return a metric of the chosen pipelines, summed over what is not named."""
    return f"sum by ({_labels(by)}) (pynomaly_{metric}{CHOSEN})"


def largest(metric: str, *by: str) -> str:
    """Return a metric of the chosen pipelines, the largest of what is not named."""
    return f"max by ({_labels(by)}) (pynomaly_{metric}{CHOSEN})"


def rate(counter: str, *by: str) -> str:
    """Return how much a counter grows a second; 0 if it has not counted yet."""
    rated = f"rate(pynomaly_{counter}{CHOSEN}[$__rate_interval])"
    return or_nothing(f"sum by ({_labels(by)}) ({rated})", *by)


def or_nothing(query: str, *by: str) -> str:
    """Return a query that is 0, and named "none", for pipelines of which it finds nothing."""
    nothing = f"0 * max by (pipeline) (pynomaly_pipeline_info{CHOSEN})"
    for label in by:
        nothing = f'label_replace({nothing}, "{label}", "none", "", "")'
    return f"{query} or on (pipeline) {nothing}"


def quantile(share: float, histogram: str, *by: str) -> str:
    """Return a quantile of a histogram over the last five minutes."""
    buckets = f"rate(pynomaly_{histogram}_bucket{CHOSEN}[5m])"
    return f"histogram_quantile({share}, sum by ({_labels(by)}, le) ({buckets}))"


def _labels(by: tuple[str, ...]) -> str:
    return ", ".join(("pipeline", *by))
