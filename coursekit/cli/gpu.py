"""``coursekit gpu``: the GPUs that this machine, or this container, has, and who uses them."""

from __future__ import annotations

from coursekit.cli.output import Json, show


def gpu(as_json: Json = False) -> None:
    """Show the GPUs that are seen here: model, memory, driver, compute capability, and who uses them."""
    from dataclasses import asdict

    from coursekit.config import format_memory
    from coursekit.gpu import gpus
    from coursekit.nvml import look

    seen = gpus()
    if as_json:
        show([asdict(one) for one in seen], as_json=True)
        return
    rows = [
        {
            "GPU": one.index,
            "name": one.name,
            "free": format_memory(one.free_memory),
            "memory": format_memory(one.memory),
            "driver": one.driver,
            "capability": one.capability,
            "used by": ", ".join(f"{each.owner or '?'} ({each.pid})" for each in one.processes) or "nobody",
            "identifier": one.uuid,
        }
        for one in seen
    ]
    why = look().trouble or "CUDA_VISIBLE_DEVICES hides what there is, or the driver shows none"
    show(rows, as_json=False, empty=f"No GPU is seen here: {why}. Lessons run on the processor.")
