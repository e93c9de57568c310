"""The servers of the control plane in Kubernetes."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import make_url

from engine.presentation.api.app import openapi
from engine.presentation.cli.control_store import CACHE_PASSWORD, SECRET_KEY
from engine.presentation.cli.control_store import PASSWORD as DATABASE_PASSWORD
from tests.unit.deploy.kubernetes_case import (
    VERSIONS,
    Manifest,
    check,
    one,
    render,
)
from tests.unit.deploy.rules import read_options


@pytest.fixture(scope="module")
def server() -> list[Manifest]:
    return render("server")


def container_of(kind: str, objects: list[Manifest]) -> Manifest:
    [container] = one(kind, objects)["spec"]["template"]["spec"]["containers"]
    found: Manifest = container
    return found


def test_the_server_as_rendered_fits_the_schemas(server: list[Manifest]) -> None:
    assert len(server) == 8

    for each in server:
        check(each, VERSIONS[0])
        check(each, VERSIONS[-1])


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_servers_are_started_with_options_that_there_are(server: list[Manifest], kind: str) -> None:
    configured = [each["data"] for each in server if each["kind"] == "ConfigMap"]
    [values] = [data for data in configured if "DATABASE" in data]
    words = [
        re.sub(r"\$\((\w+)\)", lambda found: values[found[1]], word)
        for word in container_of(kind, server)["args"]
    ]

    given = read_options(words)

    url = make_url(given["database"])
    assert (url.drivername, url.password) == ("postgresql+psycopg", None)
    if kind == "Deployment":
        assert given["stateless"]
        assert not given["migrate"]


def test_servers_get_their_secrets_by_reference(server: list[Manifest]) -> None:
    for kind in ("Deployment", "Job"):
        for variable in container_of(kind, server)["env"]:
            assert variable["name"] in (DATABASE_PASSWORD, CACHE_PASSWORD, SECRET_KEY)
            assert variable["valueFrom"]["secretKeyRef"]["name"] == "pynomaly-server"


def test_servers_are_reached_and_probed_where_they_listen(server: list[Manifest]) -> None:
    container = container_of("Deployment", server)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    paths = openapi()["paths"]

    given = read_options(container["args"])
    assert ports == {"http": given["port"], "metrics": int(given["metrics"].rpartition(":")[2])}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert asked["port"] in ports
        assert asked["path"] in paths
    service = one("Service", server)["spec"]
    assert {port["name"]: port["port"] for port in service["ports"]} == ports
    policy = one("NetworkPolicy", server)["spec"]["ingress"]
    assert {way["ports"][0]["port"] for way in policy} == set(ports.values())


def test_selectors_choose_the_servers_and_not_the_migration(server: list[Manifest]) -> None:
    serving = one("Deployment", server)["spec"]["template"]["metadata"]["labels"].items()
    migrating = one("Job", server)["spec"]["template"]["metadata"]["labels"].items()
    for selector in (
        one("Deployment", server)["spec"]["selector"]["matchLabels"],
        one("Service", server)["spec"]["selector"],
        one("PodDisruptionBudget", server)["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= serving
        assert not selector.items() <= migrating
    both = one("NetworkPolicy", server)["spec"]["podSelector"]["matchLabels"].items()

    assert both <= serving
    assert both <= migrating
