from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyterhub import orm
from tornado.web import HTTPError
from traitlets.config import Config

from coursekit.cli.hub import login_rows, student_names
from coursekit.errors import HubError, SandboxError, SettingsError
from coursekit.grading.book import open_gradebook
from coursekit.hub.demo import demonstration
from coursekit.hub.logins import APPROVE, update_login
from coursekit.hub.native import ApprovedAuthenticator, _require_approver, _require_click
from coursekit.hub.passwords import Passwords
from coursekit.hub.rehearse import rehearse
from coursekit.hub.roster import Entry, import_roster, parse_roster, read_roster
from coursekit.hub.server import RunningHub
from coursekit.hub.settings import HubSettings, Login, Lti13, OAuth, Secret

PASSWORDS = Passwords(students="class-password", instructors="staff-password")
CLASS = (Entry(name="ada", email="a.lovelace@unito.it", login="countess"), Entry(name="ben"))
SECRET = Secret(environment="SOME_SECRET")
GITHUB = OAuth(provider="github", client_id="id", client_secret=SECRET, organizations=("course",))
OPENID = OAuth(
    provider="openid",
    client_id="id",
    client_secret=SECRET,
    authorize_url="https://idp/auth",
    token_url="https://idp/token",
    userdata_url="https://idp/me",
    username_claim="email",
)
MOODLE = Lti13(
    issuer="https://moodle", client_ids=("a", "b"), authorize_url="https://moodle/a", jwks_url="https://moodle/k"
)


@pytest.fixture(autouse=True)
def secret(monkeypatch):
    monkeypatch.setenv("SOME_SECRET", "s3cret")


def configured(tmp_path, login, roster=CLASS):
    c = Config()
    update_login(c, HubSettings(root=tmp_path, title="T", instructors=("ina",), login=login), PASSWORDS, roster)
    return c


@pytest.mark.parametrize(
    "login",
    [
        Login(),
        Login(kind="native"),
        Login(kind="oauth", oauth=GITHUB),
        Login(kind="oauth", oauth=OPENID),
        Login(kind="lti13", lti13=MOODLE),
    ],
    ids=lambda login: login.kind,
)
def test_every_way_to_log_in_makes_an_authenticator_without_administrators(tmp_path, login):
    from traitlets import import_item

    c = configured(tmp_path, login)
    kind = c.JupyterHub.authenticator_class
    kind = import_item(kind) if isinstance(kind, str) else kind
    arguments = {"db": orm.new_session_factory("sqlite:///:memory:")()} if login.kind == "native" else {}
    authenticator = kind(config=c, parent=None, **arguments)
    assert not authenticator.admin_users
    assert not authenticator.validate_username("Ada B")
    assert not authenticator.validate_username("../etc")
    assert authenticator.validate_username("ada-l")


def test_a_provider_lets_in_the_roster_and_instructors_alone_unless_the_course_says_otherwise(tmp_path):
    c = configured(tmp_path, Login(kind="oauth", oauth=GITHUB))
    assert c.Authenticator.allow_all is False
    assert c.Authenticator.allowed_users == {"ada", "ben", "ina"}
    everybody = configured(tmp_path, Login(kind="oauth", oauth=GITHUB, who="everybody"))
    assert everybody.Authenticator.allow_all is True


def test_people_who_are_known_by_their_e_mail_elsewhere_get_their_names_from_the_roster(tmp_path):
    c = configured(tmp_path, Login(kind="oauth", oauth=OPENID))
    assert c.Authenticator.username_map == {"a.lovelace@unito.it": "ada", "countess": "ada"}
    assert c.GenericOAuthenticator.username_claim == "email"


def test_the_providers_secret_comes_from_where_the_settings_say(tmp_path, monkeypatch):
    assert configured(tmp_path, Login(kind="oauth", oauth=GITHUB)).OAuthenticator.client_secret == "s3cret"
    monkeypatch.delenv("SOME_SECRET")
    with pytest.raises(SettingsError, match="SOME_SECRET"):
        configured(tmp_path, Login(kind="oauth", oauth=GITHUB))


def test_a_learning_platform_is_known_by_its_issuer_keys_and_clients(tmp_path):
    c = configured(tmp_path, Login(kind="lti13", lti13=MOODLE))
    assert c.LTI13Authenticator.client_id == {"a", "b"}
    assert c.LTI13Authenticator.jwks_endpoint == "https://moodle/k"
    assert c.LTI13Authenticator.issuer == "https://moodle"


@pytest.fixture
def native(tmp_path):
    c = configured(tmp_path, Login(kind="native"))
    return ApprovedAuthenticator(db=orm.new_session_factory("sqlite:///:memory:")(), config=c)


def try_it(authenticator, name, password):
    return asyncio.run(authenticator.authenticate(None, {"username": name, "password": password}))


def test_who_signed_up_is_let_in_when_they_are_approved_and_with_their_own_password(native):
    native.create_user("ada", "correct horse battery", email="ada@unito.it")
    assert try_it(native, "ada", "correct horse battery") is None
    native.get_user("ada").is_authorized = True
    assert try_it(native, "ada", "correct horse battery") == "ada"
    assert try_it(native, "ada", "wrong horse battery") is None
    assert try_it(native, "nobody", "correct horse battery") is None


@pytest.mark.parametrize("password", ["short", "password123"])
def test_a_password_that_is_short_or_common_is_refused(native, password):
    assert native.create_user("ada", password, email="") is None


@pytest.mark.parametrize("name", ["ina", "INA", "Ina"])
def test_nobody_becomes_an_instructor_by_signing_up_with_their_name(native, name):
    assert native.create_user(name, "correct horse battery", email="") is None
    assert try_it(native, name, "correct horse battery") is None
    assert try_it(native, name, "staff-password") == "ina"
    assert try_it(native, name, "pässword") is None


def handler(*, scopes=(), referer="", user="ina"):
    return SimpleNamespace(
        current_user=user,
        expanded_scopes=frozenset(scopes),
        hub=SimpleNamespace(base_url="/hub/"),
        request=SimpleNamespace(host="hub.example.org", headers={"Referer": referer}),
    )


def test_only_those_with_the_scope_approve():
    _require_approver(handler(scopes=[APPROVE]))
    for refused in (handler(), handler(scopes=[APPROVE], user=None)):
        with pytest.raises(HTTPError):
            _require_approver(refused)


@pytest.mark.parametrize(
    "referer",
    [
        "",
        "https://evil.example.org/hub/authorize",
        "https://hub.example.org/user/eve/hub/authorize",
        "https://hub.example.org/",
    ],
)
def test_an_approval_that_another_page_sent_the_browser_to_does_not_count(referer):
    _require_click(handler(referer="https://hub.example.org/hub/authorize"))
    with pytest.raises(HTTPError):
        _require_click(handler(referer=referer))


def test_a_roster_is_read_as_spreadsheets_write_it():
    text = "\ufeffName;Email;Group\nAda; A.Lovelace@unito.it ;g1\n\nben;;\n"
    assert parse_roster(text) == (Entry(name="ada", email="a.lovelace@unito.it", group="g1"), Entry(name="ben"))


def test_all_bad_lines_are_named_by_their_number():
    text = "name,email\nada,ada@x.it\nBen Smith,\nchloe,nonsense\nada,\ndan,d@x.it,extra\neve,ADA@x.it\n"
    with pytest.raises(SettingsError) as caught:
        parse_roster(text)
    for line in (
        "line 3: 'ben smith'",
        "line 4: 'nonsense'",
        "line 5: the name",
        "line 6: it has 3",
        "line 7: the email",
    ):
        assert line in caught.value.message
    assert "line 2" not in caught.value.message.replace("that of line 2", "")


@pytest.mark.parametrize("text", ["", "email\na@b", "\n\n", 'name\n"unclosed'])
def test_what_is_no_roster_is_refused(text):
    with pytest.raises(SettingsError):
        parse_roster(text)


@given(st.text(max_size=200))
def test_whatever_is_in_the_file_it_is_a_roster_or_refused(text):
    try:
        found = parse_roster(text)
    except SettingsError:
        return
    assert len({entry.name for entry in found}) == len(found)


def test_a_roster_is_taken_in_whole_or_not_at_all(tmp_path):
    settings = HubSettings(root=tmp_path, title="T")
    assert read_roster(settings) == ()
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("name,email\nada,a@x.it\nben,\n")
    bad.write_text("name\nchloe\nDan Brown\n")
    settings.grading.course_dir.mkdir(parents=True)
    assert len(import_roster(settings, good)) == 2
    with pytest.raises(SettingsError, match="line 3"):
        import_roster(settings, bad)
    assert [entry.name for entry in read_roster(settings)] == ["ada", "ben"]
    assert settings.roster_file.stat().st_mode & 0o077 == 0


def test_the_addresses_of_a_roster_reach_the_gradebook_and_one_that_it_leaves_out_stays(tmp_path):
    settings = HubSettings(root=tmp_path, title="T")
    settings.grading.course_dir.mkdir(parents=True)
    for text in ("name,email\nada,a@x.it\nben,b@x.it\n", "name,email\nada,ada@x.it\nben,\nchloe,\n"):
        (tmp_path / "class.csv").write_text(text)
        import_roster(settings, tmp_path / "class.csv")
    with open_gradebook(settings.grading) as book:
        assert {each.id: each.email for each in book.students} == {"ada": "ada@x.it", "ben": "b@x.it", "chloe": None}


@pytest.mark.parametrize(
    ("count", "only_roster", "names"),
    [
        (240, True, "the 240 of the roster"),
        (0, True, "nobody: there is no roster"),
        (240, False, "any; the roster has 240"),
        (0, False, "any; there is no roster"),
    ],
)
def test_who_starts_the_hub_is_told_which_names_students_of_this_course_have(count, only_roster, names):
    assert student_names(count, only_roster=only_roster) == names
    for kind in ("shared-password", "oauth"):
        students, _ = login_rows(("prof",), "word", "other", kind=kind, names=names)
        assert students["name"] == names


def test_neither_bots_nor_a_demonstration_touch_a_hub_that_has_a_class(tmp_path):
    settings = HubSettings(root=tmp_path, title="T")
    settings.grading.course_dir.mkdir(parents=True)
    (tmp_path / "class.csv").write_text("name\nada\n")
    import_roster(settings, tmp_path / "class.csv")
    running = RunningHub(url="http://127.0.0.1:1", pid=0, passwords=PASSWORDS)
    with pytest.raises(HubError, match="a class of 1"):
        rehearse(settings, running)
    with (
        pytest.raises(HubError, match="a class of 1"),
        demonstration(settings, watch=lambda step, done, total: pytest.fail("something was done")),
    ):
        pass
    assert settings.roster_file.is_file()


def test_a_rehearsal_whose_submissions_cannot_run_says_so_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_SANDBOX", "none-such")
    running = RunningHub(url="http://127.0.0.1:1", pid=0, passwords=PASSWORDS)
    with pytest.raises(SandboxError, match="there is no sandbox 'none-such'"):
        rehearse(
            HubSettings(root=tmp_path, title="T"),
            running,
            watch=lambda step, done, total: pytest.fail("something was done"),
        )


def test_a_roster_that_the_settings_name_has_to_be_there(tmp_path):
    with pytest.raises(SettingsError, match=r"class\.csv"):
        read_roster(HubSettings(root=tmp_path, title="T", roster="class.csv"))
