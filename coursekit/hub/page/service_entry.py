"""How the Hub starts the course page, and what its visitors' tokens may do there.

In the Hub's configuration::

    c.JupyterHub.services = [*services, course_page(url, gateway_url=..., environment=environment(settings))]
    c.JupyterHub.load_roles = [*roles, {"name": "user", "scopes": ["self", *visitor_scopes(has_gateway=True)]}]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from coursekit.gateway.settings import CLASS_SCOPE

NAME: Final = "course"
"""The page's name among the Hub's services."""


def visitor_scopes(*, has_gateway: bool) -> list[str]:
    """Give what every user's role needs to look at the page, and to see their own clusters there."""
    return [f"access:services!service={NAME}", *(["access:services!service=gateway"] if has_gateway else [])]


def course_page(url: str, *, gateway_url: str = "", environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Describe the service for ``c.JupyterHub.services``.

    The service itself gets no scope. Tokens that the Hub gives it for a visitor may ask the gateway in the visitor's
    name, and see the class if the visitor may: the Hub takes off what a visitor's own roles do not have.

    Parameters
    ----------
    url : str
        Where the page listens, such as ``"http://127.0.0.1:10102"``.
    gateway_url : str
        Where it reaches the gateway; empty where there is none.
    environment : mapping, optional
        More variables: ``COURSEKIT_ROOT``, the checkout, has to be among them.
    """
    return {
        "name": NAME,
        "url": url,
        "command": [sys.executable, "-m", "coursekit.hub.page"],
        "environment": {**(environment or {}), **({"COURSEKIT_GATEWAY_URL": gateway_url} if gateway_url else {})},
        "oauth_client_allowed_scopes": [
            *visitor_scopes(has_gateway=bool(gateway_url)),
            *([CLASS_SCOPE] if gateway_url else []),
        ],
        "oauth_no_confirm": True,
        "display": True,
    }
