"""Manifests as kustomize renders them, and the export of state."""

from __future__ import annotations

import re
import shutil

import pytest
import yaml

from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from tests.support.kustomize import KustomizeUnavailableError, rendered
from tests.unit.deploy.kubernetes_case import (
    FOLDER,
    VERSIONS,
    Manifest,
    check,
    in_folder,
    one,
    render,
)

MULTIPLES = {"Mi": 2**20, "Gi": 2**30}


@pytest.fixture(scope="module", params=["base", "example"])
def objects(request: pytest.FixtureRequest) -> list[Manifest]:
    return render(request.param)


def test_what_is_rendered_fits_the_schemas(objects) -> None:
    assert len(objects) == 6

    for each in objects:
        check(each, VERSIONS[0])
        check(each, VERSIONS[-1])


def pod_of(objects: list[Manifest]) -> tuple[Manifest, dict[str, str]]:
    """Return the container of the StatefulSet, and its environment."""
    [container] = one("StatefulSet", objects)["spec"]["template"]["spec"]["containers"]
    return container, {variable["name"]: variable["value"] for variable in container["env"]}


@pytest.fixture
def pipeline(objects, tmp_path, monkeypatch) -> PipelineFile:
    """The pipeline file, loaded as in the pod; the secret's files are elsewhere."""
    [text] = one("ConfigMap", objects)["data"].values()
    (tmp_path / "password").write_text("not in any manifest")
    path = tmp_path / "pipeline.yaml"
    path.write_text(text.replace("file:/run/secrets/kafka", f"file:{tmp_path}"))
    for name, value in pod_of(objects)[1].items():
        monkeypatch.setenv(name, value)
    return load(path)


def test_the_pipeline_file_is_valid_and_the_pod_finds_it(objects, pipeline) -> None:
    container, _ = pod_of(objects)
    spec = one("StatefulSet", objects)["spec"]["template"]["spec"]
    [volume] = [each for each in spec["volumes"] if each["name"] == "pipeline"]
    config = one("ConfigMap", objects)

    assert volume["configMap"]["name"] == config["metadata"]["name"]
    assert container["args"][:2] == ["run", "/etc/pynomaly/pipeline.yaml"]
    assert [*config["data"]] == ["pipeline.yaml"]


def test_the_state_is_on_the_volume(objects, pipeline) -> None:
    [mount] = [each for each in pod_of(objects)[0]["volumeMounts"] if each["name"] == "state"]

    assert pipeline.state.directory.is_relative_to(mount["mountPath"])


def test_memory_leaves_room_for_the_engine_itself(objects, pipeline) -> None:
    container, environment = pod_of(objects)
    limit = container["resources"]["limits"]["memory"]
    room = int(limit[:-2]) * MULTIPLES[limit[-2:]] - pipeline.state.memory_limit

    assert room >= int(environment["PROCESSES"]) * 2**30


def test_every_process_has_its_metrics_port_everywhere(objects, pipeline) -> None:
    container, environment = pod_of(objects)
    expected = {
        f"metrics-{process}": pipeline.metrics.port + process
        for process in range(int(environment["PROCESSES"]))
    }

    assert pipeline.metrics.host == "0.0.0.0"
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == expected
    ports = one("Service", objects)["spec"]["ports"]
    assert {port["name"]: port["port"] for port in ports} == expected
    monitor = yaml.safe_load((FOLDER / "monitoring" / "servicemonitor.yaml").read_text())
    assert set(expected) <= {each["port"] for each in monitor["spec"]["endpoints"]}


def test_two_pipelines_of_a_namespace_keep_apart() -> None:
    objects = render("example")
    name = {"app.kubernetes.io/instance": "presses", "app.kubernetes.io/name": "pynomaly"}

    assert one("StatefulSet", objects)["spec"]["selector"]["matchLabels"] == name
    assert one("Service", objects)["spec"]["selector"] == name
    assert one("NetworkPolicy", objects)["spec"]["podSelector"]["matchLabels"] == name
    assert one("PodDisruptionBudget", objects)["spec"]["selector"]["matchLabels"] == name
    for each in objects:
        assert each["metadata"]["namespace"] == "plant"
        assert "-presses" in each["metadata"]["name"]


def test_what_is_for_the_operator_is_rendered_once_a_cluster() -> None:
    objects = render("monitoring")

    assert {each["kind"] for each in objects} == {"PrometheusRule", "ServiceMonitor"}
    assert one("ServiceMonitor", objects)["spec"]["namespaceSelector"] == {"any": True}


def test_exporting_the_state_stops_the_pipeline(tmp_path) -> None:
    for folder in ("base", "state-export"):
        shutil.copytree(FOLDER / folder, tmp_path / folder)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kustomization.yaml").write_text(
        "resources: [../base]\ncomponents: [../state-export]\n"
    )
    try:
        objects = rendered(tmp_path / "mine")
    except KustomizeUnavailableError as missing:
        pytest.skip(str(missing))
    for each in objects:
        check(each, VERSIONS[-1])

    assert one("StatefulSet", objects)["spec"]["replicas"] == 0
    volumes = one("Job", objects)["spec"]["template"]["spec"]["volumes"]
    [config] = [each["configMap"]["name"] for each in volumes if each["name"] == "pipeline"]
    assert config == one("ConfigMap", objects)["metadata"]["name"]
    claim = one("StatefulSet", objects)["spec"]["volumeClaimTemplates"][0]["metadata"]["name"]
    [claimed] = [each for each in volumes if each["name"] == "state"]
    assert claimed["persistentVolumeClaim"]["claimName"] == f"{claim}-pynomaly-0"


def test_the_export_is_given_all_that_pipeline_files_name() -> None:
    job = one("Job", in_folder("state-export"))
    [container] = job["spec"]["template"]["spec"]["containers"]
    given = {variable["name"] for variable in container["env"]}

    for path in FOLDER.rglob("pipeline.yaml"):
        assert set(re.findall(r"\$\{(\w+)\}", path.read_text())) <= given, path
