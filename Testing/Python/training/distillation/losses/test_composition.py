"""The losses of a run together: weights, schedules, adapters, optimiser, checkpoint."""

from __future__ import annotations

import pytest
import torch

from kdseg.errors import AgreementError, ConfigurationError
from kdseg_testing.distillation_tensors import channels, outputs, target, tensors_of
from kdseg_training.distillation.loss_config import DistillationSpec, KernelSpec
from kdseg_training.distillation.losses.composition import DistillationLoss, build_distillation_loss
from kdseg_training.distillation.losses.logits import LogitDistillation
from kdseg_training.distillation.losses.region_aware import RegionAware
from kdseg_training.distillation.outputs import LabelScheme, Outputs

SCHEME = LabelScheme(3)
STAGE = "encoder.stages.0"


def build(*losses: dict, student: int = 2, teacher: int = 4, **settings) -> DistillationLoss:
    spec = DistillationSpec.model_validate({"losses": list(losses)} | settings.pop("spec", {}))
    return build_distillation_loss(spec.specs, SCHEME, channels(student), channels(teacher), (0.7, 0.3), **settings)


EVERYTHING = (
    {"kind": "logits", "heads": "all"},
    {"kind": "soft_dice"},
    {"kind": "region_aware"},
    {"kind": "context_aware"},
    {"kind": "context_aware", "context": "channel_affinity", "name": "channel_affinity"},
    {"kind": "affinity", "stages": "decoder", "tokens_per_axis": 4},
    {"kind": "kernel", "stages": "bottleneck", "tokens_per_axis": 4},
)


@pytest.mark.parametrize("dimension", [2, 3])
def test_total_is_the_weighted_sum_of_the_parts(dimension):
    weights = (1.0, 0.5, 0.1, 0.2, 0.3, 0.4, 0.6)
    loss = build(*({**spec, "weight": w} for spec, w in zip(EVERYTHING, weights, strict=True)))
    student, teacher = outputs(dimension, seed=1, requires_grad=True), outputs(dimension, seed=2, first=4)
    total, parts = loss(student, teacher, target(dimension, SCHEME), progress=0.5)
    assert list(parts) == [spec.get("name", spec["kind"]) for spec in EVERYTHING]
    assert total.item() == pytest.approx(sum(w * p.item() for w, p in zip(weights, parts.values(), strict=True)), rel=1e-5)
    assert total.dtype == torch.float32
    assert not any(part.requires_grad for part in parts.values())


def test_parts_are_what_the_losses_give_alone():
    loss = build({"kind": "logits", "temperature": 3.0}, {"kind": "region_aware", "stages": [STAGE]}, teacher=2)
    student, teacher, labels = outputs(3, seed=1), outputs(3, seed=2), target(3, SCHEME)
    _, parts = loss(student, teacher, labels, progress=0.0)
    assert parts["logits"].item() == LogitDistillation(SCHEME, temperature=3.0)(student, teacher, labels).item()
    alone = RegionAware(SCHEME, [STAGE])(student, teacher, labels).item()
    assert parts["region_aware"].item() == pytest.approx(alone, rel=1e-6)


def test_identical_networks_of_equal_width_give_zero():
    """The adapters start as the identity and the context blocks add nothing at first."""
    same = outputs(3)
    total, parts = build(*EVERYTHING, teacher=2)(same, same, target(3, SCHEME), progress=1.0)
    assert total.item() == 0.0
    assert len(parts) == len(EVERYTHING)


def test_schedule_at_three_points():
    loss = build({"kind": "logits", "weight": 0.4, "schedule": {"kind": "linear_warmup", "share": 0.5}}, {"kind": "soft_dice"})
    assert [loss.weights_at(p)["logits"] for p in (0.0, 0.25, 1.0)] == pytest.approx([0, 0.2, 0.4])
    student, teacher = outputs(3, seed=1), outputs(3, seed=2, first=4)
    total, parts = loss(student, teacher, None, progress=0.25)
    assert total.item() == pytest.approx(0.2 * parts["logits"].item() + parts["soft_dice"].item(), rel=1e-6)


def test_what_weighs_nothing_is_not_computed():
    loss = build({"kind": "kernel", "schedule": {"kind": "linear_warmup"}})
    student = outputs(3, seed=1, requires_grad=True)
    student.features.clear()  # it would ask for them
    total, parts = loss(student, outputs(3, seed=2, first=4), None, progress=0.0)
    assert parts == {}
    total.backward()
    assert total.item() == 0


@pytest.mark.parametrize("progress", [-0.01, 1.01])
def test_progress_out_of_range(progress):
    with pytest.raises(ValueError, match="progress"):
        build({"kind": "logits"})(outputs(3), outputs(3, first=4), None, progress=progress)


def test_unlabelled_batches_leave_out_and_name_what_needs_labels():
    loss = build(*EVERYTHING)
    assert loss.label_names == ("region_aware", "affinity")
    student, teacher = outputs(3, seed=1, requires_grad=True), outputs(3, seed=2, first=4)
    total, parts = loss(student, teacher, None, progress=1.0)
    assert set(parts) == {name for name in loss.weights_at(1.0) if name not in loss.label_names}
    total.backward()
    assert all(parameter.grad is not None for parameter in loss.parameters())


def test_only_losses_of_labels_and_no_label():
    loss = build({"kind": "region_aware"}, {"kind": "affinity"})
    student = outputs(3, seed=1, requires_grad=True)
    total, parts = loss(student, outputs(3, seed=2, first=4), None, progress=1.0)
    total.backward()
    assert (total.item(), parts) == (0.0, {})
    assert all((parameter.grad == 0).all() for parameter in loss.parameters())


class TestStages:
    def test_only_the_stages_that_are_needed(self):
        encoder = ("encoder.stages.0", "encoder.stages.1")  # without the deepest
        assert build({"kind": "logits"}).stage_names == ()
        assert build({"kind": "region_aware"}, {"kind": "context_aware"}).stage_names == encoder
        loss = build({"kind": "affinity", "stages": "decoder"}, {"kind": "kernel", "stages": [STAGE, "decoder.stages.1"]})
        assert loss.stage_names == ("decoder.stages.0", "decoder.stages.1", STAGE)
        assert build({"kind": "kernel", "stages": "bottleneck"}).stage_names == ("encoder.stages.2",)

    @pytest.mark.parametrize("stages", ["encoder.stages.9", ["decoder.stages.0", "stem"]])
    def test_unknown(self, stages):
        with pytest.raises(ConfigurationError, match=r"no stage (encoder\.stages\.9|stem).*bottleneck"):
            build({"kind": "kernel", "stages": stages})

    def test_features_of_the_stages_must_be_there(self):
        student = outputs(3, seed=1)
        student.features.clear()
        with pytest.raises(AgreementError, match=r"encoder\.stages\.0 are missing.*none of the student"):
            build({"kind": "kernel"})(student, outputs(3, seed=2, first=4), None, progress=1.0)


class TestAdapters:
    def test_one_for_each_stage_shared_by_all_losses(self):
        loss = build({"kind": "region_aware"}, {"kind": "context_aware"}, {"kind": "affinity"}, {"kind": "logits"})
        names = {name for name in loss.state_dict() if name.startswith("adapters.")}
        assert names == {f"adapters.stages.encoder_stages_{k}.projection.{part}" for k in (0, 1) for part in ("weight", "bias")}
        assert loss.state_dict()["adapters.stages.encoder_stages_1.projection.weight"].shape == (8, 4, 1)

    def test_none_where_nothing_compares_channels(self):
        assert not list(build({"kind": "logits"}, {"kind": "affinity"}).parameters())

    @pytest.mark.parametrize("dimension", [2, 3])
    def test_is_a_convolution_of_kernel_1(self, dimension):
        adapters = build({"kind": "kernel"}).adapters
        student = outputs(dimension, seed=1)
        adapted = adapters(student, [STAGE])
        layer = adapters.stages["encoder_stages_0"].projection
        convolve = torch.nn.functional.conv2d if dimension == 2 else torch.nn.functional.conv3d
        expected = convolve(student.features[STAGE], layer.weight.view(4, 2, *[1] * dimension), layer.bias)
        torch.testing.assert_close(adapted.features[STAGE], expected)
        assert adapted.features["decoder.stages.0"] is student.features["decoder.stages.0"]
        assert adapted.logits is student.logits

    def test_starts_as_the_identity_where_channels_are_equal(self):
        student = outputs(3, seed=1)
        adapted = build({"kind": "kernel"}, teacher=2).adapters(student, [STAGE])
        assert torch.equal(adapted.features[STAGE], student.features[STAGE])


class TestTraining:
    def run(self, loss, optimizer, steps, start=0):
        student, teacher, labels = outputs(3, seed=1), outputs(3, seed=2, first=4), target(3, SCHEME)
        values = []
        for step in range(start, start + steps):
            optimizer.zero_grad()
            total, _ = loss(student, teacher, labels, progress=step / 10)
            total.backward()
            optimizer.step()
            values.append(total.item())
        return values

    def test_adapters_and_context_blocks_learn(self):
        loss = build({"kind": "region_aware"}, {"kind": "context_aware"})
        start = {name: value.clone() for name, value in loss.state_dict().items()}
        self.run(loss, torch.optim.SGD(loss.parameters(), lr=0.1), steps=1)
        changed = {name for name, value in loss.state_dict().items() if not torch.equal(value, start[name])}
        adapters = {name for name in start if name.startswith("adapters.")}
        last_layers = {name for name in start if ".transform.3." in name}
        assert len(adapters) == 4 and len(last_layers) == 8
        assert changed == adapters | last_layers

    def test_saved_restored_and_continued(self, tmp_path):
        """Two steps, saved, and two more equal four steps at once."""
        specs = ({"kind": "region_aware"}, {"kind": "context_aware"})
        loss = build(*specs)
        optimizer = torch.optim.SGD(loss.parameters(), lr=0.1, momentum=0.9)
        whole = self.run(loss, optimizer, 4)
        again = build(*specs)
        optimizer = torch.optim.SGD(again.parameters(), lr=0.1, momentum=0.9)
        first = self.run(again, optimizer, 2)
        torch.save({"loss": again.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "state.pth")
        state = torch.load(tmp_path / "state.pth", weights_only=True)
        restored = build(*specs, seed=99)
        optimizer = torch.optim.SGD(restored.parameters(), lr=0.1, momentum=0.9)
        restored.load_state_dict(state["loss"])
        optimizer.load_state_dict(state["optimizer"])
        assert first + self.run(restored, optimizer, 2, start=2) == whole
        assert all(torch.equal(a, b) for a, b in zip(restored.parameters(), loss.parameters(), strict=True))

    def test_gradients_reach_the_student_only(self):
        loss = build(*EVERYTHING)
        student = outputs(3, seed=1, requires_grad=True)
        teacher = outputs(3, seed=2, first=4, requires_grad=True)
        loss(student, teacher, target(3, SCHEME), progress=1.0)[0].backward()
        assert all(tensor.grad is None for tensor in tensors_of(teacher))
        assert all(tensor.grad.abs().max() > 0 for tensor in tensors_of(student))
        # MS-CA's last layers start at zero, so what is below them has a gradient from the second step on
        assert all(p.grad is not None for p in loss.parameters())


class TestSeed:
    def test_the_global_random_state_is_left_alone(self):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        build(*EVERYTHING)
        assert torch.equal(torch.rand(3), expected)

    def test_same_seed_same_start(self):
        torch.manual_seed(1)
        first = build(*EVERYTHING).state_dict()
        torch.manual_seed(2)
        second, other = build(*EVERYTHING).state_dict(), build(*EVERYTHING, seed=7).state_dict()
        assert all(torch.equal(first[name], second[name]) for name in first)
        assert not all(torch.equal(first[name], other[name]) for name in first)


class TestNames:
    def test_of_pytorch(self):
        with pytest.raises(ConfigurationError, match="cannot be called keys"):
            build({"kind": "logits", "name": "keys"})

    def test_twice(self):
        specs = DistillationSpec.model_validate({"losses": [{"kind": "logits"}]}).specs
        with pytest.raises(ConfigurationError, match="cannot be called logits"):
            build_distillation_loss([*specs, *specs], SCHEME, channels(2), channels(4), (1.0,))


@pytest.mark.parametrize("method", ["A", "B", "C"])
def test_published_methods(method):
    loss = build(spec={"method": method})
    total, parts = loss(outputs(3, seed=1), outputs(3, seed=2, first=4), target(3, SCHEME), progress=1.0)
    expected = {"A": ["logits"], "B": ["region_aware", "context_aware"], "C": ["logits", "kernel", "affinity"]}
    assert list(parts) == expected[method]
    assert total.item() > 0


class TestCondensedFeatures:
    """Means over voxels come before the adapters; the numbers are those of adapting the whole map."""

    @pytest.mark.parametrize("kernel", ["linear", "polynomial", "gaussian"])
    def test_give_the_same_loss_and_gradients(self, kernel):
        torch.manual_seed(0)
        specs = [KernelSpec(kernel=kernel, stages=["encoder.stages.0"], tokens_per_axis=3)]
        loss = build_distillation_loss(specs, LabelScheme(2), {"encoder.stages.0": 3}, {"encoder.stages.0": 5}, [1.0])
        ours = torch.randn(2, 3, 7, 8, 9, requires_grad=True)
        logits = [torch.randn(2, 2, 7, 8, 9)]
        student = Outputs(logits, {"encoder.stages.0": ours})
        teacher = Outputs(logits, {"encoder.stages.0": torch.randn(2, 5, 7, 8, 9)})
        (term,) = loss.terms.values()
        whole = term(loss.adapters(student, term.stage_names), teacher)
        condensed, _ = loss(student, teacher, progress=0.5)
        torch.testing.assert_close(condensed, whole)
        of_whole, of_condensed = (torch.autograd.grad(value, ours)[0] for value in (whole, condensed))
        assert of_whole.abs().max() > 0
        torch.testing.assert_close(of_condensed, of_whole)
