"""Training with stored soft labels: as with a live teacher, moved like the image, without running the teacher."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms
from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader
from typer.testing import CliRunner

from kdseg.errors import Cancelled, ConfigurationError, TeacherError, TrainingDataError
from kdseg_testing.small_runs import small_run
from kdseg_testing.training_runs import assert_same, final, make_trainer, run
from kdseg_training.cli import app
from kdseg_training.distillation.config import read_config
from kdseg_training.distillation.preprocessed import open_cases
from kdseg_training.distillation.soft_labels.folder import SoftLabelFolder
from kdseg_training.distillation.soft_labels.reading import SoftLabels, SoftLabelScheme
from kdseg_training.distillation.soft_labels.run import write_for_run
from kdseg_training.distillation.soft_labels.signals import CARRIED, CachedTeacher
from kdseg_training.distillation.soft_labels.writing import CaseGroup, write_soft_labels
from kdseg_training.distillation.teacher import Teacher, load_teacher
from kdseg_training.distillation.training.companions import CompanionDataset, CompanionTransforms
from kdseg_training.distillation.training.family import FamilyTraining
from kdseg_training.distillation.training.randomness import seed_everything
from kdseg_training.distillation.training.step import DeviceBatch

PATCH = (8, 8, 8)
FLOOR = 1e-4


@pytest.fixture
def preprocessed(dataset) -> Path:
    return dataset.preprocessed / "nnUNetPlans_3d_fullres"


def stored(folder: Path, preprocessed: Path, predict, *, regions: bool = False, cases=("case_0", "case_1")) -> SoftLabels:
    """Store what ``predict`` says about the images."""
    place = SoftLabelFolder(folder, {"teacher": "x", "floor": FLOOR})
    place.claim({})
    write_soft_labels(place, [CaseGroup("labelled", preprocessed, cases)], predict, regions=regions, channels=1)
    return SoftLabels(place, SoftLabelScheme(3, regions))


def some_logits(image: np.ndarray) -> np.ndarray:
    return np.stack([image[0], -image[0], 0.5 * image[0] - 1])


def batch_of(preprocessed: Path, signals: CachedTeacher, transforms, label_manager, *, seed: int, size=PATCH) -> DeviceBatch:
    """Return a batch of one sample with its carried soft labels, through nnU-Net's own loader."""
    (companion,) = signals.companions.values()
    dataset = CompanionDataset(open_cases(preprocessed, ["case_0", "case_1"]), signals.companions)
    moved = CompanionTransforms(transforms, companion.channels)
    loader = nnUNetDataLoader(dataset, 1, size, PATCH, label_manager, 0.0, None, None, transforms=moved)
    seed_everything(seed)
    batch = loader.generate_train_batch()
    data = batch["data"]
    carried = {CARRIED: data[:, -companion.channels :]}
    return DeviceBatch(data[:, : -companion.channels], [batch["target"]], carried, list(batch["keys"]))


@pytest.fixture(scope="module")
def trainer(dataset, teacher_folder: Path, tmp_path_factory):
    config = small_run(dataset, teacher_folder, tmp_path_factory.mktemp("trainer"))
    return make_trainer(config)


@pytest.mark.parametrize("regions", [False, True])
def test_without_augmentation_stored_equals_live_up_to_the_quantisation(
    trainer, teacher_folder: Path, preprocessed: Path, tmp_path: Path, regions: bool
) -> None:
    """The teacher's patch logits, put into a volume, come back with each crop: log odds to half a step."""
    teacher = load_teacher(teacher_folder, folds=0)
    network = {
        case: torch.from_numpy(np.array(open_cases(preprocessed, [case]).load_case(case)[0][:]))
        for case in ("case_0", "case_1")
    }
    whole = {
        case: teacher(torch.nn.functional.pad(image[None], (0, 4, 0, 0, 0, 2)), all_heads=False).logits[0]
        for case, image in network.items()
    }
    shape = next(iter(network.values())).shape[1:]

    def live(image: np.ndarray) -> np.ndarray:
        (case,) = (name for name, known in network.items() if np.array_equal(known.numpy(), image))
        return whole[case][0, :, : shape[0], : shape[1], : shape[2]].numpy()

    signals = CachedTeacher(teacher, stored(tmp_path, preprocessed, live, regions=regions))
    for seed in range(6):
        batch = batch_of(preprocessed, signals, ComposeTransforms([]), trainer.label_manager, seed=seed)
        outputs = signals(batch, ())
        place = find(batch.data[0], network[batch.keys[0]])
        wanted = whole[batch.keys[0]][(slice(None), slice(None), *place)]
        assert outputs.mask is not None
        assert (outputs.mask == 1).all()
        for temperature in (1, 2):
            form = torch.sigmoid if regions else lambda z: torch.softmax(z, dim=1)
            error = (form(outputs.logits[0] / temperature) - form(wanted / temperature)).abs().max()
            assert float(error) < 0.006
        assert torch.equal(outputs.logits[0].argmax(dim=1), wanted.argmax(dim=1)) or regions


def find(patch: torch.Tensor, image: torch.Tensor) -> tuple[slice, ...]:
    """Return where a patch was cut from an image."""
    windows = image[0].unfold(0, 8, 1).unfold(1, 8, 1).unfold(2, 8, 1)
    places = torch.nonzero((windows == patch[0]).flatten(3).all(dim=3))
    assert len(places) == 1
    return tuple(slice(int(first), int(first) + 8) for first in places[0])


@pytest.mark.parametrize("seed", range(4))
def test_mirrored_soft_labels_are_the_mirrored_ones(
    trainer, teacher_folder, preprocessed: Path, tmp_path: Path, seed: int
) -> None:
    signals = CachedTeacher(load_teacher(teacher_folder, folds=0), stored(tmp_path, preprocessed, some_logits))
    plain = batch_of(preprocessed, signals, ComposeTransforms([]), trainer.label_manager, seed=seed)
    mirrored = batch_of(preprocessed, signals, MirrorTransform((0, 2)), trainer.label_manager, seed=seed)
    axes = next(axes for axes in ((), (2,), (4,), (2, 4)) if torch.equal(torch.flip(plain.data, axes), mirrored.data))
    for a, b in zip(signals(plain, ()).logits, signals(mirrored, ()).logits, strict=True):
        assert torch.equal(torch.flip(a, axes), b)


def rotation(angles: tuple[float, float, float], *, scale: float = 1.0) -> SpatialTransform:
    return SpatialTransform(
        PATCH,
        0,
        random_crop=False,
        p_rotation=1,
        rotation=lambda image, dim: angles[dim],
        p_scaling=1,
        scaling=(scale, scale),
        p_synchronize_scaling_across_axes=1,
        border_mode_seg="constant",
        padding_value_seg=-1,
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_quarter_turn_turns_them_by_a_quarter(trainer, teacher_folder, preprocessed: Path, tmp_path: Path, axis: int) -> None:
    signals = CachedTeacher(load_teacher(teacher_folder, folds=0), stored(tmp_path, preprocessed, some_logits))
    angles = [0.0, 0.0, 0.0]
    angles[axis] = np.pi / 2
    plain = batch_of(preprocessed, signals, ComposeTransforms([]), trainer.label_manager, seed=1)
    turned = batch_of(preprocessed, signals, rotation(tuple(angles)), trainer.label_manager, seed=1)
    plane = [number + 2 for number in range(3) if number != axis]
    turn = next(k for k in (1, 3) if torch.allclose(torch.rot90(plain.data, k, plane), turned.data, atol=1e-4))
    wanted = torch.softmax(torch.rot90(signals(plain, ()).logits[0], turn, plane), dim=1)
    assert torch.allclose(torch.softmax(signals(turned, ()).logits[0], dim=1), wanted, atol=1e-4)


@pytest.mark.parametrize(("angles", "scale"), [((0.3, -0.2, 0.5), 1.0), ((0.0, 0.0, 0.0), 1.3), ((0.1, 0.4, 0.0), 0.8)])
def test_they_are_interpolated_like_an_image_of_them(
    trainer, teacher_folder, preprocessed: Path, tmp_path: Path, angles, scale: float
) -> None:
    """An image that *is* the probability of channel 1 stays that probability, weighed with what is known."""
    images = tmp_path / "images"
    images.mkdir()
    for path in preprocessed.glob("case_[01]*"):
        (images / path.name).write_bytes(path.read_bytes())
    labels = stored(tmp_path / "soft", preprocessed, some_logits)
    import blosc2

    for case in ("case_0", "case_1"):
        (images / f"{case}.b2nd").unlink()
        probabilities = labels.case("labelled", case)[(slice(1, 2), *(slice(None),) * 3)]
        blosc2.asarray(np.ascontiguousarray(probabilities), urlpath=str(images / f"{case}.b2nd"))
    signals = CachedTeacher(load_teacher(teacher_folder, folds=0), labels)
    for seed in range(4):
        batch = batch_of(images, signals, rotation(angles, scale=scale), trainer.label_manager, seed=seed, size=(12, 12, 12))
        outputs = signals(batch, ())
        known = outputs.mask
        assert known is not None
        share = torch.softmax(outputs.logits[0], dim=1)[:, 1:2]
        assert torch.allclose(share * known, batch.data, atol=1e-5)
        assert float(known.min()) >= 0
        assert float(known.max()) <= 1 + 1e-6
        sure = known > 1e-3
        assert torch.allclose(torch.softmax(outputs.logits[0], dim=1).sum(dim=1, keepdim=True)[sure], known.new_ones(()))


def test_regions_are_divided_by_what_is_known(teacher_folder: Path, preprocessed: Path, tmp_path: Path) -> None:
    labels = stored(tmp_path, preprocessed, some_logits, regions=True)
    signals = CachedTeacher(load_teacher(teacher_folder, folds=0), labels)
    share, known = torch.tensor([0.9, 0.2, 0.5]), torch.tensor([1.0, 0.25, 0.0])
    carried = torch.cat([share[:, None] * known, known[None]]).reshape(1, 4, 1, 1, 3)
    outputs = signals(DeviceBatch(torch.zeros(1, 1, 1, 1, 3), None, {CARRIED: carried}, ["a"]), ())
    assert torch.allclose(
        torch.sigmoid(outputs.logits[0])[..., :2], share.reshape(1, 3, 1, 1, 1).expand(1, 3, 1, 1, 2), atol=1e-6
    )
    assert outputs.mask is not None
    assert outputs.mask.flatten().tolist() == known.tolist()
    assert torch.isfinite(outputs.logits[0]).all()


def with_store(dataset, teacher_folder: Path, folder: Path, name: str = "results", **changes):
    teacher = {"soft_labels": {"folder": folder / "soft"}, "mirroring": True, **changes.pop("teacher", {})}
    return small_run(dataset, teacher_folder, folder / name, teacher=teacher, **changes)


def test_image_and_labels_are_the_same_with_and_without_the_store(dataset, teacher_folder: Path, tmp_path: Path) -> None:
    config = with_store(dataset, teacher_folder, tmp_path)
    write_for_run(config)
    cached, live = make_trainer(config), make_trainer(small_run(dataset, teacher_folder, tmp_path / "live"))
    assert cached.settings.teacher is not None
    signals = CachedTeacher(cached.settings.teacher, cached.settings.extras.soft_labels)
    ours, theirs = cached.make_batches(signals.companions), live.make_batches()
    for number in range(12):
        batch = ours["train", number]
        assert set(batch.pop("carried")) == {CARRIED}
        assert_same(batch, theirs["train", number])
    assert_same(ours["validation", 0], theirs["validation", 0])


def test_training_never_runs_the_teacher_and_resumes_to_the_same_bits(
    dataset, teacher_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    students = [{"name": "logits", "factor": 2, "method": "A"}, {"name": "plain", "factor": 2}]
    config = with_store(dataset, teacher_folder, tmp_path, students=students)
    with pytest.raises(TrainingDataError, match="There are no soft labels yet"):
        run(config)
    assert not (tmp_path / "results").exists()
    write_for_run(config)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the teacher ran")

    monkeypatch.setattr(Teacher, "__call__", never)
    whole = run(config)
    assert not torch.equal(*(next(iter(final(whole, i)["network_weights"].values())) for i in (0, 1)))
    other = config.model_copy(update={"results": tmp_path / "stopped"})
    asked = iter([False] * 3 + [True])
    with pytest.raises(Cancelled):
        run(other, stop=lambda: next(asked))
    resumed = run(other, mode="resume")
    for number in (0, 1):
        assert_same(final(resumed, number), final(whole, number))
    live = run(small_run(dataset, teacher_folder, tmp_path / "live", students=students[1:]))
    assert_same(final(live)["network_weights"], final(whole, 1)["network_weights"])


def test_a_changed_teacher_is_noticed(dataset, teacher_folder: Path, tmp_path: Path) -> None:
    config = with_store(dataset, teacher_folder, tmp_path)
    write_for_run(config)
    with pytest.raises(TrainingDataError, match="another teacher or other settings: mirroring_axes"):
        run(with_store(dataset, teacher_folder, tmp_path, teacher={"mirroring": False}))
    with pytest.raises(TrainingDataError, match="folds, teacher"):
        run(with_store(dataset, teacher_folder, tmp_path, teacher={"folds": [1], "allow_seen_validation": True}))
    trainer = make_trainer(config)

    def meddle() -> bool:
        next(trainer.settings.teacher.network.parameters()).data.add_(1e-6)
        return False

    with pytest.raises(TeacherError, match="changed during training"):
        FamilyTraining([trainer], stop=meddle).run()


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("{name: a, method: B}", ["a", "region_aware", "features"]),
        ("{name: a, losses: [{kind: kernel, stages: [encoder.stages.0]}]}", ["kernel", "features"]),
        ("{name: a, losses: [{kind: logits, heads: all}]}", ["logits", "all heads", "finest"]),
    ],
)
def test_losses_that_are_not_stored_are_refused_by_name(tmp_path: Path, student: str, words: list[str]) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(
        "dataset: Dataset001_X\nteacher: {model_folder: t, soft_labels: {folder: soft}}\n"
        f"students: [{{name: plain}}, {student}]\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        read_config(path)
    assert all(word in str(caught.value) for word in [*words, "teacher.soft_labels"])
    path.write_text(path.read_text().replace(student, "{name: a, method: A}"))
    config = read_config(path)
    assert config.teacher is not None
    assert config.teacher.soft_labels is not None
    assert config.teacher.soft_labels.folder == tmp_path / "soft"


def test_the_command_prints_size_and_error_and_continues(dataset, teacher_folder: Path, tmp_path: Path) -> None:
    config = with_store(dataset, teacher_folder, tmp_path)
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude_none=True)))
    result = CliRunner().invoke(app, ["soft-labels", str(path)])
    assert result.exit_code == 0, result.output
    for words in ("2 cases computed, 0 were there already", "MB of float32", "uncertain", "0 winners changed", "temperature 1"):
        assert words in result.output
    again = CliRunner().invoke(app, ["soft-labels", str(path), "--json"])
    told = json.loads(again.output)
    assert (told["new"], told["skipped"], told["changed"]) == (0, 2, 0)
    assert 0 < told["largest_error"] < 0.01
    index = json.loads((tmp_path / "soft" / "soft_labels.json").read_text())
    assert index["information"]["data_set"] == dataset.preprocessed.name
    assert index["origin"]["mirroring_axes"] == [0, 1, 2]


def test_the_command_says_what_is_missing(dataset, teacher_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    config = small_run(dataset, teacher_folder, tmp_path / "results")
    path.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude_none=True)))
    result = CliRunner().invoke(app, ["soft-labels", str(path)])
    assert result.exit_code == ConfigurationError.exit_code
    assert "teacher.soft_labels" in result.output


@pytest.mark.parametrize("workers", [0, 1])
def test_damaged_soft_labels_are_told_with_all_fields(dataset, teacher_folder: Path, tmp_path: Path, workers: int) -> None:
    config = with_store(dataset, teacher_folder, tmp_path, workers=workers)
    write_for_run(config)
    files = list((tmp_path / "soft").rglob("*.npz"))
    for path in files:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 255
        path.write_bytes(bytes(content))
    with pytest.raises(TrainingDataError) as caught:
        run(config)
    assert caught.value.problem == "The soft labels of this case are damaged."
    assert caught.value.path in map(str, files)
    assert "Run kdseg-training soft-labels again" in caught.value.remedy
    assert "Traceback" not in str(caught.value)


def test_an_image_that_is_damaged_is_named_when_its_soft_labels_are_checked(preprocessed: Path, tmp_path: Path) -> None:
    soft_labels = stored(tmp_path / "soft", preprocessed, some_logits, cases=["case_0"])
    cases = tmp_path / "cases"
    shutil.copytree(preprocessed, cases)
    (cases / "case_0.pkl").write_bytes(b"hello world")
    with pytest.raises(TrainingDataError, match="case case_0 cannot be read") as caught:
        soft_labels.check("labelled", open_cases(cases, ["case_0"]), ["case_0"])
    assert caught.value.path == str(cases)
