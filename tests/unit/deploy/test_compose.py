"""The compose file: what it names exists, which services are connected, and what others reach."""

import itertools
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import orjson
import pytest
import yaml
from sqlalchemy import make_url

from deploy.compose import producer
from engine.application.config.load import load
from engine.application.demo.fleet import Fleet
from engine.application.key_ring import keys_of
from tests.unit.deploy.rules import ROOT, read_options

FOLDER = ROOT / "deploy" / "compose"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PORTS = {
    "alertmanager": 9093,
    "grafana": 3000,
    "jaeger": 16686,
    "prometheus": 9090,
    "pynomaly": 9464,
    "proxy": 8080,
}
INSIDE = {("server-1", 9465), ("server-2", 9465)}
"""Pages that no other program on this machine reaches."""
"""Where the services answer; 4318 is Jaeger's for spans."""

each = pytest.mark.parametrize("name", SERVICES)


@each
def test_what_is_mounted_exists(name: str) -> None:
    for volume in SERVICES[name].get("volumes", []):
        source, _, target = volume.partition(":")
        if source.startswith("."):
            assert (FOLDER / source).exists(), volume
            assert target.endswith(":ro"), volume
        else:
            assert source in COMPOSE["volumes"]


@each
def test_only_this_machine_reaches_it(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert port.startswith("127.0.0.1:")


@each
def test_images_of_others_have_a_version_and_a_digest(name: str) -> None:
    image = SERVICES[name]["image"]

    assert image == "pynomaly:compose" or re.fullmatch(
        r"[a-z/-]+:v?\d+(\.\d+)+@sha256:[0-9a-f]{64}", image
    )


@each
def test_it_waits_only_for_what_there_is(name: str) -> None:
    assert set(SERVICES[name].get("depends_on", [])) <= set(SERVICES)


def addresses() -> list[tuple[str, int]]:
    """Return host and port of all that a configuration speaks to."""
    prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    named = [
        target
        for job in prometheus["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    ]
    managers = prometheus["alerting"]["alertmanagers"]
    named += [
        target
        for each in managers
        for group in each["static_configs"]
        for target in group["targets"]
    ]
    sources = yaml.safe_load((FOLDER / "grafana/datasources.yaml").read_text())["datasources"]
    urls = [f"http://{target}" for target in named] + [source["url"] for source in sources]
    return [(str(url.hostname), int(url.port or 0)) for url in map(urlsplit, urls)]


def test_configurations_speak_to_services_where_they_answer() -> None:
    found = addresses()

    configured = {(name, PORTS[name]) for name in PORTS if name not in ("grafana", "proxy")}
    assert set(found) == configured | INSIDE
    for name, port in PORTS.items():
        assert f"127.0.0.1:{port}:{port}" in SERVICES[name]["ports"]


def test_dashboards_are_where_grafana_looks() -> None:
    provider = yaml.safe_load((FOLDER / "grafana/dashboards.yaml").read_text())["providers"][0]
    place = provider["options"]["path"]

    assert f"../grafana/dashboards:{place}:ro" in SERVICES["grafana"]["volumes"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "deploy/grafana/dashboards" / Path(home).name).exists()


@each
def test_no_service_has_rights_or_a_writable_root(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in service["tmpfs"]


def test_brokers_are_the_listener_for_services() -> None:
    broker = SERVICES["kafka"]["environment"]
    inside = re.search(r"INSIDE://([^,]+)", broker["KAFKA_ADVERTISED_LISTENERS"])

    assert inside
    for name in ("pynomaly", "producer", "topics"):
        assert SERVICES[name]["environment"]["KAFKA_BROKERS"] == inside[1]


def test_the_pipeline_is_what_the_producer_sends(monkeypatch) -> None:
    monkeypatch.setenv("KAFKA_BROKERS", "kafka:29092")
    file = load(FOLDER / "pipeline.yaml")
    mapping = file.pipeline().mapping
    chosen = [file.source, *(sink.choice for sink in file.sinks.chosen())]

    assert {choice.settings.model_dump()["topic"] for choice in chosen} == set(producer.TOPICS)
    first, second = itertools.islice(producer.messages(1_000_000, 1000), 2)
    assert (b"press-000", producer.GARBAGE) in first
    for key, value in second:
        event = orjson.loads(value)
        assert event["sensor"] == key.decode()
        assert event["ts"] == 1_001_000
        assert set(mapping.value_names) < set(event)


def test_traces_go_to_jaeger_and_exemplars_lead_there() -> None:
    found = urlsplit(SERVICES["pynomaly"]["environment"]["OTLP_TRACES"])
    taken = f"--set=receivers.otlp.protocols.http.endpoint=0.0.0.0:{found.port}"

    assert found.hostname == "jaeger"
    assert taken in SERVICES["jaeger"]["command"]
    assert "${OTLP_TRACES:-" in (FOLDER / "pipeline.yaml").read_text()
    assert "--enable-feature=exemplar-storage" in SERVICES["prometheus"]["command"]
    sources = yaml.safe_load((FOLDER / "grafana/datasources.yaml").read_text())["datasources"]
    ways = next(each for each in sources if each["type"] == "prometheus")["jsonData"]
    [way] = ways["exemplarTraceIdDestinations"]
    assert way["datasourceUid"] in [each["uid"] for each in sources if each["type"] == "jaeger"]


def test_each_day_of_the_producer_has_faults_of_its_own(monkeypatch) -> None:
    monkeypatch.setattr(producer, "FLEET", Fleet(sensors=3, minutes=500, learning=100, faults=0))
    monkeypatch.setattr(producer, "FAULTS", 1)
    calm = producer.FLEET.readings().round(4)[100:]
    past, *days = (
        np.array(list(itertools.islice(readings, length)))
        for readings in [producer.readings()]
        for length in (100, 400, 400)
    )

    assert past.shape == (100, 3, 3)
    faulty = [np.argwhere((day != calm).any(axis=2)) for day in days]
    assert all(0 < len(places) < 100 for places in faulty)
    assert faulty[0].tolist() != faulty[1].tolist()


def command(service: str) -> list[str]:
    """Return the words of a service that runs `pynomaly`, as it would get them."""
    words: list[str] = SERVICES[service]["command"]
    return words


@pytest.mark.parametrize("name", ["migration", "server-1", "server-2"])
def test_servers_are_started_with_options_that_there_are(name: str) -> None:
    read_options(command(name))


def test_servers_share_what_makes_them_stateless() -> None:
    first, second = SERVICES["server-1"], SERVICES["server-2"]
    words = command("server-1")

    assert first == second
    assert {"--stateless", "--no-migrate"} <= set(words)
    database = make_url(words[words.index("--database") + 1])
    assert (database.host, database.username) == ("postgres", "pynomaly")
    assert database.password is None
    given = SERVICES["postgres"]["environment"]
    assert first["environment"]["PYNOMALY_DATABASE_PASSWORD"] == given["POSTGRES_PASSWORD"]
    assert first["environment"]["PYNOMALY_CACHE_PASSWORD"] in SERVICES["redis"]["command"]
    [key] = re.findall(r":-(.*)}", first["environment"]["PYNOMALY_SECRET_KEY"])
    assert keys_of(key)


def test_the_proxy_sends_requests_to_the_servers() -> None:
    text = (FOLDER / "nginx.conf").read_text()

    assert set(re.findall(r"server (server-\d):8420 ", text)) == {"server-1", "server-2"}
    assert f"listen {PORTS['proxy']};" in text
    assert f"127.0.0.1:{PORTS['proxy']}:{PORTS['proxy']}" in SERVICES["proxy"]["ports"]
