from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coursekit.config import Course, GiB, image_tag
from coursekit.errors import SettingsError
from coursekit.gateway.quotas import Resources
from coursekit.hub.settings import read_settings
from coursekit.hub.settings.lines import line_of

CHECKOUT = Path(__file__).parents[2]
COMMITTED = (CHECKOUT / "hub" / "course.toml").read_text()
# Every line that is commented out as an example, switched on.
FULL = re.sub(r"(?m)^# ?(?=\[|[a-z_]+ = )", "", COMMITTED).replace('"tensorflow-gpu"', '"spark"')


def course(folder: Path, text: str) -> Course:
    (folder / "hub").mkdir(exist_ok=True)
    (folder / "hub" / "course.toml").write_text(text, encoding="utf-8")
    return Course(root=folder)


def refusal(folder: Path, text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        read_settings(course(folder, text))
    return caught.value


def test_every_example_in_the_committed_file_can_be_switched_on(tmp_path):
    found = read_settings(course(tmp_path, FULL))
    assert [profile.name for profile in found.profiles] == ["spark", "private", "gpu"]
    assert found.profile("gpu").limit_s == 7200
    assert found.quotas.of("ada").cap == Resources(cores=16, memory=32 * GiB)
    assert found.quotas.of("ada").guarantee == found.quotas.of("ben").guarantee == Resources(cores=2, memory=4 * GiB)
    assert found.login.oauth.client_secret.environment == "COURSEKIT_OAUTH_SECRET"
    assert found.login.lti13.client_ids == ("A1b2C3d4",)
    assert found.homes == Path("/srv/course/homes")


@pytest.mark.parametrize(
    ("text", "line", "offending"),
    [
        ("title = 'T'\n\nport = 70000", 3, "70000"),
        ("title = 'T'\n[profiles.spark]\ntitle = 'S'\nmemory = '2 elephants'", 4, "2 elephants"),
        ("title = 'T'\n[profiles.spark]\ntitle = 'S'\ncores = 0", 4, "cores = 0"),
        ("title = 'T'\n[profiles.spark]\ncores = 1", 2, "title"),
        ("title = 'T'\n[profiles.spark]\ntitle = 'S'\nimage = 'solaris'", 2, "solaris"),
        ("title = 'T'\n[profiles]", 2, "no profile"),
        ("title = 'T'\n[profiles.'Big One']\ntitle = 'S'", 2, "Big One"),
        ("title = 'T'\n[profiles.gpu]\ntitle = 'S'\ngpus = 1", 2, "gpus names 0"),
        ("title = 'T'\n[quotas]\nguarantee = { cores = 9 }\ncap = { cores = 4 }", 3, "guarantee"),
        ("title = 'T'\n[quotas.users.ada]\nwait = 2", 3, "wait"),
        ("title = 'T'\n[quotas.users.ada]\nweight = -1.0", 3, "-1.0"),
        ("title = 'T'\n[[quotas.course_hours]]\ndays = ['mon']\nbegin = 16:00:00\nend = 14:00:00", 2, "14:00"),
        (
            "title = 'T'\n[[quotas.course_hours]]\ndays = ['mon']\nbegin = 14:00:00\nend = 16:00:00\n"
            "cluster = {workers = 2}",
            6,
            "no name",
        ),
        (
            "title = 'T'\n[[quotas.course_hours]]\ndays = ['mon']\nbegin = 14:00:00\nend = 16:00:00\n"
            "cluster = {name = 'x', workers = 0}",
            6,
            "workers = 0",
        ),
        (
            "title = 'T'\n[[quotas.course_hours]]\ndays = ['mon']\nbegin = 14:00:00\nend = 16:00:00\n"
            "cluster = {name = 'x', image = 'tensorflow'}",
            2,
            "tensorflow",
        ),
        ("title = 'T'\n[[quotas.course_hours]]\ndays = ['mo']\nbegin = 14:00:00\nend = 16:00:00", 2, "'mo'"),
        ("title = 'T'\n[login]\nkind = 'telepathy'", 3, "telepathy"),
        ("title = 'T'\n[login]\nkind = 'oauth'", 3, "oauth"),
        ("title = 'T'\n[storage]\nhomes = 'homes'", 3, "homes"),
        ("title = 'T'\n[network]\naddress = 'everywhere'", 3, "everywhere"),
        ("title = 'T'\nengine = 'kubernetes'", 2, "kubernetes"),
        ("title = 'T'\n[network]\naddress = '0.0.0.0'", 2, "your account"),
        ("title = 'T'\n[network]\nsite = 'hub'", 3, "not a name that others can be below"),
        ("title = 'T'\n[assignments.a1]\ndue = 'tomorrow'", 3, "tomorrow"),
    ],
)
def test_what_cannot_be_is_told_with_its_line_its_value_and_a_fix(tmp_path, text, line, offending):
    error = refusal(tmp_path, text)
    assert f"course.toml, line {line}:" in error.message
    assert offending in error.message
    assert error.fix


def test_a_lessons_cluster_runs_the_image_that_drivers_of_that_image_ask_for(tmp_path):
    hours = "[[quotas.course_hours]]\ndays = ['mon']\nbegin = 14:00:00\nend = 16:00:00\n"
    lessons = f"{hours}cluster = {{name = 'a', image = 'tensorflow'}}\n{hours}cluster = {{name = 'b'}}"
    found = read_settings(course(tmp_path, f"title = 'T'\nimages = ['notebook', 'spark', 'tensorflow']\n{lessons}"))
    assert [hours.cluster.image for hours in found.quotas.course_hours] == [image_tag("tensorflow"), ""]


def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path):
    login = "[login]\nkind = 'oauth'\n[login.oauth]\nprovider = 'github'\nclient_id = 'x'\nclient_secret = 's3cret'"
    error = refusal(tmp_path, f"title = 'T'\n{login}")
    assert "line 7" in error.message
    assert "s3cret" not in str(error)


def test_a_secret_is_read_where_the_file_says_it_is(tmp_path, monkeypatch):
    place = tmp_path / "secret"
    place.write_text("from a file\n")
    login = "[login]\nkind = 'oauth'\n[login.oauth]\nprovider = 'github'\nclient_id = 'x'\n"
    of_file = read_settings(course(tmp_path, f"title = 'T'\n{login}client_secret = {{ file = '{place}' }}"))
    assert of_file.login.oauth.client_secret.read() == "from a file"
    of_variable = read_settings(course(tmp_path, f"title = 'T'\n{login}client_secret = {{ environment = 'SOME' }}"))
    monkeypatch.delenv("SOME", raising=False)
    with pytest.raises(SettingsError, match="SOME"):
        of_variable.login.oauth.client_secret.read()
    monkeypatch.setenv("SOME", "from the environment")
    assert of_variable.login.oauth.client_secret.read() == "from the environment"


def test_an_engine_that_is_asked_for_comes_before_the_file(tmp_path, monkeypatch):
    here = course(tmp_path, "title = 'T'\nengine = 'process'")
    monkeypatch.delenv("COURSEKIT_HUB_ENGINE", raising=False)
    assert not read_settings(here).runs_containers
    monkeypatch.setenv("COURSEKIT_HUB_ENGINE", "swarm")
    assert read_settings(here).engine == "swarm"
    assert read_settings(here, engine="docker").engine == "docker"
    with pytest.raises(SettingsError, match="'podman'"):
        read_settings(here, engine="podman")


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("a",), 1),
        (("t", "x"), 3),
        (("t", "u", "y"), 8),
        (("t", "u"), 7),
        (("t", "u", "missing"), 7),
        (("d", "e", "f"), 10),
        (("quoted key",), 11),
        (("nowhere",), None),
        ((), None),
    ],
)
def test_a_key_is_found_where_it_stands(keys, line):
    text = "\n".join(
        [
            "a = 1",
            "[t] # a table",
            "x = '''",
            "y = not a key",
            "[nor.a.table]",
            "'''",
            "[t.u]",
            "y = 2",
            "[d]",
            "e.f = 3",
            '[[ "quoted key" ]]',
        ]
    )
    assert line_of(text, keys) == line


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The full file with some of its text cut out, doubled, or replaced."""
    text = FULL
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + 40)))
        words = st.sampled_from(["nan", "-1", "1e999", "[[", "]", '"', "'''", "=", "\n", "true", "{}", "inf", "x" * 50])
        new = draw(st.one_of(st.just(""), st.just(text[begin:end] * 2), words, st.text(max_size=5)))
        text = text[:begin] + new + text[end:]
    return text


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations())
def test_a_changed_file_either_parses_or_says_what_is_wrong(tmp_path, text):
    (tmp_path / "hub").mkdir(exist_ok=True)
    (tmp_path / "hub" / "course.toml").write_bytes(text.encode("utf-8", errors="surrogatepass"))
    with contextlib.suppress(SettingsError):
        read_settings(Course(root=tmp_path))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(re.findall(r"(?m)^([a-z_]+) = ", FULL)),
    st.sampled_from(["nan", "inf", "-inf", "9" * 400, "9" * 5000, "-1", "0", "true", "''", "'\\u0000'", "[]", "{}"])
    | st.sampled_from(["[1]", "[['a']]", "{ a = { b = [ 1 ] } }", "2026-01-01", "10:00:00", "'..'", '"\\u0000"']),
)
def test_a_changed_value_either_parses_or_says_what_is_wrong(tmp_path, key, value):
    text = re.sub(rf"(?m)^{key} = .*$", lambda _: f"{key} = {value}", FULL)
    with contextlib.suppress(SettingsError):
        read_settings(course(tmp_path, text))
