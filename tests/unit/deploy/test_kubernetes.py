"""The manifests of a pipeline: valid, without rights, and let alone."""

from __future__ import annotations

import copy

import kubernetes_validate
import pytest
import yaml

from deploy.kubernetes.generate import TARGET, prometheus_rule
from engine.application.cluster.health import Health
from engine.application.cluster.supervised import RestartPolicy
from tests.unit.deploy.kubernetes_case import (
    FOLDER,
    VERSIONS,
    Manifest,
    check,
    in_folder,
    manifests,
    one,
)
from tests.unit.deploy.rules import ROOT


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
