"""The server: its requests, what it follows, its store."""

from deploy.grafana.panels import Dashboard, Panel, choice

INSTANCE = choice(
    "instance", "Servers", "label_values(pynomaly_server_info, instance)", several=True
)
CHOSEN = '{instance=~"$instance"}'


def _rate(counter: str, *by: str) -> str:
    """Return how much a counter of the chosen servers grows a second."""
    return f"sum by ({', '.join(by)}) (rate(pynomaly_server_{counter}{CHOSEN}[$__rate_interval]))"


def _sum(gauge: str, by: str) -> str:
    return f"sum by ({by}) (pynomaly_server_{gauge}{CHOSEN})"


def _quantile(share: float, by: str) -> str:
    buckets = f"rate(pynomaly_server_request_seconds_bucket{CHOSEN}[5m])"
    return f"histogram_quantile({share}, sum by ({by}, le) ({buckets}))"


def _share_of_hits() -> str:
    reads = f"rate(pynomaly_server_cache_reads_total{CHOSEN}[5m])"
    hits = reads.replace("instance=~", 'result="hit",instance=~')
    return f"sum by (cache) ({hits}) / sum by (cache) ({reads})"


SERVER = Dashboard(
    "server",
    "the server",
    {
        "Requests": [
            Panel("Requests a second", {"{{status}}": _rate("requests_total", "status")}, "reqps"),
            Panel(
                "Slowest 1 % of each route",
                {"{{route}}": _quantile(0.99, "route")},
                "s",
                limits=(0.5, 1),
                text="Of streams, until their beginning.",
            ),
            Panel(
                "Requests of each route a second",
                {"{{method}} {{route}}": _rate("requests_total", "method", "route")},
                "reqps",
            ),
            Panel(
                "Requests in progress", {"{{instance}}": _sum("requests_in_progress", "instance")}
            ),
            Panel(
                "Clients of the live feed",
                {"{{instance}}": _sum("stream_clients", "instance")},
                limits=(800, 1000),
                text="A server takes 1,000.",
            ),
        ],
        "What is followed": [
            Panel(
                "Records stored a second",
                {"{{kind}}": _rate("ingested_records_total", "kind")},
                "cps",
            ),
            Panel(
                "Followed now",
                {"{{source}}": f"min by (source) (pynomaly_server_following{CHOSEN})"},
                kind="stat",
                text="1 while a topic or file is followed, 0 while it is retried.",
            ),
            Panel(
                "Messages not yet read",
                {"{{source}}": f"max by (source) (pynomaly_server_lag_messages{CHOSEN})"},
                text="Of topics; files are read to their end.",
            ),
            Panel(
                "Messages that are neither an anomaly nor an incident",
                {"{{source}}": _rate("unreadable_messages_total", "source")},
                "cps",
            ),
        ],
        "Store": [
            Panel(
                "Database connections in use",
                {
                    "{{instance}}": _sum("database_connections", "instance"),
                    "limit": f"max(pynomaly_server_database_connections_limit{CHOSEN})",
                },
            ),
            Panel(
                "Requests refused because the store was away",
                {"{{instance}}": _rate("store_errors_total", "instance")},
                "cps",
            ),
            Panel(
                "Reads answered from memory",
                {"{{cache}}": _share_of_hits()},
                "percentunit",
                text="While the store stays as it is.",
            ),
            Panel(
                "Memory",
                {"{{instance}}": f"sum by (instance) (process_resident_memory_bytes{CHOSEN})"},
                "bytes",
            ),
        ],
    },
    [INSTANCE],
)
