"""``[login]`` -> JupyterHub's authenticator; each function only sets.

Names are those that addresses, folders and containers take without escaping, whoever vouches for them. Where people
are known by their e-mail, the roster says which name is theirs.
"""

from __future__ import annotations

from typing import Any, Final

from coursekit.hub.passwords import Passwords
from coursekit.hub.roster import Entry
from coursekit.hub.settings import HubSettings, Lti13, OAuth
from coursekit.hub.settings.hub import USER_NAME

APPROVE: Final = "custom:coursekit:approve"
"""The Hub's scope of those who approve who signs up; NativeAuthenticator wants an administrator for it."""

PASSWORD_LENGTH: Final = 10
_TRIES: Final = 5
_AGAIN_S: Final = 600


def update_login(c: Any, settings: HubSettings, passwords: Passwords, roster: tuple[Entry, ...]) -> None:
    """Let people log in as the course wants it. Nobody is administrator of the Hub.

    Parameters
    ----------
    c : traitlets.config.Config
        JupyterHub's configuration, changed in place.
    settings : HubSettings
        The Hub.
    passwords : Passwords
        The class's and the instructors', where the class has one.
    roster : tuple of Entry
        The class.
    """
    c.Authenticator.username_pattern = f"^{USER_NAME}$"
    _update_who(c, settings, roster)
    kind = settings.login.kind
    if kind == "native":
        _update_native(c, settings, passwords)
    elif kind == "oauth" and settings.login.oauth is not None:
        _update_oauth(c, settings.login.oauth)
    elif kind == "lti13" and settings.login.lti13 is not None:
        _update_lti13(c, settings, settings.login.lti13)
    else:
        _update_shared_password(c, settings, passwords)


def _update_who(c: Any, settings: HubSettings, roster: tuple[Entry, ...]) -> None:
    """Say who of those that can log in is let in; instructors always are."""
    if settings.login.only_roster:
        c.Authenticator.allow_all = False
        c.Authenticator.allow_existing_users = False
        c.Authenticator.allowed_users = {*settings.instructors, *(entry.name for entry in roster)}
    else:
        # Left empty on purpose: the native authenticator takes those that are named here for approved.
        c.Authenticator.allow_all = True
        c.Authenticator.allowed_users = set()
    c.Authenticator.username_map = {
        known: entry.name for entry in roster for known in (entry.email, entry.login) if known
    }


def _update_shared_password(c: Any, settings: HubSettings, passwords: Passwords) -> None:
    from coursekit.hub.authenticator import CoursePasswordAuthenticator

    c.JupyterHub.authenticator_class = CoursePasswordAuthenticator
    c.CoursePasswordAuthenticator.user_password = passwords.students
    c.CoursePasswordAuthenticator.instructor_password = passwords.instructors
    c.CoursePasswordAuthenticator.instructors = set(settings.instructors)


def _update_native(c: Any, settings: HubSettings, passwords: Passwords) -> None:
    """Let people sign up; an instructor approves them at ``/hub/authorize``."""
    from coursekit.hub.native import ApprovedAuthenticator

    c.JupyterHub.authenticator_class = ApprovedAuthenticator
    c.ApprovedAuthenticator.instructors = set(settings.instructors)
    c.ApprovedAuthenticator.instructor_password = passwords.instructors
    c.NativeAuthenticator.open_signup = False
    c.NativeAuthenticator.ask_email_on_signup = True
    c.NativeAuthenticator.check_common_password = True
    c.NativeAuthenticator.minimum_password_length = PASSWORD_LENGTH
    c.NativeAuthenticator.allowed_failed_logins = _TRIES
    c.NativeAuthenticator.seconds_before_next_try = _AGAIN_S


def _update_oauth(c: Any, oauth: OAuth) -> None:
    """Let a provider vouch for people. Its tokens are not kept."""
    c.OAuthenticator.client_id = oauth.client_id
    c.OAuthenticator.client_secret = oauth.client_secret.read()
    if oauth.callback_url:
        c.OAuthenticator.oauth_callback_url = oauth.callback_url
    c.Authenticator.enable_auth_state = False
    if oauth.provider == "github":
        c.JupyterHub.authenticator_class = "oauthenticator.github.GitHubOAuthenticator"
        if oauth.organizations:
            c.GitHubOAuthenticator.allowed_organizations = set(oauth.organizations)
            c.GitHubOAuthenticator.scope = ["read:org"]
        return
    c.JupyterHub.authenticator_class = "oauthenticator.generic.GenericOAuthenticator"
    c.GenericOAuthenticator.login_service = oauth.title or "OpenID"
    c.GenericOAuthenticator.authorize_url = oauth.authorize_url
    c.GenericOAuthenticator.token_url = oauth.token_url
    c.GenericOAuthenticator.userdata_url = oauth.userdata_url
    c.GenericOAuthenticator.username_claim = oauth.username_claim
    c.GenericOAuthenticator.scope = list(oauth.scope)


def _update_lti13(c: Any, settings: HubSettings, lti13: Lti13) -> None:
    """Let a learning platform launch the Hub."""
    c.JupyterHub.authenticator_class = "ltiauthenticator.lti13.auth.LTI13Authenticator"
    c.LTI13Authenticator.issuer = lti13.issuer
    c.LTI13Authenticator.client_id = set(lti13.client_ids)
    c.LTI13Authenticator.authorize_url = lti13.authorize_url
    c.LTI13Authenticator.jwks_endpoint = lti13.jwks_url
    c.LTI13Authenticator.username_key = lti13.username_claim
    c.LTI13Authenticator.tool_name = settings.title
