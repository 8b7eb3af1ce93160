"""The package's convolutions against PyTorch, against autograd, and against hand-worked values."""

import time
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tarea2 import convolution
from tarea2.convolution import (
    conv1d,
    conv1d_matrix,
    conv2d,
    conv2d_gradients,
    conv2d_loops,
    output_size,
)

DTYPES = st.sampled_from([np.float32, np.float64])
TOLERANCE = {np.float32: 2e-4, np.float64: 1e-10}

# The signal of notebook 10.1.
SIGNAL = np.array([5.2, 5.3, 5.4, 5.1, 10.1, 10.3, 9.9, 10.3, 3.2, 3.4, 3.3, 3.1])
THIRDS, FIFTHS = [0.33, 0.33, 0.33], [0.2] * 5

# The matrix of question 1 of the assignment.
X = np.array([[2, 5, 4, 1], [3, 1, 2, 0], [4, 5, 7, 1], [1, 2, 3, 4]], dtype=float)


def draw_array(data, shape, dtype):
    seed = data.draw(st.integers(0, 2**32 - 1), label="seed")
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@st.composite
def cases_2d(draw, stride=3, dilation=3):
    """Shapes and options for which the kernel fits."""
    samples, channels, filters = (draw(st.integers(1, 4)) for _ in range(3))
    height, width = (draw(st.integers(1, 12)) for _ in range(2))
    kernel_height, kernel_width = (draw(st.integers(1, 5)) for _ in range(2))
    options = {
        "stride": draw(st.integers(1, stride)),
        "padding": draw(st.integers(0, 4)),
        "dilation": draw(st.integers(1, dilation)),
    }
    for size, kernel in ((height, kernel_height), (width, kernel_width)):
        assume(options["dilation"] * (kernel - 1) < size + 2 * options["padding"])
    shapes = (samples, channels, height, width), (filters, channels, kernel_height, kernel_width)
    return *shapes, options


@given(
    st.data(), cases_2d(), DTYPES,
    st.sampled_from([1, 1 << 10, convolution.CACHE_BYTES]),
    st.sampled_from([1, 20, convolution.PRODUCT_COLUMNS]),
)  # fmt: skip
@settings(max_examples=400)
def test_conv2d_equals_pytorch(data, case, dtype, cache_bytes, product_columns):
    """However many samples and rows it works on at a time."""
    x_shape, weight_shape, options = case
    x, weight = draw_array(data, x_shape, dtype), draw_array(data, weight_shape, dtype)
    expected = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(weight), **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "CACHE_BYTES", cache_bytes)
        patch.setattr(convolution, "PRODUCT_COLUMNS", product_columns)
        y = conv2d(x, weight, **options)
    assert y.dtype == dtype
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


@given(st.data(), cases_2d(dilation=1))
@settings(max_examples=40)
def test_the_seven_loops_equal_pytorch(data, case):
    x_shape, weight_shape, options = case
    assume(np.prod(x_shape) * np.prod(weight_shape) < 20_000)
    del options["dilation"]
    x, weight = draw_array(data, x_shape, float), draw_array(data, weight_shape, float)
    expected = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(weight), **options)
    np.testing.assert_allclose(conv2d_loops(x, weight, **options), expected, atol=1e-10)


@given(
    st.data(), st.integers(1, 30), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4),
    st.one_of(st.integers(0, 5), st.just("same")), DTYPES,
)  # fmt: skip
@settings(max_examples=300)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_conv1d_equals_pytorch(data, length, kernel, stride, dilation, padding, dtype):
    if padding != "same":
        assume(dilation * (kernel - 1) < length + 2 * padding)
    x, weights = draw_array(data, length, dtype), draw_array(data, kernel, dtype)
    signal, rows = torch.tensor(x)[None, None], torch.tensor(weights)[None, None]
    if padding == "same":  # PyTorch allows it without stride only: every s-th value is the same
        full = torch.nn.functional.conv1d(signal, rows, dilation=dilation, padding="same")
        expected = full[0, 0, ::stride]
    else:
        expected = torch.nn.functional.conv1d(
            signal, rows, stride=stride, dilation=dilation, padding=padding
        )[0, 0]
    y = conv1d(x, weights, stride, dilation, padding)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, expected, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


@given(st.data(), st.integers(1, 30), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))
def test_the_matrix_does_what_the_convolution_does(data, length, kernel, stride, dilation):
    x, weights = draw_array(data, length, float), draw_array(data, kernel, float)
    matrix = conv1d_matrix(length, weights, stride, dilation)
    assert matrix.shape == (-(-length // stride), length)
    np.testing.assert_allclose(matrix @ x, conv1d(x, weights, stride, dilation), atol=1e-12)


@given(
    st.integers(1, 40), st.integers(1, 9), st.integers(1, 5), st.integers(0, 6), st.integers(1, 5)
)
def test_output_size_counts_the_positions(size, kernel, stride, padding, dilation):
    last = size + 2 * padding - 1
    starts = [s for s in range(0, last + 1, stride) if s + dilation * (kernel - 1) <= last]
    if starts:
        assert output_size(size, kernel, stride, padding, dilation) == len(starts)
    else:
        with pytest.raises(ValueError, match="kernel covers"):
            output_size(size, kernel, stride, padding, dilation)


class PackageConvolution(torch.autograd.Function):
    """The package's forward and backward as one PyTorch operation."""

    @staticmethod
    def forward(context, x, weight, stride, padding, dilation):
        context.save_for_backward(x, weight)
        context.options = stride, padding, dilation
        y = conv2d(x.detach().numpy(), weight.detach().numpy(), stride, padding, dilation)
        return torch.from_numpy(y)

    @staticmethod
    def backward(context, grad_output):
        x, weight = (tensor.detach().numpy() for tensor in context.saved_tensors)
        gradients = conv2d_gradients(x, weight, grad_output.numpy(), *context.options)
        return *map(torch.from_numpy, gradients), None, None, None


@given(st.data(), cases_2d())
@settings(max_examples=60)
def test_gradients_equal_autograd(data, case):
    x_shape, weight_shape, options = case
    tensors = [
        torch.tensor(draw_array(data, shape, float), requires_grad=True)
        for shape in (x_shape, weight_shape)
    ]
    ours = PackageConvolution.apply(*tensors, *options.values())
    theirs = torch.nn.functional.conv2d(*tensors, **options)
    direction = torch.tensor(draw_array(data, tuple(theirs.shape), float))
    for mine, expected in zip(
        torch.autograd.grad((ours * direction).sum(), tensors),
        torch.autograd.grad((theirs * direction).sum(), tensors),
        strict=True,
    ):
        torch.testing.assert_close(mine, expected, atol=1e-9, rtol=1e-9)


def test_gradients_equal_finite_differences():
    generator = np.random.default_rng(3)
    x = torch.tensor(generator.standard_normal((2, 2, 5, 4)), requires_grad=True)
    weight = torch.tensor(generator.standard_normal((3, 2, 3, 2)), requires_grad=True)
    assert torch.autograd.gradcheck(PackageConvolution.apply, (x, weight, 2, 1, 1))


@pytest.mark.parametrize(
    ("kernel", "options", "total"),
    [(THIRDS, {}, "71.1"), (FIFTHS, {}, "69.6"), (THIRDS, {"dilation": 2}, "68.3")],
)
def test_sums_that_notebook_10_1_gives(kernel, options, total):
    assert f"{conv1d(SIGNAL, kernel, **options).sum():.3}" == total


def test_stride_two_keeps_every_other_value():
    np.testing.assert_array_equal(conv1d(SIGNAL, THIRDS, stride=2), conv1d(SIGNAL, THIRDS)[::2])


def test_answers_to_question_1():
    ones, signs = np.array([[1.0, 0], [0, 1]]), np.array([[1.0, 0], [0, -1]])
    for convolve in (conv2d, conv2d_loops):
        first = convolve(X[None, None], ones[None, None], stride=2)
        np.testing.assert_array_equal(first[0, 0], [[3, 4], [6, 11]])
        second = convolve(X[None, None], signs[None, None], stride=2, padding=2)
        # Padding of two makes 8 × 8; the outer windows see zeros only.
        expected = [[0, 0, 0, 0], [0, 2 - 1, 4 - 0, 0], [0, 4 - 2, 7 - 4, 0], [0, 0, 0, 0]]
        np.testing.assert_array_equal(second[0, 0], expected)


def test_integers_become_float64():
    assert conv1d([1, 2, 3], [1]).dtype == np.float64
    assert conv2d(np.ones((1, 1, 2, 2), int), np.ones((1, 1, 1, 1), int)).dtype == np.float64


def test_a_view_and_a_contiguous_array_give_the_same():
    x = np.random.default_rng(0).standard_normal((2, 9, 9, 3)).transpose(0, 3, 1, 2)
    weight = np.random.default_rng(1).standard_normal((3, 3, 4, 3)).transpose(2, 3, 0, 1)
    np.testing.assert_allclose(
        conv2d(x, weight), conv2d(np.ascontiguousarray(x), np.ascontiguousarray(weight)), atol=1e-12
    )


def test_a_large_batch_needs_little_memory():
    """Neither the columns of im2col nor the planes of all samples are ever in memory at once."""
    x, weight = np.ones((64, 8, 48, 48), np.float32), np.ones((8, 8, 5, 5), np.float32)
    tracemalloc.start()
    y = conv2d(x, weight, padding=2)
    peak = tracemalloc.get_traced_memory()[1] - y.nbytes
    tracemalloc.stop()
    assert peak < x.nbytes / 2  # im2col would take 25 times x


def test_the_arguments_are_left_as_they_were():
    x, weight = np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2))
    conv2d(x, weight, 1, 1)
    conv2d_loops(x, weight, 1, 1)
    assert (x == 1).all()
    assert (weight == 1).all()


IMAGES, KERNELS = np.ones((2, 3, 5, 5)), np.ones((4, 3, 3, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conv2d(IMAGES[0], KERNELS), r"x has shape \(3, 5, 5\), expected 4 dimensions"),
        (lambda: conv2d(IMAGES, KERNELS[0]), r"weight has shape \(3, 3, 3\), expected 4"),
        (lambda: conv2d(IMAGES, KERNELS[:, :2]), "weight has 2 input channels but x has 3"),
        (lambda: conv2d(IMAGES[..., :2], KERNELS), "kernel covers 3 cells .* input has 2"),
        (lambda: conv2d(IMAGES, KERNELS, dilation=3), "kernel covers 7 cells .* input has 5"),
        (lambda: conv2d(IMAGES, KERNELS, 0), "stride is 0, expected a whole number of at least 1"),
        (lambda: conv2d(IMAGES, KERNELS, 1.0), "stride is 1.0, expected a whole number"),
        (lambda: conv2d(IMAGES, KERNELS, True), "stride is True, expected a whole number"),
        (lambda: conv2d(IMAGES, KERNELS, 1, -1), "padding is -1, expected .* at least 0"),
        (lambda: conv2d(IMAGES, KERNELS, 1, 0, 0), "dilation is 0, expected .* at least 1"),
        (lambda: conv2d(IMAGES * np.nan, KERNELS), "x holds NaN or infinity"),
        (lambda: conv2d(IMAGES, KERNELS / 0.0), "weight holds NaN or infinity"),
        (lambda: conv2d(IMAGES.astype(str), KERNELS), "x has type .*, expected real numbers"),
        (lambda: conv2d(IMAGES + 1j, KERNELS), "x has type complex128, expected real numbers"),
        (lambda: conv2d(IMAGES[:0], KERNELS), r"x is empty \(shape \(0, 3, 5, 5\)\)"),
        (lambda: conv2d_loops(IMAGES, KERNELS[:, :1]), "weight has 1 input channels"),
        (lambda: conv1d(IMAGES, [1.0]), r"x has shape \(2, 3, 5, 5\), expected 1 dimensions"),
        (lambda: conv1d([1.0], []), "kernel is empty"),
        (lambda: conv1d([[1.0], [1.0, 2.0]], [1.0]), "x is ragged"),
        (lambda: conv1d(["a"], [1.0]), "x has type"),
        (lambda: conv1d([1.0], [1.0], padding="full"), "padding is 'full', expected \"same\""),
        (lambda: conv1d([1.0], [1.0] * 3, padding=0), "kernel covers 3 cells"),
        (lambda: conv1d_matrix(0, [1.0]), "length is 0, expected"),
        (lambda: conv1d_matrix(4, [np.inf]), "kernel holds NaN or infinity"),
        (lambda: output_size(0, 1), "size is 0"),
        (lambda: output_size(5, 0), "kernel is 0"),
        (
            lambda: conv2d_gradients(IMAGES, KERNELS, np.ones((2, 4, 5, 5))),
            r"grad_output has shape \(2, 4, 5, 5\), expected \(2, 4, 3, 3\)",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_huge_but_finite_numbers_are_allowed():
    x = np.full((1, 1, 2, 2), 1e38, dtype=np.float32)
    assert np.isfinite(conv2d(x, np.full((1, 1, 1, 1), 0.5, dtype=np.float32))).all()


def test_vectorised_form_is_far_faster_than_the_loops():
    generator = np.random.default_rng(0)
    x = generator.standard_normal((1, 16, 14, 14), dtype=np.float32)
    weight = generator.standard_normal((8, 16, 3, 3), dtype=np.float32)

    def seconds(convolve):
        start = time.process_time()  # of this process: the machine may be busy with others
        convolve(x, weight, 1, 1)
        return time.process_time() - start

    assert seconds(conv2d_loops) > 100 * min(seconds(conv2d) for _ in range(5))


@pytest.mark.parametrize("convolve", [conv2d, conv2d_loops])
def test_half_precision_is_summed_in_single(convolve):
    ones = np.ones((1, 3, 29, 29), np.float16)
    y = convolve(ones, ones)
    assert y.dtype == np.float16
    assert y.item() == np.float16(3 * 29 * 29)  # a sum in half would stop at 2,048
    large = np.full((1, 2, 1, 1), 300, np.float16)  # products that half precision cannot hold
    assert convolve(large, large * [[[[1]], [[-1]]]]).item() == 0
