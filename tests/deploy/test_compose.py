"""compose.yaml against the specification, and hardened as it says."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml

from serving.settings import Settings
from tests.deploy.kit import DEPLOY, ROOT, documents, paths, settings_of

TEXT = (DEPLOY / "compose.yaml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EVERY = pytest.mark.parametrize("name", SERVICES)


def test_it_is_of_the_compose_specification() -> None:
    vendor = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    jsonschema.validate(COMPOSE, json.loads(vendor.read_text("utf-8")))


@EVERY
def test_each_service_is_shut_in(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert not service.get("cap_add")
    limits = service["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} <= limits.keys()
    assert service["healthcheck"]["test"][0] == "CMD", "no shell"
    assert service["restart"] == "unless-stopped"


@EVERY
def test_images_are_pinned(name: str) -> None:
    tag = SERVICES[name]["image"].rpartition(":")[2]
    assert re.search(r"\d+\.\d+", tag), tag


@EVERY
def test_ports_are_published_on_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith("127.0.0.1:")


def test_the_database_cannot_be_reached_from_outside_or_reach_it() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == ["inside"]
    assert "ports" not in SERVICES["postgres"]


def test_secrets_have_no_default_and_are_all_explained() -> None:
    example = (DEPLOY / "compose" / "env.example").read_text("utf-8")
    wanted = set(re.findall(r"\$\{(\w+)", TEXT))
    assert set(re.findall(r"\$\{(\w+):\?", TEXT)) == wanted
    given = dict(line.split("=", 1) for line in example.splitlines() if not line.startswith("#"))
    assert given.keys() == wanted
    assert set(given.values()) == {""}
    secret = re.compile(r"(?i)password|key$")
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable):
                assert str(value).startswith("${"), (name, variable)


def test_the_service_s_settings_are_settings_and_its_drain_fits() -> None:
    service = SERVICES["suda"]
    environment = {k: v for k, v in service["environment"].items() if "${" not in v}
    settings = settings_of(environment)
    assert settings.auth == "on"
    grace = int(service["stop_grace_period"].removesuffix("s"))
    assert settings.drain_seconds + settings.shutdown_seconds < grace
    assert settings.database_url == "postgresql://suda@postgres/suda"
    assert SERVICES["postgres"]["environment"]["POSTGRES_USER"] == "suda"
    assert (ROOT / "Dockerfile").read_text().count(f" AS {service['build']['target']}\n") == 1


def test_paths_that_are_asked_for_exist() -> None:
    check = SERVICES["suda"]["healthcheck"]["test"][-1]
    asked = set(re.findall(r"8000(/\w+)", check))
    (config,) = documents(DEPLOY / "compose" / "prometheus.yaml")
    (job,) = config["scrape_configs"]
    assert asked | {job["metrics_path"]} <= paths()
    assert job["static_configs"][0]["targets"] == [f"suda:{Settings().port}"]
    # The file that the secret becomes.
    assert job["authorization"]["credentials_file"] == "/run/secrets/metrics_key"
    assert SERVICES["prometheus"]["secrets"] == ["metrics_key"]


def test_files_that_are_mounted_exist_where_they_are_read() -> None:
    mounted = {}
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source, target, *_ = volume.split(":")
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source
                mounted[target] = DEPLOY / source
            else:
                assert source in COMPOSE["volumes"]
    (config,) = documents(DEPLOY / "compose" / "prometheus.yaml")
    assert [mounted[path] for path in config["rule_files"]] == [DEPLOY / "prometheus/alerts.yaml"]
    (dashboards,) = documents(DEPLOY / "compose/grafana/dashboards.yaml")
    folder = mounted[dashboards["providers"][0]["options"]["path"]]
    assert (folder / "suda.json").is_file()
    (sources,) = documents(DEPLOY / "compose/grafana/datasources.yaml")
    assert sources["datasources"][0]["url"] == "http://prometheus:9090"


def test_nothing_of_grafana_calls_out() -> None:
    environment = SERVICES["grafana"]["environment"]
    for name in ("GF_ANALYTICS_REPORTING_ENABLED", "GF_ANALYTICS_CHECK_FOR_UPDATES"):
        assert environment[name] == "false"
    assert environment["GF_NEWS_NEWS_FEED_ENABLED"] == "false"
