from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit.config import GiB
from coursekit.engine.devices import choose_devices
from coursekit.errors import EngineUnavailableError
from coursekit.hub.admission import Admission, Entry, NotNowError
from coursekit.hub.form import chosen, render
from coursekit.hub.line import KEPT_S, Line, read_line, write_line
from coursekit.hub.servers import Free
from coursekit.hub.settings import HubSettings, Profile

SMALL = Profile(name="spark", title="Spark", memory=2 * GiB)
LARGE = Profile(name="private", title="Private <server>", memory=8 * GiB, reserved=8 * GiB, limit_minutes=240)
GPU = Profile(name="gpu", title="GPU", gpus=1, memory=2 * GiB)
users = st.sampled_from(["ada", "ben", "chloe", "dan", "eve"])


class Host:
    """What a daemon would tell: servers take memory and GPUs until they are stopped."""

    def __init__(self, settings, memory=12 * GiB):
        self.settings, self.memory, self.now = settings, memory, 1000.0
        self.entries = {}

    def look(self, settings):
        taken = {device for entry in self.entries.values() for device in entry.devices}
        return Free(
            cores=8,
            memory=self.memory,
            free_memory=self.memory - sum(entry.profile.set_aside for entry in self.entries.values()),
            devices=tuple(device for device in settings.gpus if device not in taken),
            users=tuple(self.entries),
        )


@pytest.fixture
def settings(tmp_path):
    found = HubSettings(root=tmp_path, title="T", profiles=(SMALL, LARGE, GPU), gpus=("GPU-a", "GPU-b"))
    found.state.mkdir(parents=True)
    return found


@pytest.fixture
def host(settings):
    return Host(settings)


@pytest.fixture
def door(settings, host):
    return Admission(settings, look=host.look, clock=lambda: host.now)


def enter(door, user, profile):
    return asyncio.run(door.enter(user, profile))


@given(st.lists(st.tuples(users, st.sampled_from(["join", "leave", "look"]), st.floats(0, 400)), max_size=30))
def test_whoever_keeps_looking_is_never_passed_by_those_who_came_later(steps):
    line, now, before = Line(), 0.0, []
    for user, step, later in steps:
        now += later
        line = line.fresh(now)
        line = {"join": line.joined, "look": line.looked}[step](user, now) if step != "leave" else line.without(user)
        order = [(ticket.user, ticket.since) for ticket in line.tickets]  # who gave up and came again is somebody new
        stayed = [each for each in before if each in order]
        assert [each for each in order if each in stayed] == stayed
        assert len({user for user, _ in order}) == len(order)
        before = order


def test_nobody_loses_their_place_by_a_clock_that_is_set(settings, host, monkeypatch):
    host.entries["eve"] = Entry(profile=GPU, devices=("GPU-a", "GPU-b"))
    door = Admission(settings, look=host.look)
    for user in ("ada", "ben"):
        with pytest.raises(NotNowError):
            enter(door, user, "gpu")
    for hours in (1, -1):
        now = time.time() + 3600 * hours
        monkeypatch.setattr(time, "time", lambda now=now: now)
        assert [door.look("ben").position(user) for user in ("ada", "ben")] == [1, 2]


@given(st.lists(users, unique=True), st.integers(0, 6), users)
def test_no_more_may_start_than_there_is_room_for_and_the_first_come_first(waiting, free, newcomer):
    line = Line()
    for moment, user in enumerate(waiting):
        line = line.joined(user, float(moment))
    assert [user for user in waiting if line.may_start(user, free)] == waiting[:free]
    if newcomer not in waiting:
        assert line.may_start(newcomer, free) == (len(waiting) < free)


@given(st.sets(st.sampled_from("abcdef")), st.integers(0, 6))
def test_gpus_are_given_to_one_server_each(taken, wanted):
    found = choose_devices("abcdef", taken, wanted)
    if found is None:
        assert 6 - len(taken) < wanted
    else:
        assert len(set(found)) == wanted
        assert not set(found) & taken


def test_a_place_that_nobody_looks_at_is_given_up():
    line = Line().joined("ada", 0.0).joined("ben", 1.0).looked("ben", KEPT_S + 1)
    assert [ticket.user for ticket in line.fresh(KEPT_S + 1).tickets] == ["ben"]


def test_the_line_outlives_the_hub_and_a_broken_file_is_an_empty_line(tmp_path):
    line = Line().joined("ada", 1.0).joined("ben", 2.0)
    write_line(tmp_path / "line.json", line)
    assert read_line(tmp_path / "line.json") == line
    for broken in ("", "{", "[1]", '[{"user": "ada"}]', "null"):
        (tmp_path / "line.json").write_text(broken)
        assert read_line(tmp_path / "line.json") == Line()
    assert read_line(tmp_path / "missing.json") == Line()


def test_two_who_start_at_the_same_time_get_different_gpus_and_the_third_is_told_their_place(door):
    async def all_at_once():
        entries = [door.enter(user, "gpu") for user in ("ada", "ben", "chloe")]
        return await asyncio.gather(*entries, return_exceptions=True)

    ada, ben, chloe = asyncio.run(all_at_once())
    assert {ada.devices, ben.devices} == {("GPU-a",), ("GPU-b",)}
    assert isinstance(chloe, NotNowError)
    assert "number 1 in line" in chloe.jupyterhub_message


def test_a_gpu_that_becomes_free_goes_to_the_first_in_line_however_hard_others_try(door, host):
    for user in ("ada", "ben"):
        host.entries[user] = enter(door, user, "gpu")
    for user in ("chloe", "dan"):
        with pytest.raises(NotNowError):
            enter(door, user, "gpu")
    del host.entries["ada"]
    door.leave("ada")
    for user in ("dan", "eve"):
        with pytest.raises(NotNowError):
            enter(door, user, "gpu")
    assert enter(door, "chloe", "gpu").devices == ("GPU-a",)


def test_one_who_gave_up_waiting_does_not_hold_up_the_others(door, host):
    for user in ("ada", "ben"):
        host.entries[user] = enter(door, user, "gpu")
    with pytest.raises(NotNowError):
        enter(door, "chloe", "gpu")
    del host.entries["ada"]
    door.leave("ada")
    host.now += KEPT_S + 1
    assert enter(door, "dan", "gpu").devices == ("GPU-a",)


def test_a_server_that_does_not_fit_is_refused_with_what_is_free_and_a_small_one_is_not(door, host):
    host.entries["ada"] = enter(door, "ada", "private")
    with pytest.raises(NotNowError, match=r"4\.0 GiB are free") as caught:
        enter(door, "ben", "private")
    assert caught.value.status_code == 409
    assert enter(door, "ben", "spark").profile == SMALL


def test_a_spawn_that_failed_gives_back_what_it_was_to_get(door):
    enter(door, "ada", "private")
    with pytest.raises(NotNowError):
        enter(door, "ben", "private")
    door.leave("ada")
    assert enter(door, "ben", "private").profile == LARGE


@pytest.mark.parametrize("name", ["no-such", "../spark", "%s%n"])
def test_a_profile_that_there_is_not_is_refused(door, name):
    with pytest.raises(NotNowError) as caught:
        enter(door, "ada", name)
    assert caught.value.status_code == 400


def test_while_the_engine_does_not_answer_nobody_starts_and_the_form_is_shown_all_the_same(settings):
    def gone(settings):
        raise EngineUnavailableError("no Docker daemon answers.", fix="start it")

    door = Admission(settings, look=gone)
    with pytest.raises(NotNowError) as caught:
        enter(door, "ada", "spark")
    assert caught.value.status_code == 503
    assert asyncio.run(door.free()) is None
    assert render(settings.profiles, None, Line(), "ada").count('type="radio"') == 3


def test_without_a_choice_the_first_profile_is_taken(door):
    assert enter(door, "ada", "").profile == SMALL


def test_the_form_shows_all_profiles_what_is_free_and_ones_place_in_line(host, settings):
    free = Free(cores=8, memory=12 * GiB, free_memory=4 * GiB, devices=(), users=("ada", "ben"))
    line = Line().joined("chloe", 0.0).joined("dan", 0.0)
    html = render(settings.profiles, free, line, "dan")
    assert html.count('type="radio"') == 3
    assert html.count("checked") == 1
    assert "4.0 GiB of 12.0 GiB" in html
    assert "Servers that run: 2" in html
    assert "Not now: 4.0 GiB of memory are free." in html
    assert "You are number 2 in line" in html
    assert "location.replace" in html, "who waits need not do anything"
    assert "Private &lt;server&gt;" in html
    assert "location.replace" not in render(settings.profiles, free, line, "ada")
    assert "2 in line before you" in render(settings.profiles, free, line, "ada")


def test_of_a_form_nothing_but_the_profiles_name_is_taken():
    assert chosen({"profile": ["gpu"], "image": ["evil"], "mem_limit": ["1t"]}) == {"profile": "gpu"}
    assert chosen({}) == {"profile": ""}
