"""The Kubernetes manifests: their schemas, what they promise, and what kustomize makes of them."""

import copy
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from sqlalchemy import make_url

from deploy.kubernetes.generate import TARGET, prometheus_rule
from engine.application.cluster.health import Health
from engine.application.cluster.supervised import RestartPolicy
from engine.application.config.load import load
from engine.application.config.pipeline_file import PipelineFile
from engine.presentation.api.app import openapi
from engine.presentation.cli.control_store import CACHE_PASSWORD, SECRET_KEY
from engine.presentation.cli.control_store import PASSWORD as DATABASE_PASSWORD
from tests.support.kustomize import KustomizeUnavailableError, rendered
from tests.unit.deploy.rules import ROOT, read_options

FOLDER = ROOT / "deploy" / "kubernetes"
VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
PATCHES = {"processes.yaml", "ports.yaml"}
OPERATORS = ("monitoring.coreos.com/", "keda.sh/")
"""Whose kinds no schema is at hand for."""
MULTIPLES = {"Mi": 2**20, "Gi": 2**30}

Manifest = dict[str, Any]


def manifests() -> Iterator[tuple[Path, Manifest]]:
    """Yield the objects that are written down, each with its file."""
    for path in sorted(FOLDER.rglob("*.yaml")):
        data = yaml.safe_load(path.read_text())
        if "apiVersion" in data and path.name not in PATCHES | {"kustomization.yaml"}:
            yield path, data


def one(kind: str, objects: list[Manifest]) -> Manifest:
    [found] = [each for each in objects if each["kind"] == kind]
    return found


@pytest.fixture(scope="module")
def base() -> list[Manifest]:
    return [data for path, data in manifests() if path.parent.name == "base"]


@pytest.fixture(
    params=[
        ("base", "StatefulSet"),
        ("state-export", "Job"),
        ("stateless", "Deployment"),
        ("server", "Deployment"),
        ("server", "Job"),
    ],
    ids="-".join,
)
def pod(request: pytest.FixtureRequest) -> Manifest:
    folder, kind = request.param
    found: Manifest = one(kind, in_folder(folder))["spec"]["template"]
    return found


def in_folder(name: str) -> list[Manifest]:
    return [data for path, data in manifests() if path.parent.name == name]


def check(manifest: Manifest, version: str) -> None:
    """Hold a manifest against the schema of a Kubernetes version, unknown fields refused."""
    if not manifest["apiVersion"].startswith(OPERATORS):
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_fit_the_schemas(version: str) -> None:
    written = list(manifests())

    assert len(written) >= 8
    for _, manifest in written:
        check(manifest, version)


@pytest.mark.parametrize(
    "breakage",
    [
        lambda spec: spec["template"]["spec"].update(terminationGracePeriod=60),
        lambda spec: spec["template"]["spec"]["containers"][0].pop("name"),
        lambda spec: spec.update(replicas="one"),
        lambda spec: spec.pop("selector"),
    ],
)
def test_a_wrong_manifest_is_noticed(base, breakage) -> None:
    broken = copy.deepcopy(one("StatefulSet", base))
    breakage(broken["spec"])

    with pytest.raises(kubernetes_validate.ValidationError):
        check(broken, VERSIONS[-1])


def test_the_prometheus_rule_is_generated() -> None:
    assert prometheus_rule() == TARGET.read_text(), "run: python -m deploy.kubernetes.generate"


def test_the_prometheus_rule_holds_every_rule_as_it_is() -> None:
    written = yaml.safe_load(TARGET.read_text())["spec"]["groups"]
    files = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))

    assert written == [
        group for path in files for group in yaml.safe_load(path.read_text())["groups"]
    ]


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


def test_pods_have_no_rights(pod: Manifest) -> None:
    spec = pod["spec"]

    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    [container] = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_pods_run_as_the_image_s_user(pod: Manifest) -> None:
    dockerfile = (ROOT / "deploy" / "container" / "Dockerfile").read_text()
    context = pod["spec"]["securityContext"]
    user, group = context["runAsUser"], context["runAsGroup"]

    assert f"USER {user}:{group}\n" in dockerfile
    assert context["fsGroup"] == group


@pytest.mark.parametrize(
    "pod", [("base", "StatefulSet"), ("state-export", "Job")], indirect=True, ids="-".join
)
def test_every_volume_is_mounted_and_every_mount_has_its_volume(base, pod: Manifest) -> None:
    claims = one("StatefulSet", base)["spec"]["volumeClaimTemplates"]
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in claims}
    mounts = pod["spec"]["containers"][0]["volumeMounts"]

    assert volumes == {mount["name"] for mount in mounts}
    assert {"/tmp", "/var/lib/pynomaly", "/etc/pynomaly"} <= {each["mountPath"] for each in mounts}


def test_secrets_are_only_referred_to(base) -> None:
    assert all(data["kind"] != "Secret" for _, data in manifests())

    for path in FOLDER.rglob("*.yaml"):
        for line in path.read_text().splitlines():
            name, _, value = line.strip().partition(": ")
            if value and name.endswith(("password", "key_pem")):
                assert value.startswith('"${file:'), path


def test_a_stopping_pod_has_the_time_to_drain(base) -> None:
    grace = one("StatefulSet", base)["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]

    assert grace >= RestartPolicy().drain


def test_the_supervisor_is_given_its_time_before_the_kubelet_acts(base) -> None:
    [container] = one("StatefulSet", base)["spec"]["template"]["spec"]["containers"]
    live = container["livenessProbe"]
    policy = RestartPolicy()

    assert live["periodSeconds"] * live["failureThreshold"] > policy.hang + policy.longest_wait


def test_each_probe_asks_its_own_question(base) -> None:
    [container] = one("StatefulSet", base)["spec"]["template"]["spec"]["containers"]
    asked = {"startupProbe": "startup", "readinessProbe": "ready", "livenessProbe": "live"}

    for probe, question in asked.items():
        assert container[probe]["httpGet"]["path"] == f"/health/{question}"
        assert callable(getattr(Health, question))


def test_there_is_never_a_second_pod(base) -> None:
    assert one("StatefulSet", base)["spec"]["replicas"] == 1


def test_nobody_but_prometheus_comes_in(base) -> None:
    policy = one("NetworkPolicy", base)["spec"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    [way_in] = policy["ingress"]
    assert way_in["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    ]
    [port] = way_in["ports"]
    assert (port["port"], port["endPort"]) == (9464, 9464 + 15)


def test_selectors_choose_the_pod(base) -> None:
    labels = one("StatefulSet", base)["spec"]["template"]["metadata"]["labels"].items()
    chosen = [
        one("StatefulSet", base)["spec"]["selector"]["matchLabels"],
        one("Service", base)["spec"]["selector"],
        one("PodDisruptionBudget", base)["spec"]["selector"]["matchLabels"],
        one("NetworkPolicy", base)["spec"]["podSelector"]["matchLabels"],
    ]
    for selector in chosen:
        assert selector
        assert selector.items() <= labels

    assert (
        one("StatefulSet", base)["spec"]["serviceName"] == one("Service", base)["metadata"]["name"]
    )


def render(name: str) -> list[Manifest]:
    try:
        return rendered(FOLDER / name)
    except KustomizeUnavailableError as missing:
        pytest.skip(str(missing))


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
