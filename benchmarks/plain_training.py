"""Training loops written by hand in TensorFlow, JAX and PyTorch: what Keras is compared with in ``benchmarks/gpu.py``.

Each trains the network whose layers and first weights it is given, with Adam as Keras has it, over batches that it
takes from host memory in their order, and gives the mean loss of an epoch. Nothing of Keras is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-7

# An epoch over all rows: inputs, targets, the batch's size; gives the mean loss.
Epoch = Callable[[Array, Array, int], float]


def plain_tensorflow(layers: Sequence[str], weights: Sequence[Array], *, is_mixed: bool, compiled: bool) -> Epoch:
    """Give an epoch in TensorFlow: variables, a tape, and one traced step, compiled by XLA where Keras does so too."""
    import tensorflow as tf

    parameters = [tf.Variable(weight) for weight in weights]
    first, second = ([tf.Variable(tf.zeros_like(weight)) for weight in weights] for _ in range(2))
    count = tf.Variable(0.0)
    half = tf.bfloat16 if is_mixed else tf.float32

    def forward(x: Any) -> Any:
        x, left = tf.cast(x, half), [tf.cast(one, half) for one in parameters]
        for kind in layers:
            if kind == "flatten":
                x = tf.reshape(x, (tf.shape(x)[0], -1))
                continue
            weight, bias = left.pop(0), left.pop(0)
            x = (tf.nn.conv2d(x, weight, 2, "SAME") if kind == "convolution" else x @ weight) + bias
            x = x if kind == "output" else tf.nn.relu(x)
        return tf.cast(x, tf.float32)

    @tf.function(jit_compile=compiled)
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = forward(x)
            if logits.shape[-1] == 1:
                each = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(y, tf.float32)[:, None], logits)
            else:
                each = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = tf.reduce_mean(each)
        count.assign_add(1.0)
        rate = RATE * tf.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
        for one, gradient, m, v in zip(parameters, tape.gradient(loss, parameters), first, second, strict=True):
            m.assign_add((gradient - m) * (1 - BETA_1))
            v.assign_add((tf.square(gradient) - v) * (1 - BETA_2))
            one.assign_sub(rate * m / (tf.sqrt(v) + EPSILON))
        return loss

    def epoch(x: Array, y: Array, batch: int) -> float:
        rows = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch).prefetch(tf.data.AUTOTUNE)
        return float(np.mean([loss.numpy() for loss in [step(*pair) for pair in rows]]))

    return epoch


def plain_jax(layers: Sequence[str], weights: Sequence[Array], *, is_mixed: bool, compiled: bool) -> Epoch:
    """Give an epoch in JAX: a pure step, compiled, whose state is given from call to call."""
    import jax
    import jax.numpy as jnp

    del compiled  # JAX always compiles
    half = jnp.bfloat16 if is_mixed else jnp.float32

    def loss_of(parameters: list[Any], x: Any, y: Any) -> Any:
        x, left = x.astype(half), [one.astype(half) for one in parameters]
        for kind in layers:
            if kind == "flatten":
                x = x.reshape(x.shape[0], -1)
                continue
            weight, bias = left.pop(0), left.pop(0)
            if kind == "convolution":
                x = jax.lax.conv_general_dilated(x, weight, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            else:
                x = x @ weight
            x = x + bias if kind == "output" else jax.nn.relu(x + bias)
        logits = x.astype(jnp.float32)
        if logits.shape[-1] == 1:
            logits, y = logits[:, 0], y.astype(jnp.float32)
            return jnp.mean(jnp.maximum(logits, 0) - logits * y + jnp.log1p(jnp.exp(-jnp.abs(logits))))
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1))

    @jax.jit
    def step(state: Any, x: Any, y: Any) -> Any:
        parameters, first, second, count = state
        loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y)
        count = count + 1.0
        rate = RATE * jnp.sqrt(1 - BETA_2**count) / (1 - BETA_1**count)
        first = [m + (g - m) * (1 - BETA_1) for m, g in zip(first, gradients, strict=True)]
        second = [v + (g * g - v) * (1 - BETA_2) for v, g in zip(second, gradients, strict=True)]
        moved = zip(parameters, first, second, strict=True)
        return ([one - rate * m / (jnp.sqrt(v) + EPSILON) for one, m, v in moved], first, second, count), loss

    zeros = [jnp.zeros_like(weight) for weight in weights]
    held = [([jnp.asarray(weight) for weight in weights], zeros, zeros, jnp.zeros(()))]

    def epoch(x: Array, y: Array, batch: int) -> float:
        losses = []
        for begin in range(0, len(x), batch):
            held[0], loss = step(held[0], x[begin : begin + batch], y[begin : begin + batch])
            losses.append(loss)
        return float(np.mean([float(loss) for loss in losses]))

    return epoch


def plain_torch(layers: Sequence[str], weights: Sequence[Array], *, is_mixed: bool, compiled: bool) -> Epoch:
    """Give an epoch in PyTorch: tensors, its own Adam, automatic mixed precision."""
    import torch
    from torch.nn import functional

    del compiled  # Keras does not compile PyTorch either
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    parameters = [torch.tensor(weight, device=device, requires_grad=True) for weight in weights]
    adam = torch.optim.Adam(parameters, lr=RATE, betas=(BETA_1, BETA_2), eps=EPSILON)

    def forward(x: Any) -> Any:
        left = list(parameters)
        for kind in layers:
            if kind == "flatten":
                x = x.reshape(x.shape[0], -1)
                continue
            weight, bias = left.pop(0), left.pop(0)
            if kind == "convolution":  # PyTorch has channels first; even sizes are padded at their ends
                first = functional.pad(x.permute(0, 3, 1, 2), (0, 1, 0, 1))
                x = functional.conv2d(first, weight.permute(3, 2, 0, 1), bias, stride=2).permute(0, 2, 3, 1)
            else:
                x = x @ weight + bias
            x = x if kind == "output" else torch.relu(x)
        return x

    def loss_of(x: Any, y: Any) -> Any:
        logits = forward(x).float()
        if logits.shape[-1] == 1:
            return functional.binary_cross_entropy_with_logits(logits[:, 0], y.float())
        return functional.cross_entropy(logits, y.long())

    def epoch(x: Array, y: Array, batch: int) -> float:
        losses = []
        for begin in range(0, len(x), batch):
            rows = (torch.from_numpy(part[begin : begin + batch]).to(device, non_blocking=True) for part in (x, y))
            adam.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=is_mixed):
                loss = loss_of(*rows)
            loss.backward()
            adam.step()
            losses.append(loss.detach())
        return float(torch.stack(losses).mean())

    return epoch


PLAIN = {"tensorflow": plain_tensorflow, "jax": plain_jax, "torch": plain_torch}
