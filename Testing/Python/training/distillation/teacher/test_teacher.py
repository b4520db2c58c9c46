"""What a teacher says, and the proof that nobody changed it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kdseg.errors import ConfigurationError, TeacherError
from kdseg.sides import SideExchange
from kdseg_testing.model_folder import write_model_folder
from kdseg_training.distillation.teacher import Teacher, load_teacher

PATCH = (16, 16, 16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds that may be mirrored over two axes."""
    path = tmp_path_factory.mktemp("model")
    for fold in (0, 1):
        write_model_folder(path, mirroring_axes=(0, 2), fold=fold, seed=fold)
    return path


@pytest.fixture
def teacher(folder: Path) -> Teacher:
    return load_teacher(folder, folds=0)


@pytest.fixture
def data() -> torch.Tensor:
    return torch.randn(2, 1, *PATCH, generator=torch.Generator().manual_seed(0))


def test_several_folds_give_the_mean_of_their_logits(folder: Path, data: torch.Tensor) -> None:
    single = [load_teacher(folder, folds=fold)(data).logits for fold in (0, 1)]
    both = load_teacher(folder, folds=(0, 1))(data).logits
    assert len(both) == len(single[0]) == 2
    for mean, a, b in zip(both, *single, strict=True):
        assert not torch.equal(a, b)
        torch.testing.assert_close(mean, (a + b) / 2, rtol=0, atol=1e-6)


def test_mirroring_gives_what_stock_nnunet_gives(folder: Path, data: torch.Tensor) -> None:
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    stock = nnUNetPredictor(perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False)
    stock.initialize_from_trained_model_folder(str(folder), use_folds=(0,))
    assert stock.allowed_mirroring_axes == (0, 2)
    with torch.no_grad():
        expected = stock._internal_maybe_mirror_and_predict(data)
    found = load_teacher(folder, folds=0, mirroring=True)(data, all_heads=False).logits[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    plain = load_teacher(folder, folds=0)(data).logits[0]
    assert (plain - expected).abs().max() > 1e-2


def test_mirroring_and_folds_average_together(folder: Path, data: torch.Tensor) -> None:
    single = [load_teacher(folder, folds=fold, mirroring=True)(data).logits for fold in (0, 1)]
    both = load_teacher(folder, folds=(0, 1), mirroring=True)(data).logits
    for mean, a, b in zip(both, *single, strict=True):
        torch.testing.assert_close(mean, (a + b) / 2, rtol=0, atol=1e-6)


def test_a_model_without_mirroring_is_not_mirrored(tmp_path: Path, data: torch.Tensor) -> None:
    path = write_model_folder(tmp_path, mirroring_axes=None)
    found = load_teacher(path, mirroring=True)(data).logits[0]
    assert torch.equal(found, load_teacher(path)(data).logits[0])


def test_exchanged_sides_make_a_symmetric_teacher(folder: Path, data: torch.Tensor) -> None:
    """Mirrored data get the mirrored answer, left for right; a network alone does not give it."""
    sides = SideExchange((0, 2, 1), axis=2)
    averaged, alone = load_teacher(folder, folds=0, sides=sides), load_teacher(folder, folds=0)

    def exchanged(logits: torch.Tensor) -> torch.Tensor:
        return torch.flip(logits, [4])[:, [0, 2, 1]]

    for head in (0, 1):
        here, there = (averaged(given).logits[head] for given in (data, torch.flip(data, [4])))
        torch.testing.assert_close(there, exchanged(here), rtol=0, atol=1e-6)
        single = [alone(given).logits[head] for given in (data, torch.flip(data, [4]))]
        assert (single[1] - exchanged(single[0])).abs().max() > 1e-2
        torch.testing.assert_close(here, (single[0] + exchanged(single[1])) / 2, rtol=0, atol=1e-6)


def test_exchanged_sides_and_mirroring_average_together(folder: Path, data: torch.Tensor) -> None:
    sides = SideExchange((0, 2, 1), axis=1)
    both = load_teacher(folder, folds=0, mirroring=True, sides=sides)(data).logits[0]
    mirrored = load_teacher(folder, folds=0, mirroring=True)
    there = torch.flip(mirrored(torch.flip(data, [3])).logits[0], [3])[:, [0, 2, 1]]
    torch.testing.assert_close(both, (mirrored(data).logits[0] + there) / 2, rtol=0, atol=1e-6)


def test_one_axis_is_not_mirrored_with_and_without_exchange(folder: Path) -> None:
    with pytest.raises(TeacherError, match="over the axes 0, 2") as caught:
        load_teacher(folder, folds=0, mirroring=True, sides=SideExchange((0, 2, 1), axis=2))
    assert "teacher.mirroring" in caught.value.remedy
    assert load_teacher(folder, folds=0, sides=SideExchange((0, 2, 1), axis=2)).mirroring_axes is None


def test_features_are_those_of_the_data_as_they_are(folder: Path, data: torch.Tensor) -> None:
    name = "encoder.stages.1"
    found = load_teacher(folder, folds=0, sides=SideExchange((0, 2, 1)))(data, [name]).features[name]
    assert torch.equal(found, load_teacher(folder, folds=0)(data, [name]).features[name])


def test_features_are_the_outputs_of_the_stages(teacher: Teacher, data: torch.Tensor) -> None:
    skips = teacher.network.encoder(data)
    outputs = teacher(data, ["encoder.stages.0", "encoder.stages.2", "decoder.stages.1"])
    assert list(outputs.features) == ["encoder.stages.0", "encoder.stages.2", "decoder.stages.1"]
    assert torch.equal(outputs.features["encoder.stages.0"], skips[0])
    assert torch.equal(outputs.features["encoder.stages.2"], skips[2])
    head = teacher.network.decoder.seg_layers[1](outputs.features["decoder.stages.1"])
    assert torch.equal(head, outputs.logits[0])
    assert teacher(data).features == {}


def test_features_with_mirroring_are_those_of_the_input_as_it_is(folder: Path, teacher: Teacher, data: torch.Tensor) -> None:
    mirrored = load_teacher(folder, folds=0, mirroring=True)
    name = "encoder.stages.1"
    assert torch.equal(mirrored(data, [name]).features[name], teacher(data, [name]).features[name])


def test_features_of_several_folds_or_of_no_stage_are_refused(folder: Path, teacher: Teacher, data: torch.Tensor) -> None:
    with pytest.raises(TeacherError, match="several folds"):
        load_teacher(folder, folds=(0, 1))(data, ["encoder.stages.0"])
    with pytest.raises(ConfigurationError, match=r"encoder\.stages\.9"):
        teacher(data, ["encoder.stages.9"])
    assert len(teacher.network._forward_hooks) == 0
    assert teacher(data).features == {}


def test_gradients_reach_the_student_only(teacher: Teacher, data: torch.Tensor) -> None:
    """The losses keep the teacher's tensors for their backward pass, which torch's inference mode would forbid."""
    student = torch.nn.Conv3d(1, 3, 1)
    outputs = teacher(data, ["encoder.stages.0"])
    loss = (student(data) * outputs.logits[0]).mean() + (outputs.features["encoder.stages.0"][:, :3] * student(data)).mean()
    loss.backward()
    assert student.weight.grad is not None
    assert all(parameter.grad is None for parameter in teacher.network.parameters())
    assert not any(head.requires_grad for head in outputs.logits)
    teacher.prove_unchanged()


def test_the_input_is_left_alone(folder: Path, data: torch.Tensor) -> None:
    before = data.clone()
    load_teacher(folder, folds=(0, 1), mirroring=True)(data)
    assert torch.equal(data, before)


def test_autocast_around_it_applies_and_averages_are_single_precision(
    folder: Path, teacher: Teacher, data: torch.Tensor
) -> None:
    exact = teacher(data).logits[0]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = teacher(data).logits[0]
        mean = load_teacher(folder, folds=0, mirroring=True)(data).logits
    assert low.dtype == torch.bfloat16
    assert (low.float() - exact).abs().max() < 0.1 * exact.abs().max()
    assert {head.dtype for head in mean} == {torch.float32}
    assert all(parameter.dtype == torch.float32 for parameter in teacher.network.parameters())


def test_weights_may_lie_channels_last(folder: Path, data: torch.Tensor) -> None:
    teacher = load_teacher(folder, folds=0, mirroring=True, channels_last=True)
    weights = [p for p in teacher.network.parameters() if p.ndim == 5 and p.shape[1] > 1 and p[0, 0].numel() > 1]
    assert weights
    assert all(weight.is_contiguous(memory_format=torch.channels_last_3d) for weight in weights)
    found = teacher(data.to(memory_format=torch.channels_last_3d)).logits
    for a, b in zip(found, load_teacher(folder, folds=0, mirroring=True)(data).logits, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-4)


def test_the_digest_tells_weights_apart_and_nothing_else(folder: Path, teacher: Teacher, data: torch.Tensor) -> None:
    digest = teacher.digest()
    teacher(data)
    assert teacher.digest() == digest == load_teacher(folder, folds=0, channels_last=True).digest()
    others = {load_teacher(folder, folds=1).digest(), load_teacher(folder, folds=(0, 1)).digest()}
    assert len(others | {digest}) == 3
    assert len(digest) == 64


def test_the_smallest_change_is_noticed(teacher: Teacher) -> None:
    teacher.prove_unchanged()
    weight = next(teacher.network.parameters())
    with torch.no_grad():
        value = weight.view(-1)[7]
        value.copy_(torch.nextafter(value, torch.tensor(1e9)))
    with pytest.raises(TeacherError, match="other weights"):
        teacher.prove_unchanged()


def test_training_mode_and_gradients_are_noticed(teacher: Teacher) -> None:
    teacher.network.train()
    with pytest.raises(TeacherError, match="training mode"):
        teacher.prove_unchanged()
    teacher.network.eval()
    next(teacher.network.parameters()).requires_grad_(True)
    with pytest.raises(TeacherError, match="gradients"):
        teacher.prove_unchanged()


def test_running_statistics_count_as_weights(tmp_path: Path) -> None:
    """A teacher with batch norm that was left in training mode changes without any optimiser."""
    path = write_model_folder(tmp_path)
    teacher = load_teacher(path)
    teacher.network.register_buffer("running_mean", torch.zeros(3))
    changed = Teacher(teacher.networks, teacher.plan, plans=teacher.plans, dataset=teacher.dataset, source=teacher.source)
    changed.network.get_buffer("running_mean").add_(1)
    with pytest.raises(TeacherError, match="other weights"):
        changed.prove_unchanged()
