"""Down- and upsampling against hand-worked examples, against PyTorch, and against each other."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tarea2 import udl
from tarea2.convolution import conv2d
from tarea2.resampling import (
    bilinear,
    downsample,
    duplicate,
    max_pool,
    max_unpool,
    mean_pool,
    transposed_convolution,
)

F = torch.nn.functional
images = arrays(
    np.float64,
    st.tuples(st.integers(2, 11), st.integers(2, 11)),
    elements=st.floats(-100, 100, width=32),
)


def tensor(x):
    return torch.tensor(np.ascontiguousarray(x))[None, None]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (downsample, [[1, 5], [4, 1]]),
        (max_pool, [[6, 8], [8, 4]]),
        (mean_pool, [[3, 4], [5, 2]]),
    ],
)
def test_the_notebook_s_4x4_patch_made_smaller(operation, expected):
    np.testing.assert_array_equal(operation(udl.PATCH_4X4), expected)


def test_the_notebook_s_2x2_patch_made_larger():
    np.testing.assert_array_equal(
        duplicate(udl.PATCH_2X2), [[6, 6, 8, 8], [6, 6, 8, 8], [8, 8, 4, 4], [8, 8, 4, 4]]
    )
    np.testing.assert_array_equal(
        max_unpool(udl.PATCH_2X2, udl.PATCH_4X4),
        [[0, 0, 0, 0], [6, 0, 0, 8], [0, 0, 0, 4], [0, 8, 0, 0]],
    )
    # By hand: means of neighbours, zeros beyond the right and the lower edge, rounded up.
    np.testing.assert_array_equal(
        bilinear(udl.PATCH_2X2), [[6, 7, 8, 4], [7, 7, 6, 3], [8, 6, 4, 2], [4, 3, 2, 1]]
    )
    assert bilinear(udl.PATCH_2X2, round_up=False)[1, 1] == 6.5


@given(images)
def test_pooling_equals_pytorch(x):
    np.testing.assert_array_equal(max_pool(x), F.max_pool2d(tensor(x), 2)[0, 0])
    np.testing.assert_allclose(mean_pool(x), F.avg_pool2d(tensor(x), 2)[0, 0], atol=1e-12)


@given(images)
def test_upsampling_equals_pytorch(x):
    np.testing.assert_array_equal(duplicate(x), F.interpolate(tensor(x), scale_factor=2)[0, 0])
    # PyTorch's bilinear form with aligned corners has the same grid in the inside: the values
    # at even places and the means between them. Ours continues with zeros, PyTorch stops.
    height, width = x.shape
    expected = F.interpolate(
        tensor(x), size=(2 * height - 1, 2 * width - 1), mode="bilinear", align_corners=True
    )[0, 0]
    np.testing.assert_allclose(bilinear(x, round_up=False)[:-1, :-1], expected, atol=1e-9)


@given(images)
def test_unpooling_equals_pytorch(x):
    even = x[: len(x) // 2 * 2, : x.shape[1] // 2 * 2]
    pooled, indices = F.max_pool2d(tensor(even), 2, return_indices=True)
    expected = F.max_unpool2d(pooled, indices, 2)[0, 0]
    np.testing.assert_array_equal(max_unpool(max_pool(even), even), expected)
    assert max_unpool(max_pool(x), x).shape == x.shape


@given(images, st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_transposed_convolution_equals_pytorch(x, height, width, stride, seed):
    kernel = np.random.default_rng(seed).standard_normal((height, width))
    expected = F.conv_transpose2d(tensor(x), tensor(kernel), stride=stride)[0, 0]
    np.testing.assert_allclose(transposed_convolution(x, kernel, stride), expected, atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_transposed_convolution_is_the_adjoint(seed, stride):
    generator = np.random.default_rng(seed)
    kernel, y = generator.standard_normal((3, 2)), generator.standard_normal((4, 5))
    x = generator.standard_normal(transposed_convolution(y, kernel, stride).shape)
    forward = conv2d(x[None, None], kernel[None, None], stride)[0, 0]
    backward = transposed_convolution(y, kernel, stride)
    assert (forward * y).sum() == pytest.approx((x * backward).sum(), abs=1e-9)


@given(images)
def test_going_up_and_down_again_changes_nothing(x):
    for down in (downsample, max_pool, mean_pool):
        np.testing.assert_allclose(down(duplicate(x)), x, atol=1e-12)
    np.testing.assert_array_equal(downsample(bilinear(x, round_up=False)), x)


@given(images)
def test_means_are_kept_and_maxima_are_not_lost(x):
    even = x[: len(x) // 2 * 2, : x.shape[1] // 2 * 2]
    assert mean_pool(even).mean() == pytest.approx(even.mean(), abs=1e-9)
    assert max_pool(even).max() == even.max()


def test_sizes_of_odd_images():
    x = np.arange(15.0).reshape(3, 5)
    assert downsample(x).shape == (2, 3)
    assert max_pool(x).shape == mean_pool(x).shape == (1, 2)


def test_the_first_of_equal_maxima_counts():
    np.testing.assert_array_equal(max_unpool([[5.0]], np.ones((2, 2))), [[5, 0], [0, 0]])


def test_a_kernel_of_twice_the_stride_has_no_checkerboard():
    flat = np.ones((6, 6))
    even = transposed_convolution(flat, np.ones((4, 4)))[4:-4, 4:-4]
    uneven = transposed_convolution(flat, np.ones((3, 3)))[4:-4, 4:-4]
    assert np.ptp(even) == 0
    assert set(np.unique(uneven)) == {1, 2, 4}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: downsample(np.ones(3)), r"x has shape \(3,\), expected 2 dimensions"),
        (lambda: max_pool(np.ones((1, 4))), "x has shape .*, expected at least 2×2"),
        (lambda: mean_pool(np.ones((0, 4))), "x is empty"),
        (lambda: duplicate([["a"]]), "x has type"),
        (lambda: bilinear([[np.nan]]), "x holds NaN"),
        (lambda: max_unpool(np.ones((2, 2)), np.ones((6, 4))), "expected twice that of x"),
        (lambda: max_unpool(np.ones((2, 2)), np.ones(4)), "high_resolution has shape"),
        (lambda: transposed_convolution(np.ones((2, 2)), np.ones((2, 2)), 0), "stride is 0"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_bilinear_does_not_overflow_between_the_largest_values(kind):
    largest = np.finfo(kind).max
    y = bilinear(np.full((2, 2), largest, kind), round_up=False)
    assert y.dtype == kind
    assert (y[:3, :3] == largest).all()
