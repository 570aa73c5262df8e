"""JupyterHub reads this file; what it says is in course.toml and in coursekit.hub.configure."""

from coursekit.config import find_course
from coursekit.hub.clock import keep_timers_steady
from coursekit.hub.configure import configure
from coursekit.hub.settings import read_settings

keep_timers_steady()
configure(get_config(), read_settings(find_course()))  # noqa: F821 -- JupyterHub puts get_config here
