"""The Hub's spawner: two who choose the same GPU at the same moment, and a container that the daemon does not start."""

from __future__ import annotations

import asyncio

import pytest
from docker.errors import APIError
from dockerspawner import DockerSpawner

from coursekit.engine.devices import DEVICES
from coursekit.hub import spawner as module
from coursekit.hub.admission import NotNowError
from coursekit.hub.spawner import CourseSpawner


@pytest.fixture
def spawner(monkeypatch):
    """A spawner whose daemon is not there: containers are made and removed in words."""
    done = []

    async def create(self):
        done.append("made")
        return {"Id": "mine"}

    async def remove(self):
        done.append(f"removed {self.object_id}")

    monkeypatch.setattr(DockerSpawner, "create_object", create)
    monkeypatch.setattr(DockerSpawner, "remove_object", remove)
    spawner = CourseSpawner()
    spawner.done = done
    return spawner


def test_a_container_whose_gpu_another_has_is_taken_back_and_the_user_told(spawner, monkeypatch):
    monkeypatch.setattr(module, "_others", lambda made: {"GPU-a"} if made == "mine" else set())
    spawner.extra_create_kwargs = {"labels": {DEVICES: "GPU-a"}}
    with pytest.raises(NotNowError) as caught:
        asyncio.run(spawner.create_object())
    assert "at the same moment" in caught.value.jupyterhub_message
    assert spawner.done == ["made", "removed mine"]
    assert spawner.object_id == ""


def test_a_container_with_a_gpu_of_its_own_or_none_is_started(spawner, monkeypatch):
    monkeypatch.setattr(module, "_others", lambda made: {"GPU-b"})
    for labels in ({DEVICES: "GPU-a"}, {}):
        spawner.extra_create_kwargs = {"labels": labels}
        assert asyncio.run(spawner.create_object()) == {"Id": "mine"}
    assert spawner.done == ["made", "made"]


def test_a_container_that_the_daemon_does_not_start_is_told_in_the_users_words_and_logged_in_the_daemons(
    spawner, monkeypatch, caplog
):
    async def refuse(self):
        raise APIError("could not select device driver")

    monkeypatch.setattr(DockerSpawner, "start_object", refuse)
    spawner.object_name = "coursekit-server-ada"
    spawner.log.propagate = True
    with pytest.raises(NotNowError) as caught:
        asyncio.run(spawner.start_object())
    assert "Tell an instructor" in caught.value.jupyterhub_message
    assert "could not select" not in caught.value.jupyterhub_message
    assert "could not select device driver" in caplog.text
