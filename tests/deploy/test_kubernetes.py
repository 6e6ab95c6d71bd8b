"""The manifests: valid, restricted, and in step with the service."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from serving.settings import Settings
from tests.deploy.kit import (
    DEPLOY,
    MANIFESTS,
    command_exists,
    documents,
    paths,
    pod_specs,
    resources,
    settings_of,
)

CUSTOM = {"ServiceMonitor", "PrometheusRule"}
# The oldest with preStop's sleep in general use, and the newest the package knows.
VERSIONS = ["1.34", kubernetes_validate.latest_version()]
PODS = pytest.mark.parametrize(
    ("name", "spec"), list(pod_specs()), ids=[name for name, _ in pod_specs()]
)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_each_manifest_is_of_its_schema(path: Path, version: str) -> None:
    for document in documents(path):
        if document["kind"] not in CUSTOM:
            kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("folder", ["kubernetes", "kubernetes/monitoring", "retrain"])
def test_kustomizations_name_every_file_and_build(folder: str) -> None:
    (kustomization,) = documents(DEPLOY / folder / "kustomization.yaml")
    named = set(kustomization["resources"])
    there = {path.name for path in (DEPLOY / folder).glob("*.yaml")}
    # Whoever applies the folder must not put an empty secret into the cluster.
    assert named == there - {"kustomization.yaml", "secret.example.yaml"}
    tool = shutil.which("kubectl")
    if tool is not None:
        done = subprocess.run(
            [tool, "kustomize", DEPLOY / folder], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        built = [d for d in yaml.safe_load_all(done.stdout) if d["kind"] != "Namespace"]
        assert {d["metadata"]["namespace"] for d in built} == {"suda"}


@PODS
def test_each_pod_meets_the_restricted_standard(name: str, spec: dict[str, Any]) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, and more."""
    context = spec["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] >= 10_000
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
    for container in spec["containers"]:
        own = container["securityContext"]
        assert own == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"] == container["resources"]["limits"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert "/tmp" in mounts, "the root is read-only"  # noqa: S108
        assert set(mounts.values()) <= {volume["name"] for volume in spec["volumes"]}
    for volume in spec["volumes"]:
        assert volume.keys() - {"name"} <= {"persistentVolumeClaim", "emptyDir"}
        if claim := volume.get("persistentVolumeClaim"):
            assert claim["claimName"] in resources("PersistentVolumeClaim")


@PODS
def test_each_command_exists(name: str, spec: dict[str, Any]) -> None:
    for container in spec["containers"]:
        words = container.get("command") or ["suda", *container["args"]]
        assert words[0] == "suda"
        assert command_exists(words[1:]) is None


@PODS
def test_settings_come_from_one_map_and_one_secret(name: str, spec: dict[str, Any]) -> None:
    for container in spec["containers"]:
        assert container["envFrom"] == [
            {"configMapRef": {"name": "suda"}},
            {"secretRef": {"name": "suda"}},
        ]


def config() -> Settings:
    return settings_of(resources("ConfigMap")["suda"]["data"])


def deployment() -> dict[str, Any]:
    spec: dict[str, Any] = resources("Deployment")["suda"]["spec"]
    return spec


def test_a_pod_is_given_the_time_it_takes_to_stop() -> None:
    pod = deployment()["template"]["spec"]
    (container,) = pod["containers"]
    slept = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    settings = config()
    needed = slept + settings.drain_seconds + settings.shutdown_seconds
    assert needed < pod["terminationGracePeriodSeconds"]
    # Whoever asks /readyz must hear of it while the service still answers.
    probe = container["readinessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] <= settings.drain_seconds


def test_probes_and_ports_are_the_service_s() -> None:
    (container,) = deployment()["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert port["containerPort"] == config().port
    probes = {n: container[f"{n}Probe"]["httpGet"] for n in ("startup", "readiness", "liveness")}
    assert {probe["path"] for probe in probes.values()} <= paths()
    assert {probe["port"] for probe in probes.values()} == {port["name"]}
    # A database that is away must not restart the pods.
    assert probes["liveness"]["path"] == "/livez"
    assert probes["readiness"]["path"] == "/readyz"
    (served,) = resources("Service")["suda"]["spec"]["ports"]
    assert served["targetPort"] == port["name"]
    (endpoint,) = resources("ServiceMonitor")["suda"]["spec"]["endpoints"]
    assert endpoint["port"] == served["name"]
    assert endpoint["path"] in paths()


def test_it_listens_behind_keys_and_shares_a_database() -> None:
    settings = config()
    assert settings.auth == "on"
    assert settings.database_url.startswith("postgresql://"), "several pods"
    # Where every pod and retraining look, and retraining writes.
    assert str(settings.registry).startswith("/var/lib/suda/")
    (claim,) = [c for n, c in resources("PersistentVolumeClaim").items() if n == "suda-state"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_there_are_two_at_least_whatever_is_evicted() -> None:
    scaler = resources("HorizontalPodAutoscaler")["suda"]["spec"]
    assert scaler["minReplicas"] == 2
    assert scaler["scaleTargetRef"]["name"] == "suda"
    # Applying the files again must not undo what the autoscaler did.
    assert "replicas" not in deployment()
    assert deployment()["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert resources("PodDisruptionBudget")["suda"]["spec"]["minAvailable"] == 1


def test_selectors_select_the_pods() -> None:
    labels = deployment()["template"]["metadata"]["labels"].items()
    selectors = [
        deployment()["selector"]["matchLabels"],
        resources("Service")["suda"]["spec"]["selector"],
        resources("PodDisruptionBudget")["suda"]["spec"]["selector"]["matchLabels"],
        resources("NetworkPolicy")["suda-in"]["spec"]["podSelector"]["matchLabels"],
        resources("NetworkPolicy")["suda-webhooks"]["spec"]["podSelector"]["matchLabels"],
        *(
            each["labelSelector"]["matchLabels"]
            for each in deployment()["template"]["spec"]["topologySpreadConstraints"]
        ),
    ]
    for selector in selectors:
        assert selector.items() <= labels


def test_everything_is_denied_that_is_not_named() -> None:
    policies = resources("NetworkPolicy")
    deny = policies["default-deny"]["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name, policy in policies.items():
        for way, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(way, ()):
                assert rule[peers], f"{name}: an empty list means everybody"
                assert rule["ports"], name
    # Every pod may reach its database.
    (out,) = policies["suda-out"]["spec"]["podSelector"]["matchExpressions"]
    jobs = resources("CronJob").values()
    names = {
        job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"][out["key"]]
        for job in jobs
    }
    assert set(out["values"]) == {"suda", *names}


def test_jobs_run_one_at_a_time_on_the_bank_s_clock() -> None:
    jobs = resources("CronJob")
    assert jobs.keys() == {"suda-retrain", "suda-retention", "suda-anchor"}
    for job in jobs.values():
        assert job["spec"]["concurrencyPolicy"] == "Forbid"
        assert job["spec"]["timeZone"] == "Asia/Shanghai"
        assert job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]


def test_the_example_of_a_secret_has_no_value() -> None:
    (secret,) = resources("Secret").values()
    assert set(secret["stringData"].values()) == {""}


def test_the_operator_s_rules_are_the_alerts() -> None:
    (alerts,) = documents(DEPLOY / "prometheus" / "alerts.yaml")
    assert resources("PrometheusRule")["suda"]["spec"] == alerts, "run `make rules`"
