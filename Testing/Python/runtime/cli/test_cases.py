"""Which images belong together, and where results go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kdseg.cli.cases import Case, find_cases, plan_outputs, refuse_existing, stem_of
from kdseg.errors import ChannelError, InputError, OutputError


@pytest.fixture
def files(tmp_path):
    """Make empty files and return the folder."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


def names_of(cases):
    return [(c.name, [p.name for p in c.paths]) for c in cases]


@pytest.mark.parametrize("name", ["a.b.nii.gz", "a.b.NII.GZ", "a.b.nii", "a.b.nrrd", "a.b.mha", "a.b"])
def test_the_name_of_a_case_is_without_the_suffix(name):
    assert stem_of(Path("folder") / name) == "a.b"


def test_files_are_cases(files):
    folder = files("b.nii.gz", "a.nrrd")
    cases = find_cases([str(folder / "b.nii.gz"), str(folder / "a.nrrd")], 1)
    assert names_of(cases) == [("b", ["b.nii.gz"]), ("a", ["a.nrrd"])]


def test_a_folder_of_images_means_all_of_them_but_not_results(files):
    folder = files("a.nii.gz", "b.nrrd", "c.mha", "a.seg.nrrd", "b.seg.nii.gz", "a.report.json", "a.png", ".kdseg-x-a.nii.gz")
    assert names_of(find_cases([str(folder)], 1)) == [("a", ["a.nii.gz"]), ("b", ["b.nrrd"]), ("c", ["c.mha"])]


def test_a_folder_without_images_is_a_dicom_series(files):
    folder = files("series/IM0001", "series/IM0002.dcm")
    assert names_of(find_cases([str(folder / "series")], 1)) == [("series", ["series"])]


def test_an_empty_folder_is_refused(files):
    folder = files("patient/series/IM0001")
    with pytest.raises(InputError, match="no image and no DICOM") as caught:
        find_cases([str(folder / "patient")], 1)
    assert "series itself" in caught.value.remedy


def test_a_missing_file_is_refused():
    with pytest.raises(InputError, match=r"missing\.nii"):
        find_cases(["missing.nii"], 1)


def test_commas_join_the_channels_of_a_case(files):
    folder = files("t1.nii.gz", "t2.nii.gz")
    cases = find_cases([f"{folder}/t1.nii.gz,{folder}/t2.nii.gz"], 2)
    assert names_of(cases) == [("t1", ["t1.nii.gz", "t2.nii.gz"])]


def test_a_comma_in_a_file_name_is_no_separator(files):
    folder = files("left, right.nii.gz")
    assert names_of(find_cases([str(folder / "left, right.nii.gz")], 1)) == [("left, right", ["left, right.nii.gz"])]


@pytest.mark.parametrize(("channels", "words"), [(2, "a.nii.gz"), (1, "a.nii.gz,b.nii.gz"), (3, "a.nii.gz,b.nii.gz")])
def test_the_number_of_channels_must_fit(files, monkeypatch, channels, words):
    monkeypatch.chdir(files("a.nii.gz", "b.nii.gz"))
    with pytest.raises(ChannelError) as caught:
        find_cases([words], channels)
    assert caught.value.expected == f"{channels} file(s)"


def test_a_folder_follows_nnunets_names(files):
    folder = files("p1_0000.nii.gz", "p1_0001.nii.gz", "p2_0001.nii.gz", "p2_0000.nii.gz")
    assert names_of(find_cases([str(folder)], 2)) == [
        ("p1", ["p1_0000.nii.gz", "p1_0001.nii.gz"]),
        ("p2", ["p2_0000.nii.gz", "p2_0001.nii.gz"]),
    ]


@pytest.mark.parametrize("names", [["p_0000.nii.gz"], ["p_0000.nii.gz", "p_0002.nii.gz"], ["p.nii.gz", "q.nii.gz"]])
def test_a_channel_that_is_missing_in_a_folder_is_noticed(files, names):
    with pytest.raises(ChannelError, match="not one file for each channel"):
        find_cases([str(files(*names))], 2)


def test_one_channel_keeps_numbered_names_apart(files):
    folder = files("scan_0000.nii.gz", "scan_0001.nii.gz")
    assert [c.name for c in find_cases([str(folder)], 1)] == ["scan_0000", "scan_0001"]


@pytest.mark.parametrize("whole_folder", [True, False])
def test_one_channel_drops_nnunets_mark_from_names(files, whole_folder):
    folder = files("p_1_0000.nii.gz", "p_10_0000.nii.gz", "q.nii.gz", "r_0000.nii.gz", "r.mha", "p_1_0000.seg.nrrd")
    given = [str(folder)] if whole_folder else [str(p) for p in sorted(folder.iterdir()) if "seg" not in p.name]
    found = {c.paths[0].name: c.name for c in find_cases(given, 1)}
    assert found == {
        "p_1_0000.nii.gz": "p_1",
        "p_10_0000.nii.gz": "p_10",
        "q.nii.gz": "q",
        "r_0000.nii.gz": "r_0000",
        "r.mha": "r",
    }


def test_a_folder_is_listed_once_for_all_its_files(files, monkeypatch):
    folder = files("a_0000.nii.gz", "b_0000.nii.gz", "c.nii.gz")
    listed, listing = [], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: listed.append(path) or listing(path))
    given = [str(folder / name) for name in ("a_0000.nii.gz", "b_0000.nii.gz", "c.nii.gz")]
    assert [c.name for c in find_cases(given, 1)] == ["a", "b", "c"]
    assert listed == [folder]


def test_a_file_whose_folder_may_not_be_listed_keeps_its_name(files, monkeypatch):
    folder = files("a_0000.nii.gz")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert [c.name for c in find_cases([str(folder / "a_0000.nii.gz")], 1)] == ["a_0000"]


def plans_of(*paths, out=None, **options):
    return plan_outputs([Case(stem_of(Path(p)), (Path(p),)) for p in paths], out, **options)


def test_without_out_the_result_lies_beside_the_image(tmp_path):
    (plan,) = plans_of(tmp_path / "a.nii.gz", report="", picture="")
    assert plan.outputs == (tmp_path / "a.seg.nrrd",)
    assert plan.report == tmp_path / "a.report.json"
    assert plan.picture == tmp_path / "a.png"


def test_beside_the_image_every_format_says_that_it_is_a_segmentation(tmp_path):
    (plan,) = plans_of(tmp_path / "a.nii.gz", formats=["nii.gz", "seg.nrrd", "nii.gz"])
    assert plan.outputs == (tmp_path / "a.seg.nii.gz", tmp_path / "a.seg.nrrd")


def test_a_dicom_folder_gets_its_result_beside_it(tmp_path):
    (plan,) = plans_of(tmp_path / "series")
    assert plan.outputs == (tmp_path / "series.seg.nrrd",)


@pytest.mark.parametrize("suffix", ["seg.nrrd", "nii.gz", "nii", "nrrd", "mha"])
def test_a_file_decides_the_format(tmp_path, suffix):
    (plan,) = plans_of("a.mha", out=str(tmp_path / f"x.{suffix}"), report="")
    assert plan.outputs == (tmp_path / f"x.{suffix}",)
    assert plan.report == tmp_path / "x.report.json"


def test_any_other_name_is_a_folder(tmp_path):
    plans = plans_of("a.mha", "b.nii", out=str(tmp_path / "results"), formats=["nii.gz"])
    assert [p.outputs for p in plans] == [(tmp_path / "results" / "a.nii.gz",), (tmp_path / "results" / "b.nii.gz",)]


@pytest.mark.parametrize("name", ["x.SEG.NRRD", "x.NII.GZ", "x.Mha"])
def test_capitals_in_a_suffix_do_not_matter(tmp_path, name):
    (plan,) = plans_of("a.mha", out=str(tmp_path / name), report="")
    assert plan.targets == (tmp_path / name, tmp_path / "x.report.json")


@pytest.mark.parametrize("name", ["x.txt", "s.mhd", "x.nii.bz2", "x.gz"])
def test_a_suffix_that_cannot_be_written_is_refused_with_those_that_can(tmp_path, name):
    with pytest.raises(OutputError, match="cannot be written in the format") as caught:
        plans_of("a.mha", out=str(tmp_path / name))
    assert ".seg.nrrd, .nii.gz, .nii, .nrrd, .mha" in caught.value.expected
    assert caught.value.found == Path(name).suffix and "slash" in caught.value.remedy


@pytest.mark.parametrize("name", [".seg.nrrd", ".nii.gz", ".NII", ".nrrd", ".mha"])
def test_a_suffix_without_a_name_is_refused(tmp_path, name):
    with pytest.raises(OutputError, match="no name, only a suffix") as caught:
        plans_of("a.mha", out=f"{tmp_path}/{name}")
    assert caught.value.expected.endswith(f"result{name.lower()}") and caught.value.found == name
    with pytest.raises(OutputError, match="no name, only a suffix"):
        plans_of("a.mha", out=name, report="")
    (plan,) = plans_of("a.mha", out=f"{tmp_path}/{name}/")
    assert plan.outputs == (tmp_path / name / "a.seg.nrrd",)


@pytest.mark.parametrize("name", ["v1.2/", ".hidden", "x.nii.gz/"])
def test_a_slash_or_no_suffix_means_a_folder(tmp_path, name):
    (plan,) = plans_of("a.mha", out=f"{tmp_path}/{name}")
    assert plan.outputs == (tmp_path / name / "a.seg.nrrd",)


def test_a_folder_that_exists_may_have_any_suffix(tmp_path):
    (tmp_path / "x.txt").mkdir()
    (plan,) = plans_of("a.mha", out=str(tmp_path / "x.txt"))
    assert plan.outputs == (tmp_path / "x.txt" / "a.seg.nrrd",)


@pytest.mark.parametrize("out", ["notes/", "scan.nii.gz/", "notes"])
def test_a_file_is_not_taken_for_a_folder(files, out):
    folder = files("notes", "scan.nii.gz")
    with pytest.raises(OutputError, match="This is a file"):
        plans_of("a.mha", out=f"{folder}/{out}")


def test_a_folder_may_be_named_like_a_file(tmp_path):
    folder = tmp_path / "scans.nii.gz"
    folder.mkdir()
    (plan,) = plans_of("a.mha", out=str(folder))
    assert plan.outputs == (folder / "a.seg.nrrd",)


@pytest.mark.parametrize("options", [{"out": "x.nii.gz"}, {"report": "r.json"}, {"picture": "p.png"}])
def test_one_file_for_several_cases_is_refused(options):
    with pytest.raises(OutputError, match="there are 2 cases"):
        plans_of("a.mha", "b.mha", **options)


def test_suffix_and_format_must_agree():
    with pytest.raises(OutputError, match="disagree"):
        plans_of("a.mha", out="x.nii.gz", formats=["nrrd"])


def test_an_input_is_never_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(OutputError, match="replace an input"):
        plans_of(tmp_path / "a.nii.gz", out=str(tmp_path / "link"), formats=["nii.gz"])


def test_results_do_not_go_into_a_dicom_series(tmp_path):
    (tmp_path / "series").mkdir()
    with pytest.raises(OutputError, match="DICOM series"):
        plans_of(tmp_path / "series", out=str(tmp_path / "series"))


def test_two_cases_never_share_a_result(tmp_path):
    with pytest.raises(OutputError, match=r"a\.seg\.nrrd.*Two results"):
        plans_of(tmp_path / "x" / "a.nii.gz", tmp_path / "y" / "a.mha", out=str(tmp_path / "out"))


def test_two_formats_never_share_a_result(tmp_path):
    with pytest.raises(OutputError, match="Two results"):
        plans_of(tmp_path / "a.mha", formats=["nrrd", "seg.nrrd"])


def test_existing_results_are_refused_with_their_number(tmp_path):
    plans = plans_of("a.mha", "b.mha", out=str(tmp_path))
    refuse_existing(plans)
    for plan in plans:
        plan.outputs[0].touch()
    with pytest.raises(OutputError, match="like 1 more") as caught:
        refuse_existing(plans)
    assert "--overwrite" in caught.value.remedy and "--skip-done" in caught.value.remedy


def test_results_that_the_next_run_would_take_for_images_are_refused(tmp_path):
    (tmp_path / "a_0000.nii.gz").write_bytes(b"image")
    folder = str(tmp_path)
    for out in (folder, str(tmp_path / "named.nii.gz")):
        with pytest.raises(OutputError, match="among the images"):
            plan_outputs(find_cases([folder], 1), out, ["nii.gz"], folders=[folder])
    (plan,) = plan_outputs(find_cases([folder], 1), folder, folders=[folder])
    assert plan.outputs == (tmp_path / "a.seg.nrrd",)
    (plan,) = plan_outputs(find_cases([folder], 1), None, ["nii.gz"], folders=[folder])
    assert plan.outputs == (tmp_path / "a.seg.nii.gz",)
    (plan,) = plan_outputs(find_cases([str(tmp_path / "a_0000.nii.gz")], 1), folder, ["nii.gz"])  # the next run names it again
    assert plan.outputs == (tmp_path / "a.nii.gz",)


def test_results_may_lie_beside_the_folder_of_a_series(tmp_path):
    series = tmp_path / "CT"
    series.mkdir()
    (series / "0001.dcm").write_bytes(b"slice")
    (plan,) = plan_outputs(find_cases([str(series)], 1), str(tmp_path), ["nii.gz"], folders=[str(series)])
    assert plan.outputs == (tmp_path / "CT.nii.gz",)


def test_a_folder_in_the_place_of_a_result_is_refused(tmp_path):
    (tmp_path / "a.seg.nrrd").mkdir()
    with pytest.raises(OutputError, match="folder has the name"):
        plans_of("a.mha", out=str(tmp_path))


def test_a_hard_link_to_an_input_is_never_replaced(tmp_path):
    (tmp_path / "a.mha").write_bytes(b"image")
    (tmp_path / "out").mkdir()
    os.link(tmp_path / "a.mha", tmp_path / "out" / "a.seg.nrrd")
    with pytest.raises(OutputError, match="replace an input"):
        plans_of(tmp_path / "a.mha", out=str(tmp_path / "out" / "a.seg.nrrd"))
