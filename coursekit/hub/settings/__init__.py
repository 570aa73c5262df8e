"""``hub/course.toml`` -> `HubSettings`: everything that an instructor may change of the Hub, checked once."""

from __future__ import annotations

from coursekit.hub.settings.hub import ENGINES, HubSettings, Network, Storage
from coursekit.hub.settings.login import Login, Lti13, OAuth, Secret
from coursekit.hub.settings.profiles import DEFAULT_PROFILES, Profile
from coursekit.hub.settings.quotas import DEFAULT_QUOTAS
from coursekit.hub.settings.reading import read_settings

__all__ = [
    "DEFAULT_PROFILES",
    "DEFAULT_QUOTAS",
    "ENGINES",
    "HubSettings",
    "Login",
    "Lti13",
    "Network",
    "OAuth",
    "Profile",
    "Secret",
    "Storage",
    "read_settings",
]
