"""Pipelines in Kubernetes without volumes."""

from __future__ import annotations

import pytest

from engine.application.config.load import load
from tests.unit.deploy.kubernetes_case import (
    FOLDER,
    Manifest,
    manifests,
    one,
)


@pytest.fixture(scope="module")
def stateless() -> list[Manifest]:
    return [data for path, data in manifests() if path.parent.name == "stateless"]


def test_stateless_pods_have_no_volume_to_lose(stateless: list[Manifest]) -> None:
    spec = one("Deployment", stateless)["spec"]["template"]["spec"]
    kinds = {key for volume in spec["volumes"] for key in volume} - {"name"}

    assert kinds == {"configMap", "secret", "emptyDir"}
    mounts = {mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
    assert mounts == {volume["name"] for volume in spec["volumes"]}


def test_stateless_pods_are_let_in_to_by_prometheus_alone(stateless: list[Manifest]) -> None:
    policy = one("NetworkPolicy", stateless)["spec"]
    [way_in] = policy["ingress"]
    [port] = one("Deployment", stateless)["spec"]["template"]["spec"]["containers"][0]["ports"]

    assert way_in["ports"] == [{"protocol": "TCP", "port": port["containerPort"]}]


def test_what_scales_stateless_pods_names_them_and_their_group(
    stateless: list[Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = one("Deployment", stateless)
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    for variable in container["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    file = load(FOLDER / "stateless" / "pipeline.yaml")
    [trigger] = one("ScaledObject", stateless)["spec"]["triggers"]

    for kind in ("HorizontalPodAutoscaler", "ScaledObject"):
        name = one(kind, stateless)["spec"]["scaleTargetRef"]["name"]
        assert name == deployment["metadata"]["name"]

    assert file.state.kafka is not None
    assert trigger["metadata"]["consumerGroup"] == f"pynomaly-{file.name}"
    assert trigger["metadata"]["topic"] == file.source.settings.topic  # type: ignore[attr-defined]
    assert trigger["metadata"]["bootstrapServers"] == container["env"][0]["value"]
