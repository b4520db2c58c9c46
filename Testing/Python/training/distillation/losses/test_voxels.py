"""Maps with their voxels in one axis: the same numbers in either order of memory, and no copies."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from kdseg_training.distillation.losses.tokens import cell_means
from kdseg_training.distillation.losses.voxels import pointwise, voxels_of

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last_3d}


@pytest.fixture(params=LAYOUTS)
def features(request):
    torch.manual_seed(0)
    return torch.randn(2, 6, 5, 7, 9).contiguous(memory_format=LAYOUTS[request.param])


class TestVoxelsOf:
    def test_is_a_view_of_the_same_numbers(self, features):
        voxels = voxels_of(features)
        assert torch.equal(voxels, features.flatten(2))
        assert voxels.data_ptr() == features.data_ptr()

    def test_takes_images_of_two_axes(self):
        features = torch.randn(2, 6, 5, 7).contiguous(memory_format=torch.channels_last)
        assert torch.equal(voxels_of(features), features.flatten(2))

    def test_takes_what_is_in_neither_order(self, features):
        turned = features.transpose(3, 4)
        assert torch.equal(voxels_of(turned), turned.flatten(2))


class TestPointwise:
    @pytest.mark.parametrize("bias", [True, False])
    def test_is_a_convolution_of_kernel_1(self, features, bias):
        layer = nn.Conv1d(6, 4, kernel_size=1, bias=bias)
        torch.testing.assert_close(pointwise(layer, voxels_of(features)), layer(features.flatten(2)))

    def test_keeps_the_order_of_memory(self, features):
        result = pointwise(nn.Conv1d(6, 4, kernel_size=1), voxels_of(features)).unflatten(2, features.shape[2:])
        assert voxels_of(result).data_ptr() == result.data_ptr()
        assert result.is_contiguous() == features.is_contiguous()


class TestCellMeans:
    @pytest.mark.parametrize("tokens", [2, 3, 4, 8])
    def test_is_adaptive_average_pooling(self, features, tokens):
        grid = tuple(min(tokens, size) for size in features.shape[2:])
        torch.testing.assert_close(cell_means(features, tokens), functional.adaptive_avg_pool3d(features, grid))

    def test_is_adaptive_average_pooling_in_two_axes(self):
        features = torch.randn(2, 6, 5, 11)
        torch.testing.assert_close(cell_means(features, 4), functional.adaptive_avg_pool2d(features, (4, 4)))

    def test_of_means_changes_nothing(self, features):
        once = cell_means(features, 4)
        assert torch.equal(cell_means(once, 4), once)
