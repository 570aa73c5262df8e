from __future__ import annotations

import asyncio
import json
import os
import stat
from types import SimpleNamespace

import pytest
from traitlets.config import Config

from coursekit.config import GiB
from coursekit.hub import configure as configuring
from coursekit.hub.admission import Admission
from coursekit.hub.containers import container_environment, update_containers
from coursekit.hub.layout import lay_out
from coursekit.hub.places import HOME, account, passwd_file
from coursekit.hub.servers import Free
from coursekit.hub.settings import HubSettings, Profile, Storage
from coursekit.hub.settings.hub import Network

GPU = Profile(name="gpu", title="GPU", gpus=1, memory=4 * GiB, cores=2, limit_minutes=60.0, idle_minutes=10.0)
SMALL = Profile(name="spark", title="Spark", memory=2 * GiB, cores=1)


def everything_free(settings):
    return Free(cores=8, memory=64 * GiB, free_memory=64 * GiB, devices=settings.gpus)


def make(tmp_path, **values):
    (tmp_path / "lessons").mkdir(exist_ok=True)
    values = {"engine": "docker", "profiles": (SMALL, GPU), "gpus": ("GPU-a",), **values}
    settings = HubSettings(
        root=tmp_path, title="T", instructors=("ina",), storage=Storage(datasets=f"{tmp_path}/datasets"), **values
    )
    lay_out(settings)
    return settings


@pytest.fixture
def settings(tmp_path):
    return make(tmp_path)


@pytest.fixture
def configured(settings):
    c = Config()
    update_containers(c, settings, Admission(settings, look=everything_free))
    return c


def prepared(c, name="ada", **options):
    spawner = SimpleNamespace(
        user=SimpleNamespace(name=name), user_options=options, environment={"KEPT": "yes"}, volumes={}
    )
    asyncio.run(c.Spawner.pre_spawn_hook(spawner))
    return spawner


def test_a_container_has_no_rights_and_limits_that_the_kernel_enforces(configured):
    spawner = prepared(configured, profile="gpu")
    host = spawner.extra_host_config
    assert host["cap_drop"] == ["ALL"]
    assert host["security_opt"] == ["no-new-privileges"]
    assert host["read_only"]
    assert host["pids_limit"] > 0
    assert spawner.mem_limit == host["memswap_limit"] == 4 * GiB
    assert spawner.cpu_limit == 2
    assert host["device_requests"][0].device_ids == ["GPU-a"]
    assert spawner.extra_create_kwargs["user"].split(":")[0] not in ("0", "root")
    assert configured.DockerSpawner.pull_policy == "never"


def test_a_container_without_a_gpu_profile_gets_no_device(configured):
    assert "device_requests" not in prepared(configured, profile="spark").extra_host_config


def test_a_container_sees_its_users_folders_and_nobody_elses(configured, settings):
    prepared(configured, name="ben")
    spawner = prepared(configured, name="ada")
    grading = settings.grading
    assert spawner.volumes == {
        str(settings.home("ada")): HOME,
        str(grading.inbound / "ada"): f"/srv/coursekit/exchange/{settings.course_id}/inbound",
    }
    seen = {*spawner.volumes, *spawner.read_only_volumes}
    assert not any("ben" in path for path in seen)
    assert not any("docker.sock" in path for path in seen)
    for hidden in (
        grading.course_dir,
        grading.inbound,
        settings.state,
        settings.homes,
        settings.root,
        grading.exchange,
    ):
        assert not any(hidden.is_relative_to(path) for path in seen), hidden


def test_students_folders_are_theirs_alone_and_made_without_following_links(configured, settings, tmp_path):
    prepared(configured, name="ada")
    for folder in (settings.home("ada"), settings.grading.inbound / "ada"):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o077 == 0
        assert folder.stat().st_uid == account()
    outside = tmp_path / "outside"
    outside.mkdir()
    (settings.home("ada") / "lessons").symlink_to(outside)
    prepared(configured, name="ada")
    assert not list(outside.iterdir()), "the Hub writes nothing into a home"


def test_what_a_user_asks_for_counts_for_the_profiles_name_alone(configured):
    spawner = prepared(configured, profile="spark", image="evil/image", mem_limit="1t", cmd=["sh"])
    assert spawner.user_options == {"profile": "spark"}
    assert spawner.image == "coursekit/spark:latest"
    assert spawner.mem_limit == 2 * GiB
    assert set(configured.DockerSpawner.allowed_images) == {"coursekit/notebook:latest", "coursekit/spark:latest"}


def test_nodes_run_the_image_of_the_profile_that_is_chosen_now(tmp_path):
    settings, c = (
        make(tmp_path, profiles=(SMALL, Profile(name="plain", title="Without Spark", image="notebook"))),
        Config(),
    )
    update_containers(c, settings, Admission(settings, look=everything_free))
    spawner = prepared(c, profile="spark")
    assert spawner.environment["COURSEKIT_IMAGE"] == "coursekit/spark:latest"
    spawner.user_options = {"profile": "plain"}
    asyncio.run(c.Spawner.pre_spawn_hook(spawner))
    assert spawner.image == "coursekit/notebook:latest"
    assert "COURSEKIT_IMAGE" not in spawner.environment


def test_a_server_is_told_when_it_will_be_stopped(configured):
    told = prepared(configured, profile="gpu").environment
    assert (told["COURSEKIT_SERVER_IDLE_S"], told["COURSEKIT_SERVER_LIMIT_S"]) == ("600.0", "3600.0")
    assert told["KEPT"] == "yes"
    assert prepared(configured, profile="spark").environment["COURSEKIT_SERVER_LIMIT_S"] == "inf"


def test_names_and_labels_are_those_that_the_gateway_knows_servers_by(configured, settings, monkeypatch):
    labels = prepared(configured, profile="spark").extra_create_kwargs["labels"]
    assert labels["org.coursekit.owner"] == "ada"
    assert labels["org.coursekit.role"] == "server"
    assert "org.coursekit.group" not in labels, "an engine would take it for a node of a cluster"
    assert configured.DockerSpawner.name_template == "coursekit-class-server-{raw_username}"
    assert configured.DockerSpawner.network_name == "coursekit-class-hub"


def test_servers_outlive_the_hub_and_named_ones_are_off(configured):
    assert configured.JupyterHub.cleanup_servers is False
    assert configured.JupyterHub.allow_named_servers is False


def test_the_gateways_address_is_given_where_there_is_one(settings):
    assert "COURSEKIT_GATEWAY_URL" not in container_environment(settings)
    url = "http://172.18.0.1:1234/services/gateway"
    assert container_environment(settings, gateway_url=url)["COURSEKIT_GATEWAY_URL"] == url


def test_secrets_of_the_hub_are_in_no_containers_environment(configured, monkeypatch):
    monkeypatch.setenv("COURSEKIT_OAUTH_SECRET", "s3cret")
    told = {**configured.Spawner.environment, **prepared(configured).environment}
    assert "s3cret" not in str(told)
    assert "DOCKER_HOST" not in told


def test_the_hub_of_a_swarm_is_a_container_with_a_name_and_tells_its_gateway_which(tmp_path, monkeypatch):
    monkeypatch.setattr(HubSettings, "is_gateway_there", True)
    monkeypatch.setenv("COURSEKIT_CONTAINER", "coursekit-class-hub")
    c = Config()
    configuring.configure(c, make(tmp_path, engine="swarm"))
    assert c.JupyterHub.spawner_class == "coursekit.hub.spawner.CourseSpawner"
    assert c.JupyterHub.hub_connect_url.startswith("http://hub:")
    (gateway,) = [service for service in c.JupyterHub.services if service["name"] == "gateway"]
    assert gateway["environment"]["COURSEKIT_CONTAINER"] == "coursekit-class-hub"


def test_an_operator_who_is_not_root_runs_containers_as_themselves_with_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: None)
    settings = make(tmp_path)
    c = Config()
    update_containers(c, settings, Admission(settings, look=everything_free))
    spawner = prepared(c)
    assert spawner.extra_create_kwargs["user"] == "4711:4711"
    assert spawner.read_only_volumes[str(passwd_file(settings))] == "/etc/passwd"
    assert f"student:x:4711:4711::{HOME}:" in passwd_file(settings).read_text()


def test_with_containers_the_culler_may_stop_servers_and_instructors_get_their_scopes(tmp_path):
    c = Config()
    settings = make(tmp_path, engine="swarm")
    configuring.configure(c, settings)
    roles = {role["name"]: role for role in c.JupyterHub.load_roles}
    assert roles["idle-culler"]["services"] == ["idle-culler"]
    assert "delete:servers" in roles["idle-culler"]["scopes"]
    assert "custom:coursekit:approve" in roles[settings.graders]["scopes"]
    assert {service["name"] for service in c.JupyterHub.services} >= {settings.course_id, "idle-culler"}


def test_a_class_keeps_its_addresses_when_its_hub_is_started_again(tmp_path):
    settings = make(tmp_path, engine="swarm")
    first, second = Config(), Config()
    configuring.configure(first, settings)
    configuring.configure(second, settings)
    assert first.JupyterHub.hub_bind_url == second.JupyterHub.hub_bind_url


def test_where_there_is_a_gateway_servers_may_use_it_and_instructors_see_the_class(tmp_path, monkeypatch):
    monkeypatch.setattr(HubSettings, "is_gateway_there", True)
    c = Config()
    settings = make(tmp_path, engine="swarm")
    configuring.configure(c, settings)
    (gateway,) = [service for service in c.JupyterHub.services if service["name"] == "gateway"]
    assert gateway["environment"]["COURSEKIT_ENGINE"] == "swarm"
    quotas = json.loads(gateway["environment"]["COURSEKIT_GATEWAY_QUOTAS"])
    assert quotas["default"]["cap"]["cores"] == settings.quotas.default.cap.cores
    use, view = "access:services!service=gateway", "custom:gateway:class"
    roles = {role["name"]: role["scopes"] for role in c.JupyterHub.load_roles}
    assert {"self", use} <= set(roles["user"])
    assert view in roles[settings.graders]
    scopes = {
        name: c.Spawner.server_token_scopes(SimpleNamespace(user=SimpleNamespace(name=name))) for name in ("ada", "ina")
    }
    assert use in scopes["ada"]
    assert view not in scopes["ada"]
    assert {use, view} <= set(scopes["ina"])
    assert c.Spawner.environment["COURSEKIT_GATEWAY_URL"].endswith("/services/gateway")


def test_servers_have_names_of_their_own_where_the_site_has_one(tmp_path):
    c = Config()
    configuring.configure(c, make(tmp_path, engine="swarm", network=Network(site="https://hub.example.org")))
    assert c.JupyterHub.subdomain_host == "https://hub.example.org"
