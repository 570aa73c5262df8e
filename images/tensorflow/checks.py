"""What holds for the image `tensorflow`."""

from __future__ import annotations

from coursekit.image_checks import Box

# TensorFlow says so before it has read its log level.
ONEDNN = r"WARNING: All log messages before absl.*|I0000 .* oneDNN custom operations are on.*"
FIT = """
from coursekit.gpu import choose_backend, device_of, gpus
print(choose_backend())
import keras, numpy
keras.utils.set_random_seed(1)
x = numpy.random.default_rng(1).normal(size=(512, 4)).astype("float32")
y = (x[:, 0] > 0).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, "sigmoid")])
model.compile("adam", "binary_crossentropy")
losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
print(losses[0] > losses[-1])
print(device_of(model), len(gpus()))
"""


def tensorflow_is_the_one_of_the_lock_file(box: Box) -> None:
    shown = box.python("import keras, tensorflow as tf; print(tf.__version__, keras.__version__)", noise=ONEDNN)
    assert shown.split() == [box.locked_version("tensorflow"), box.locked_version("keras")], shown


def keras_fits_a_network_on_the_processor_and_says_so(box: Box) -> None:
    backend, falls, device = box.python(FIT, noise=ONEDNN).splitlines()
    assert (backend, falls) == ("tensorflow", "True")
    assert device.startswith("tensorflow on the CPU ("), device


def a_model_is_saved_and_read_back(box: Box) -> None:
    code = """
    import keras, numpy
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save("/tmp/model.keras")
    x = numpy.ones((1, 2), "float32")
    print(bool((keras.models.load_model("/tmp/model.keras")(x) == model(x)).numpy().all()))
    """
    assert box.python(code, noise=ONEDNN) == "True"
    box.run("rm", "/tmp/model.keras")


def a_function_is_compiled_by_xla(box: Box) -> None:
    code = """
    import tensorflow
    print(float(tensorflow.function(lambda x: tensorflow.reduce_sum(x * x), jit_compile=True)(tensorflow.ones(8))))
    """
    assert box.python(code, noise=ONEDNN) == "8.0"
