"""Users' servers as containers of their own, through DockerSpawner; each function only sets.

A container has its user's folders, limits that the kernel enforces, no capabilities, a root that cannot be written to,
and a network that leads to the Hub and nowhere else. The engine's socket is in none of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from coursekit.config import MiB, image_tag
from coursekit.engine.daemon import MAX_PROCESSES
from coursekit.engine.devices import device_requests
from coursekit.hub.admission import Admission, Entry
from coursekit.hub.form import chosen, render
from coursekit.hub.layout import Role, lay_out_places
from coursekit.hub.places import CONFIG_PATH, EXCHANGE, HOME, LESSONS, Place, account
from coursekit.hub.servers import container_name, network_name, server_labels
from coursekit.hub.settings import HubSettings, Profile

_LOG: Final = {"type": "json-file", "config": {"max-size": "5m", "max-file": "2"}}
_WITHOUT_SPARK: Final = "notebook"
_TEMPORARY: Final = 512 * MiB
_REPORT_S: Final = 30


def update_containers(c: Any, settings: HubSettings, admission: Admission, *, gateway_url: str = "") -> None:
    """Start each user's JupyterLab in a container of their own.

    Parameters
    ----------
    c : traitlets.config.Config
        JupyterHub's configuration, changed in place.
    settings : HubSettings
        A Hub whose engine is ``docker`` or ``swarm``.
    admission : Admission
        Who may start what.
    gateway_url : str
        Where containers reach the gateway; empty where there is none.
    """
    c.JupyterHub.spawner_class = "coursekit.hub.spawner.CourseSpawner"
    c.JupyterHub.allow_named_servers = False
    c.JupyterHub.cleanup_servers = False  # servers outlive a Hub that ends; `coursekit hub down` removes them
    c.DockerSpawner.name_template = container_name(settings, "{raw_username}")
    c.DockerSpawner.image = image_tag(settings.profiles[0].image)
    c.DockerSpawner.allowed_images = [image_tag(name) for name in settings.images]
    c.DockerSpawner.pull_policy = "never"
    c.DockerSpawner.remove = True
    c.DockerSpawner.use_internal_ip = True
    c.DockerSpawner.network_name = network_name(settings)
    c.DockerSpawner.cmd = ["jupyterhub-singleuser"]
    c.DockerSpawner.notebook_dir = HOME
    c.Spawner.default_url = "/lab"
    c.Spawner.start_timeout = int(settings.start_timeout_s)
    c.Spawner.http_timeout = int(settings.start_timeout_s)
    c.Spawner.environment = container_environment(settings, gateway_url=gateway_url)
    c.Spawner.options_form = _form(settings, admission)
    c.Spawner.options_from_form = chosen
    c.Spawner.pre_spawn_hook = _preparation(settings, admission)
    c.Spawner.post_stop_hook = lambda spawner: admission.leave(spawner.user.name)


def container_environment(settings: HubSettings, *, gateway_url: str = "") -> dict[str, str]:
    """Give the variables that every user's container gets."""
    variables = {
        "COURSEKIT_CACHE": str(settings.datasets.parent),
        "COURSEKIT_ENGINE": "process",
        "COURSEKIT_LESSONS": LESSONS,
        "HOME": HOME,
        "JUPYTERHUB_ACTIVITY_INTERVAL": str(_REPORT_S),
        "JUPYTER_CONFIG_PATH": CONFIG_PATH,
        "USER": "student",
    }
    if gateway_url:
        variables["COURSEKIT_GATEWAY_URL"] = gateway_url
    return variables


def _form(settings: HubSettings, admission: Admission) -> Callable[[Any], Awaitable[str]]:
    async def form(spawner: Any) -> str:
        name = spawner.user.name
        return render(settings.profiles, await admission.free(), admission.look(name), name)

    return form


def _preparation(settings: HubSettings, admission: Admission) -> Callable[[Any], Awaitable[None]]:
    async def prepare(spawner: Any) -> None:
        """Give the server what its profile says. What a user asked for counts for the profile's name alone."""
        name = spawner.user.name
        asked = str(spawner.user_options.get("profile", ""))
        entry = await admission.enter(name, asked)
        spawner.user_options = {"profile": entry.profile.name}
        role: Role = "instructor" if name in settings.instructors else "student"
        limit(spawner, settings, entry)
        mount(spawner, lay_out_places(settings, role, name))

    return prepare


def limit(spawner: Any, settings: HubSettings, entry: Entry) -> None:
    """Set what a server may use."""
    profile, name = entry.profile, spawner.user.name
    spawner.image = image_tag(profile.image)
    spawner.cpu_limit = profile.cores
    spawner.mem_limit = profile.memory
    spawner.environment = {**spawner.environment, **_limits(profile)}
    spawner.environment.pop("COURSEKIT_IMAGE", None)  # of the profile that was chosen before
    if spawner.image in node_images(settings):
        spawner.environment["COURSEKIT_IMAGE"] = spawner.image
    labels = server_labels(settings, name, profile, entry.devices)
    spawner.extra_create_kwargs = {"user": f"{account()}:{account()}", "labels": labels}
    spawner.extra_host_config = host_config(profile, entry.devices)


def node_images(settings: HubSettings) -> tuple[str, ...]:
    """Name the images that nodes of clusters may run: Spark's first, then those of profiles that are built on it."""
    named = ("spark", *(profile.image for profile in settings.profiles if profile.image != _WITHOUT_SPARK))
    return tuple(dict.fromkeys(map(image_tag, named)))


def host_config(profile: Profile, devices: tuple[str, ...]) -> dict[str, Any]:
    """Give what a container may do on its host, as the daemon's interface calls it."""
    owner = f"uid={account()},gid={account()}"
    config: dict[str, Any] = {
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "pids_limit": MAX_PROCESSES,
        "memswap_limit": profile.memory,
        "read_only": True,
        # Programs that are unpacked there have to run (Java's compression does so); none may be somebody else's.
        "tmpfs": {
            "/tmp": f"rw,exec,nosuid,nodev,size={min(_TEMPORARY, profile.memory // 2)}",  # noqa: S108
            EXCHANGE: f"rw,noexec,nosuid,nodev,size={MiB},mode=0755,{owner}",
        },
        "log_config": _LOG,
    }
    if devices:
        config["device_requests"] = device_requests(devices)
    return config


def mount(spawner: Any, found: tuple[Place, ...]) -> None:
    """Let a container see its user's places."""
    spawner.volumes = {str(place.source): place.target for place in found if place.writable}
    spawner.read_only_volumes = {str(place.source): place.target for place in found if not place.writable}


def _limits(profile: Profile) -> dict[str, str]:
    """Tell the server when it will be stopped, so that it can tell its user in time."""
    return {
        "COURSEKIT_SERVER_IDLE_S": str(profile.idle_s),
        "COURSEKIT_SERVER_LIMIT_S": str(profile.limit_s),
        "COURSEKIT_PROFILE": profile.name,
    }
