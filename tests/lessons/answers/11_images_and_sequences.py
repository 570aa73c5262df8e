"""Answers to the exercises of lesson 11: what solves each, and what is typically got wrong."""

SOLUTIONS = {
    "convolve": """
def convolve(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return (windows * kernel).sum(axis=(2, 3))
""",
    "receptive-field": """
def receptive_field(stack):
    width, apart = 1, 1
    for kernel, stride in stack:
        width += (kernel - 1) * apart
        apart *= stride
    return width
""",
    "cost": """
def convolution_cost(side, kernel, channels_in, channels_out):
    weights = kernel**2 * channels_in * channels_out
    return weights + channels_out, 2 * side**2 * weights
""",
    "split-windows": """
def split_windows(starts, length, boundary):
    starts = np.asarray(starts)
    return np.flatnonzero(starts + length <= boundary), np.flatnonzero(starts >= boundary)
""",
    "threshold": """
def threshold(normal_scores, false_alarms):
    ordered = np.sort(normal_scores)
    allowed = int(false_alarms * len(ordered))
    return ordered[len(ordered) - 1 - allowed]
""",
}

MISTAKES = {
    "convolve": [
        # Mirrors the kernel.
        """
def convolve(image, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return (windows * kernel[::-1, ::-1]).sum(axis=(2, 3))
""",
        # Pads, so that the output is as large as the image.
        """
def convolve(image, kernel):
    return correlate2d(image, kernel, mode="same")
""",
        # One place too few in each direction.
        """
def convolve(image, kernel):
    n, m = kernel.shape
    height, width = image.shape[0] - n, image.shape[1] - m
    return np.array([[(image[i:i+n, j:j+m] * kernel).sum() for j in range(width)] for i in range(height)])
""",
    ],
    "receptive-field": [
        # The strides are left out.
        "def receptive_field(stack):\n    return 1 + sum(kernel - 1 for kernel, _ in stack)",
        # The product of the kernels.
        """
def receptive_field(stack):
    width = 1
    for kernel, _ in stack:
        width *= kernel
    return width
""",
        # A layer's own stride counts already for itself.
        """
def receptive_field(stack):
    width, apart = 1, 1
    for kernel, stride in stack:
        apart *= stride
        width += (kernel - 1) * apart
    return width
""",
        # The stride of the layer before, in place of the product of all.
        """
def receptive_field(stack):
    width, before = 1, 1
    for kernel, stride in stack:
        width += (kernel - 1) * before
        before = stride
    return width
""",
    ],
    "cost": [
        # No biases.
        """
def convolution_cost(side, kernel, channels_in, channels_out):
    weights = kernel**2 * channels_in * channels_out
    return weights, 2 * side**2 * weights
""",
        # Kernels that see one input channel.
        """
def convolution_cost(side, kernel, channels_in, channels_out):
    weights = kernel**2 * channels_out
    return weights + channels_out, 2 * side**2 * weights
""",
        # A multiplication with its addition is counted once.
        """
def convolution_cost(side, kernel, channels_in, channels_out):
    weights = kernel**2 * channels_in * channels_out
    return weights + channels_out, side**2 * weights
""",
        # As if each weight were used once.
        """
def convolution_cost(side, kernel, channels_in, channels_out):
    weights = kernel**2 * channels_in * channels_out
    return weights + channels_out, 2 * weights
""",
    ],
    "split-windows": [
        # By the begin alone: windows across the boundary go to training.
        """
def split_windows(starts, length, boundary):
    starts = np.asarray(starts)
    return np.flatnonzero(starts < boundary), np.flatnonzero(starts >= boundary)
""",
        # A window that ends with the last sample before the boundary is left out.
        """
def split_windows(starts, length, boundary):
    starts = np.asarray(starts)
    return np.flatnonzero(starts + length < boundary), np.flatnonzero(starts >= boundary)
""",
        # The starts, in place of their positions.
        """
def split_windows(starts, length, boundary):
    starts = np.asarray(starts)
    return starts[starts + length <= boundary], starts[starts >= boundary]
""",
    ],
    "threshold": [
        # A quantile between two scores.
        "def threshold(normal_scores, false_alarms):\n    return np.quantile(normal_scores, 1 - false_alarms)",
        # Counts the threshold itself among the alarms.
        """
def threshold(normal_scores, false_alarms):
    ordered = np.sort(normal_scores)
    return ordered[min(len(ordered) - int(false_alarms * len(ordered)), len(ordered) - 1)]
""",
        # Rounds the number of allowed alarms up.
        """
def threshold(normal_scores, false_alarms):
    ordered = np.sort(normal_scores)
    return ordered[len(ordered) - 1 - int(np.ceil(false_alarms * len(ordered)))]
""",
        # From the wrong end.
        """
def threshold(normal_scores, false_alarms):
    return np.sort(normal_scores)[int(false_alarms * len(normal_scores))]
""",
    ],
}
