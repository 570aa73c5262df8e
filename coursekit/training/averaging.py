"""Gradients that are averaged over all ranks before the optimizer sees them, through Keras's public interface alone.

Keras's ``fit`` gives the gradients of each batch to the optimizer's ``apply``, with every backend. That one method of
the model's own optimizer is replaced; everything else of ``fit`` stays as it is. Clipping, weight decay, moving
averages and loss scaling are the optimizer's and come afterwards, so they see what they would see in one process.

How a compiled step calls a Python function differs: ``tf.numpy_function`` (TensorFlow),
``jax.experimental.io_callback`` (JAX); PyTorch runs Python anyway. XLA cannot compile the first, so models on
TensorFlow are not compiled by it.
"""

from __future__ import annotations

import math
import os
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from coursekit.config import image_tag
from coursekit.errors import MissingPackageError, SettingsError, TrainingError

Average = Callable[[NDArray[np.float32]], NDArray[np.float32]]

BACKENDS: Final = ("tensorflow", "jax", "torch")
_EXTRAS: Final = {
    "tensorflow": "pip install 'coursekit[keras]'",
    "jax": "pip install keras jax",
    "torch": "pip install keras torch",
}


def choose_backend(backend: str | None) -> str:
    """Give the name of the backend to use: the one asked for, else ``KERAS_BACKEND``, else TensorFlow.

    Raises
    ------
    SettingsError
        If there is no such backend.
    """
    name = backend or os.environ.get("KERAS_BACKEND") or BACKENDS[0]
    if name not in BACKENDS:
        raise SettingsError(f"backend = {name!r} cannot train.", fix=f"choose among {', '.join(BACKENDS)}")
    return name


def import_keras(backend: str) -> Any:
    """Import Keras with a backend; a process keeps the one that it had first.

    Raises
    ------
    MissingPackageError
        If Keras or the backend is not installed.
    TrainingError
        If this process uses Keras with another backend.
    """
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's remarks on how it was built are not the reader's
    try:
        import keras
    except ImportError as error:
        raise MissingPackageError(
            f"Keras on {backend} is not installed in {sys.prefix} on {socket.gethostname()}: {error}.",
            fix=f"{_EXTRAS[backend]}; for executors in containers, COURSEKIT_IMAGE={image_tag('tensorflow')}",
        ) from error
    if keras.config.backend() != backend:
        raise TrainingError(
            f"this process uses Keras on {keras.config.backend()}, not on {backend}.",
            fix="restart the kernel, or open a new session: a process cannot change its backend",
        )
    return keras


def prepare_device(backend: str, threads: int) -> str:
    """Let this process use so many threads, and no more of a GPU's memory than it needs; say what it runs on.

    Must be called before the backend computes anything. A process that has computed keeps its threads. JAX has no
    setting for threads: it takes the cores that its process may use.
    """
    if backend == "tensorflow":
        return _prepare_tensorflow(threads)
    if backend == "jax":
        import jax

        return f"{jax.devices()[0].device_kind}"
    import torch

    torch.set_num_threads(threads)
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def _prepare_tensorflow(threads: int) -> str:
    import contextlib

    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    with contextlib.suppress(RuntimeError):  # it has computed before: the Python process of an executor is used again
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(max(2, threads))
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")) if gpus else "cpu"


def average_gradients(model: Any, average: Average, backend: str) -> None:
    """Make a compiled model's optimizer average what it is given over all ranks.

    Parameters
    ----------
    model : keras.Model
        Compiled; its trainable variables do not change any more.
    average : callable
        Called once per batch, in order, with all gradients in one array, shape (parameters,); gives their average.
    backend : str
        Keras's backend.
    """
    apply, across = model.optimizer.apply, _ACROSS[backend]

    def averaged(grads: list[Any], trainable_variables: Any = None) -> Any:
        there = [number for number, gradient in enumerate(grads) if gradient is not None]
        whole = list(grads)
        for number, gradient in zip(there, across(average, [grads[number] for number in there]), strict=True):
            whole[number] = gradient
        return apply(whole, trainable_variables)

    model.optimizer.apply = averaged
    if backend == "tensorflow":
        model.jit_compile = False


def _in_tensorflow(average: Average, grads: list[Any]) -> list[Any]:
    import tensorflow as tf

    dense = [tf.convert_to_tensor(gradient) for gradient in grads]  # those of an embedding are not
    flat = tf.concat([tf.reshape(tf.cast(gradient, tf.float32), [-1]) for gradient in dense], axis=0)
    whole = tf.numpy_function(average, [flat], tf.float32, stateful=True)
    whole = tf.ensure_shape(whole, flat.shape)
    parts = tf.split(whole, [math.prod(gradient.shape) for gradient in dense])
    return [
        tf.cast(tf.reshape(part, gradient.shape), gradient.dtype) for part, gradient in zip(parts, dense, strict=True)
    ]


def _in_jax(average: Average, grads: list[Any]) -> list[Any]:
    import jax
    from jax import numpy as jnp
    from jax.experimental import io_callback

    flat = jnp.concatenate([jnp.ravel(gradient).astype(jnp.float32) for gradient in grads])
    shape = jax.ShapeDtypeStruct(flat.shape, jnp.float32)
    whole = io_callback(lambda array: average(np.asarray(array)), shape, flat, ordered=True)
    bounds = np.cumsum([gradient.size for gradient in grads])[:-1]
    parts = jnp.split(whole, bounds)
    return [part.reshape(gradient.shape).astype(gradient.dtype) for part, gradient in zip(parts, grads, strict=True)]


def _in_torch(average: Average, grads: list[Any]) -> list[Any]:
    import torch

    flat = torch.cat([gradient.detach().reshape(-1).to(torch.float32) for gradient in grads])
    whole = torch.from_numpy(average(flat.cpu().numpy())).to(flat.device)
    parts = torch.split(whole, [gradient.numel() for gradient in grads])
    return [part.reshape(gradient.shape).to(gradient.dtype) for part, gradient in zip(parts, grads, strict=True)]


_ACROSS: Final[dict[str, Callable[[Average, list[Any]], list[Any]]]] = {
    "tensorflow": _in_tensorflow,
    "jax": _in_jax,
    "torch": _in_torch,
}
