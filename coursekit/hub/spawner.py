"""DockerSpawner, with GPUs for one container each: the Hub's door and the gateway may choose at the same moment."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from docker.errors import DockerException
from dockerspawner import DockerSpawner

from coursekit.engine.daemon import connect
from coursekit.engine.devices import read_device_label, taken_devices
from coursekit.hub.admission import NotNowError

_NOT_STARTED: Final = "This server cannot be started on this host. Tell an instructor; the reason is in the Hub's log."


class CourseSpawner(DockerSpawner):  # type: ignore[misc]  # it has no types
    """Starts a user's container, unless another one has its GPUs; tells the user when that fails."""

    async def create_object(self) -> Any:
        """Make the container, and take it back when another has one of its GPUs (see `coursekit.engine.devices`)."""
        made = await super().create_object()
        wanted = set(read_device_label(self.extra_create_kwargs.get("labels", {})))
        if wanted and wanted & await asyncio.to_thread(_others, made[self.object_id_key]):
            self.object_id = made[self.object_id_key]
            await self.remove_object()
            self.object_id = ""
            raise NotNowError("Somebody got this GPU at the same moment. Try again: if none is left, you wait in line.")
        return made

    async def start_object(self) -> None:
        """Start the container; what the daemon says is for the Hub's log, the user reads whom to ask."""
        try:
            await super().start_object()
        except DockerException as error:
            self.log.error("The daemon does not start %s: %s", self.container_name, error)
            raise NotNowError(_NOT_STARTED, status=503) from error


def _others(container: str) -> set[str]:
    return taken_devices(connect(), but=container)
