"""Outputs that cannot contradict themselves, and label schemes as nnU-Net has them."""

from __future__ import annotations

import pytest
import torch
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.outputs import LabelScheme, Outputs

LOGITS = torch.zeros(2, 3, 4, 6)


class TestOutputs:
    def test_both_dimensions(self):
        Outputs([LOGITS, LOGITS[:, :, ::2, ::2]], {"encoder.stages.1": torch.zeros(2, 9, 2, 3)}, torch.ones(2, 1, 4, 6))
        Outputs([torch.zeros(1, 3, 4, 6, 8)])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (([],), "at least one head"),
            (([LOGITS[0]],), "expected \\(N, C, y, x\\)"),
            (([LOGITS, LOGITS[:, :2]],), "in every head"),
            (([LOGITS, LOGITS[:1]],), "in every head"),
            (([LOGITS], {"encoder.stages.0": torch.zeros(1, 9, 4, 6)}), "encoder.stages.0: expected"),
            (([LOGITS], {"encoder.stages.0": torch.zeros(2, 9, 4, 6, 8)}), "encoder.stages.0: expected"),
            (([LOGITS], {}, torch.ones(2, 4, 6)), "mask: expected \\(2, 1, 4, 6\\)"),
            (([LOGITS], {}, torch.ones(2, 1, 2, 3)), "mask: expected"),
        ],
    )
    def test_contradictions(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            Outputs(*arguments)

    def test_detached_shares_memory_and_has_no_graph(self):
        logits = LOGITS.clone().requires_grad_()
        constant = Outputs([2 * logits], {"encoder.stages.0": 3 * logits}).detached()
        assert not constant.logits[0].requires_grad
        assert not constant.features["encoder.stages.0"].requires_grad
        plain = Outputs([LOGITS], mask=torch.ones(2, 1, 4, 6))
        assert plain.detached().logits[0].data_ptr() == LOGITS.data_ptr()
        assert plain.detached().mask.data_ptr() == plain.mask.data_ptr()

    def test_detached_copies_what_inference_mode_made(self):
        with torch.inference_mode():
            made = Outputs([LOGITS + 1])
        constant = made.detached()
        assert made.logits[0].is_inference() and not constant.logits[0].is_inference()
        assert torch.equal(made.logits[0], constant.logits[0])
        assert constant.detached().logits[0].data_ptr() == constant.logits[0].data_ptr()


class TestLabelScheme:
    @pytest.mark.parametrize(
        ("labels", "order", "scheme", "foreground"),
        [
            ({"background": 0, "a": 1, "b": 2}, None, LabelScheme(3), (1, 2)),
            ({"background": 0, "a": 1, "ignore": 2}, None, LabelScheme(2, ignore_label=2), (1,)),
            ({"background": 0, "whole": (1, 2), "core": 2}, [1, 2], LabelScheme(2, regions=True), (0, 1)),
            (
                {"background": 0, "whole": (1, 2), "core": 2, "ignore": 3},
                [1, 2],
                LabelScheme(2, regions=True, ignore_label=3),
                (0, 1),
            ),
        ],
    )
    def test_of_nnunets_label_manager(self, labels, order, scheme, foreground):
        found = LabelScheme.from_label_manager(LabelManager(labels, order))
        assert found == scheme
        assert found.foreground == foreground

    def test_annotated(self):
        labels = torch.tensor([[[[0, 1, 2]]]])
        assert LabelScheme(3).annotated(labels) is None
        assert LabelScheme(2, ignore_label=2).annotated(labels).tolist() == [[[[True, True, False]]]]
        regions = torch.tensor([[[[1, 0]], [[0, 0]], [[0, 1]]]])
        assert LabelScheme(2, regions=True, ignore_label=3).annotated(regions).tolist() == [[[[True, False]]]]
        assert LabelScheme(2, regions=True, ignore_label=3).annotated(regions > 0).tolist() == [[[[True, False]]]]

    @pytest.mark.parametrize(
        "scheme", [LabelScheme(3), LabelScheme(3, regions=True), LabelScheme(1, regions=True, ignore_label=2)]
    )
    def test_target_of_another_scheme(self, scheme):
        with pytest.raises(TrainingDataError, match="does not follow the label scheme"):
            scheme.annotated(torch.zeros(1, 4, 2, 2))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [((1,), "heads"), ((0, True), "heads"), ((3, False, 2), "ignore_label"), ((3, False, 0), "ignore")],
    )
    def test_impossible(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            LabelScheme(*arguments)
