"""The teacher over whole volumes: nnU-Net's own prediction, resumed, and checked against teacher and images."""

from __future__ import annotations

import json
from pathlib import Path

import blosc2
import numpy as np
import pytest
import torch

from kdseg.errors import Cancelled, TeacherError, TrainingDataError
from kdseg_training.distillation.extras_config import SoftLabelSettings
from kdseg_training.distillation.preprocessed import image_fingerprint, list_cases, open_cases
from kdseg_training.distillation.soft_labels.encoding import encode
from kdseg_training.distillation.soft_labels.folder import INDEX, SoftLabelFolder, origin_of
from kdseg_training.distillation.soft_labels.prediction import WholeVolumes
from kdseg_training.distillation.soft_labels.reading import SoftLabelCompanion, SoftLabels, SoftLabelScheme
from kdseg_training.distillation.soft_labels.storage import read_case
from kdseg_training.distillation.soft_labels.writing import CaseGroup, confidence, write_soft_labels
from kdseg_training.distillation.teacher import load_teacher

CASES = ["case_0", "case_1"]


@pytest.fixture(scope="module")
def preprocessed(dataset) -> Path:
    return dataset.preprocessed / "nnUNetPlans_3d_fullres"


@pytest.fixture
def folder(tmp_path: Path) -> SoftLabelFolder:
    folder = SoftLabelFolder(tmp_path / "soft", {"teacher": "t" * 64, "floor": 1e-3})
    folder.claim({})
    return folder


def logits_of(image: np.ndarray) -> np.ndarray:
    """Stands for the teacher: three channels from the image."""
    return np.stack([image[0], -image[0], 0.5 * image[0] - 1]).astype(np.float16)


def write(folder: SoftLabelFolder, preprocessed: Path, predict=logits_of, cases=CASES, **options):
    group = CaseGroup("labelled", preprocessed, cases)
    return write_soft_labels(folder, [group], predict, regions=False, channels=1, **options)


@pytest.mark.parametrize(("folds", "mirroring"), [((0,), False), ((0, 1), True)])
def test_whole_volumes_are_predicted_as_nnunet_does(teacher_folder: Path, preprocessed: Path, folds, mirroring: bool) -> None:
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

    stock = nnUNetPredictor(
        perform_everything_on_device=False, device=torch.device("cpu"), allow_tqdm=False, use_mirroring=mirroring
    )
    stock.initialize_from_trained_model_folder(str(teacher_folder), use_folds=folds)
    teacher = load_teacher(teacher_folder, folds=folds, mirroring=mirroring)
    predict = WholeVolumes(teacher, torch.device("cpu"))
    image = np.array(open_cases(preprocessed, CASES).load_case("case_0")[0][:, :10, :12])
    wanted = stock.predict_logits_from_preprocessed_data(torch.from_numpy(image)).numpy()
    assert np.array_equal(predict(image), wanted)
    assert wanted.shape == (3, 10, 12, 12)
    teacher.prove_unchanged()


def test_what_is_done_is_skipped_and_what_is_damaged_is_renewed(folder, preprocessed: Path) -> None:
    first = write(folder, preprocessed)
    assert (first.new, first.skipped) == (2, 0)
    before = {case: folder.file("labelled", case).read_bytes() for case in CASES}
    folder.file("labelled", "case_1").write_bytes(before["case_1"][:-20])
    asked = []

    def predict(image: np.ndarray) -> np.ndarray:
        asked.append(image.shape)
        return logits_of(image)

    again = write(folder, preprocessed, predict)
    assert (again.new, again.skipped, len(asked)) == (1, 1, 1)
    assert {case: folder.file("labelled", case).read_bytes() for case in CASES} == before
    assert again.fidelity == first.fidelity
    assert first.fidelity.file_bytes == sum(len(content) for content in before.values())
    assert first.fidelity.changed == 0


def test_a_stopped_run_keeps_what_is_done(folder, preprocessed: Path) -> None:
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        write(folder, preprocessed, stop=lambda: next(asked))
    assert write(folder, preprocessed).skipped == 1


def test_soft_labels_of_a_changed_image_are_written_again(folder, preprocessed: Path, tmp_path: Path) -> None:
    write(folder, preprocessed)
    changed = tmp_path / "changed"
    changed.mkdir()
    for path in preprocessed.iterdir():
        (changed / path.name).write_bytes(path.read_bytes())
    image = np.array(open_cases(preprocessed, CASES).load_case("case_0")[0][:])
    image[0, image.shape[1] // 2] += 1
    (changed / "case_0.b2nd").unlink()
    blosc2.asarray(image, urlpath=str(changed / "case_0.b2nd"))
    labels = SoftLabels(folder, SoftLabelScheme(3, False))
    with pytest.raises(TrainingDataError, match="case_0: other image"):
        labels.check("labelled", open_cases(changed, CASES), CASES)
    assert write(folder, changed).new == 1
    assert set(labels.check("labelled", open_cases(changed, CASES), CASES)) == set(CASES)


def test_cases_and_folder_are_checked(folder, preprocessed: Path) -> None:
    write(folder, preprocessed, cases=CASES[:1])
    dataset = open_cases(preprocessed, CASES)
    labels = SoftLabels(folder, SoftLabelScheme(3, False))
    with pytest.raises(TrainingDataError, match=r"1 missing: case_1.*soft-labels"):
        labels.check("labelled", dataset, CASES)
    folder.file("labelled", "case_1").write_bytes(folder.file("labelled", "case_0").read_bytes())
    with pytest.raises(TrainingDataError, match="other case, image"):
        labels.check("labelled", dataset, CASES)
    other = SoftLabelFolder(folder.path, {"teacher": "u" * 64, "floor": 1e-3})
    for check in (other.check, lambda: other.claim({})):
        with pytest.raises(TrainingDataError, match=r"another teacher or other settings: teacher.*uuu.*ttt"):
            check()
    with pytest.raises(TrainingDataError, match="There are no soft labels yet"):
        SoftLabelFolder(folder.path.parent / "none", {}).check()
    with pytest.raises(TrainingDataError, match="other teacher and settings"):
        SoftLabels(other, SoftLabelScheme(3, False)).check("labelled", dataset, CASES[:1])
    for wrong in (SoftLabels(folder, SoftLabelScheme(4, False)), SoftLabels(other, SoftLabelScheme(3, False))):
        with pytest.raises(TrainingDataError, match="another teacher, or of other labels"):
            wrong.case("labelled", "case_0")


def test_the_origin_names_all_that_decides(teacher_folder: Path) -> None:
    settings = SoftLabelSettings(folder=Path("x"))
    origins = [
        origin_of(load_teacher(teacher_folder, folds=0), settings),
        origin_of(load_teacher(teacher_folder, folds=1), settings),
        origin_of(load_teacher(teacher_folder, folds=0, mirroring=True), settings),
        origin_of(load_teacher(teacher_folder, folds=0), SoftLabelSettings(folder=Path("x"), floor=0.01)),
        origin_of(load_teacher(teacher_folder, folds=0), SoftLabelSettings(folder=Path("x"), tile_step=0.75)),
    ]
    assert len({json.dumps(origin, sort_keys=True) for origin in origins}) == len(origins)
    assert origin_of(load_teacher(teacher_folder, folds=0), SoftLabelSettings(folder=Path("y"))) == origins[0]


def test_logits_that_are_no_numbers_are_refused(folder, preprocessed: Path) -> None:
    with pytest.raises(TeacherError, match="case_0"):
        write(folder, preprocessed, lambda image: np.full((3, *image.shape[1:]), np.nan, np.float16))
    assert not folder.file("labelled", "case_0").exists()


def test_the_header_tells_teacher_and_confidence(folder, preprocessed: Path) -> None:
    write(folder, preprocessed)
    header = read_case(folder.file("labelled", "case_0"))[1]
    image = np.asarray(open_cases(preprocessed, CASES).load_case("case_0")[0][:])
    assert (header["case"], header["teacher"]) == ("case_0", "t" * 64)
    assert (header["image"], header["shape"]) == (image_fingerprint(image), list(image.shape[1:]))
    shares = torch.softmax(torch.from_numpy(logits_of(image)).double(), dim=0)
    top, winner = shares.max(dim=0)
    assert header["confidence"] == pytest.approx(float(top[winner > 0].mean()), rel=1e-5)
    assert json.loads((folder.path / INDEX).read_text())["origin"]["teacher"] == "t" * 64


def test_confidence_of_regions_and_of_nothing() -> None:
    z = np.array([[2.0, -1.0], [-3.0, -4.0]], np.float32).reshape(2, 1, 1, 2)
    assert confidence(z, regions=True) == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert confidence(-np.abs(z), regions=True) == 0
    assert confidence(np.array([5.0, 0.0], np.float32).reshape(2, 1, 1, 1), regions=False) == 0


def test_what_was_read_last_is_kept_within_a_limit(folder, preprocessed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import kdseg_training.distillation.soft_labels.reading as reading

    write(folder, preprocessed, cases=list_cases(preprocessed))
    read = []
    original = reading.read_case
    monkeypatch.setattr(reading, "read_case", lambda path: (read.append(path.stem), original(path))[1])
    for size, wanted in ((2**30, ["case_0", "case_1"]), (1, ["case_0", "case_1", "case_0"])):
        read.clear()
        companion = SoftLabelCompanion(SoftLabels(folder, SoftLabelScheme(3, False), cache_bytes=size))
        for case in ("case_0", "case_0", "case_1", "case_0"):
            companion.load(case)
        assert read == wanted


def test_a_case_shows_its_probabilities_and_a_channel_of_ones(folder, preprocessed: Path) -> None:
    write(folder, preprocessed)
    stored = SoftLabelCompanion(SoftLabels(folder, SoftLabelScheme(3, False))).load("case_0")
    image = np.asarray(open_cases(preprocessed, CASES).load_case("case_0")[0][:])
    assert stored.shape == (4, *image.shape[1:])
    box = (slice(None), slice(1, 4), slice(0, 16), slice(5, 6))
    wanted = torch.softmax(torch.from_numpy(logits_of(image)).float(), dim=0).numpy()[box]
    assert stored[box][:3] == pytest.approx(wanted, abs=0.006)
    assert (stored[box][3] == 1).all()
    sparse = encode(logits_of(image), regions=False, floor=1e-3)
    assert len(sparse.positions) > 0
