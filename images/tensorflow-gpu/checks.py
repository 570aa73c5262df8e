"""What holds for the image `tensorflow-gpu`: with a GPU, and on a host without one."""

from __future__ import annotations

from coursekit.image_checks import Box

# What TensorFlow says before it has read its log level, and, whatever that is, that it finds no driver.
NO_DRIVER = r"WARNING: All log messages before absl.*|I0000 .* oneDNN .*|.*(cuda|CUDA|cuInit).*"
FIT = """
from coursekit.gpu import choose_backend, device_of, gpus
choose_backend()
import keras, numpy
keras.utils.set_random_seed(1)
x = numpy.random.default_rng(1).normal(size=(512, 8, 8, 1)).astype("float32")
y = (x.mean(axis=(1, 2, 3)) > 0).astype("float32")
layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")]
model = keras.Sequential([keras.Input((8, 8, 1)), *layers])
model.compile("adam", "binary_crossentropy")
losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
print(losses[0] > losses[-1])
print(device_of(model))
print(len(gpus()))
"""


def tensorflow_is_the_one_of_the_lock_file_and_built_with_cuda(box: Box) -> None:
    code = "import tensorflow as tf; print(tf.__version__, tf.test.is_built_with_cuda())"
    assert box.python(code, noise=NO_DRIVER).split() == [box.locked_version("tensorflow"), "True"]


def keras_fits_a_network_on_a_gpu_or_says_that_there_is_none(box: Box) -> None:
    falls, device, number = box.python(FIT, noise=NO_DRIVER).splitlines()
    assert falls == "True"
    kind = "GPU" if int(number) else "CPU"
    assert device.startswith(f"tensorflow on the {kind} ("), (device, number)


def who_requires_a_gpu_gets_one_or_is_told_how_to(box: Box) -> None:
    code = """
    from coursekit import gpu
    from coursekit.errors import NoGpuError
    try:
        print(gpu.require_gpu().name)
    except NoGpuError as error:
        print("none:", error.fix)
    """
    assert box.python(code)


def every_library_of_cuda_that_tensorflow_opens_is_there(box: Box) -> None:
    # The driver's own libcuda comes from the host; these are what TensorFlow opens after it has found that one.
    code = """
    import ctypes, glob, importlib.util, pathlib
    root = pathlib.Path(importlib.util.find_spec("nvidia").submodule_search_locations[0])
    names = "cublasLt cublas cudart cufft cusparse cusolver cudnn nccl cupti".split()
    for name in ["nvJitLink", *names]:
        (path,) = [path for path in root.glob("*/lib/lib*.so.*") if path.name.startswith(f"lib{name}.so")]
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        print(name)
    """
    assert len(box.python(code).split()) == 10


def ptxas_compiles_for_tensorflow(box: Box) -> None:
    code = """
    import importlib.util, pathlib, subprocess
    root = pathlib.Path(importlib.util.find_spec("nvidia").submodule_search_locations[0]) / "cuda_nvcc"
    lines = [".version 8.0", ".target sm_80", ".address_size 64", ".visible .entry f() { ret; }", ""]
    pathlib.Path("/tmp/empty.ptx").write_text(chr(10).join(lines))
    subprocess.run([root / "bin/ptxas", "--gpu-name=sm_80", "/tmp/empty.ptx", "-o", "/tmp/empty.cubin"], check=True)
    print(pathlib.Path("/tmp/empty.cubin").stat().st_size > 0, (root / "nvvm/libdevice/libdevice.10.bc").exists())
    """
    assert box.python(code) == "True True"
    box.run("rm", "/tmp/empty.ptx", "/tmp/empty.cubin")
