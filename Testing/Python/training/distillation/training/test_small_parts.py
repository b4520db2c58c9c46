"""Averages, records, displays and costs, by hand."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from kdseg_training.distillation.training import display
from kdseg_training.distillation.training.averaging import WeightAverage
from kdseg_training.distillation.training.checkpoints import differences
from kdseg_training.distillation.training.cost import Cost
from kdseg_training.distillation.training.curves import draw_curves
from kdseg_training.distillation.training.history import EpochRecord, Tally, write_csv
from kdseg_training.distillation.training.precision import memory_format
from kdseg_training.distillation.training.snapshot import nnunet_logging


def record(epoch: int = 0, **changes) -> EpochRecord:
    values = {
        "epoch": epoch,
        "step": 3 * (epoch + 1),
        "learning_rate": 0.01,
        "losses": {"total": 1.5, "segmentation": 1.0, "logits": 0.5},
        "validation_loss": 0.9,
        "pseudo_dice": {"A": 0.25, "B": float("nan")},
        "mean_pseudo_dice": 0.25,
        "seconds": {"epoch": 2.0},
    }
    return EpochRecord(**{**values, **changes})


def test_the_average_by_hand() -> None:
    """The decay starts at (1 + n) / (10 + n): 2/11, then 3/12."""
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, 1.0)
    average = WeightAverage(layer, 0.999)
    expected = 1.0
    for step, value in enumerate((2.0, 5.0), start=1):
        torch.nn.init.constant_(layer.weight, value)
        average.update()
        decay = (1 + step) / (10 + step)
        expected = decay * expected + (1 - decay) * value
    assert float(average.weights()["weight"]) == pytest.approx(expected)
    with average.applied():
        assert layer.weight.item() == pytest.approx(expected)
    assert layer.weight.item() == 5.0


def test_the_average_never_decays_slower_than_asked() -> None:
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, 0.0)
    average = WeightAverage(layer, 0.5)
    for _ in range(20):
        average.update()
    torch.nn.init.constant_(layer.weight, 1.0)
    average.update()
    assert float(average.weights()["weight"]) == pytest.approx(0.5)


def test_an_average_of_another_network_is_refused() -> None:
    average = WeightAverage(torch.nn.Linear(1, 1), 0.5)
    with pytest.raises(ValueError, match="another network"):
        average.restore({"updates": 1, "average": {"other": torch.zeros(1)}})


def test_a_part_that_is_absent_does_not_lower_its_mean() -> None:
    tally = Tally()
    tally.add_losses({"total": 1.0})
    tally.add_losses({"total": 3.0, "logits": 4.0})
    assert tally.mean_losses() == {"total": 2.0, "logits": 4.0}
    assert list(tally.mean_losses())[-1] == "total"


def test_the_table_has_a_column_for_every_part_that_ever_was(tmp_path: Path) -> None:
    first = record(losses={"total": 1.0})
    write_csv(tmp_path / "t.csv", [first, record(1)])
    lines = (tmp_path / "t.csv").read_text().splitlines()
    header = lines[0].split(",")
    assert header.count("loss_logits") == 1
    assert len(lines) == 3
    assert lines[1].split(",")[header.index("loss_logits")] == ""
    assert lines[2].split(",")[header.index("loss_logits")] == "0.5"
    assert EpochRecord.from_dict(first.as_dict()) == first


def test_curves_are_a_png_whatever_the_history(tmp_path: Path) -> None:
    for number, history in enumerate(([record()], [record(), record(1)], [record(pseudo_dice={}, losses={})], [])):
        draw_curves(tmp_path / f"{number}.png", "title", history)
        assert (tmp_path / f"{number}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_nnunets_logger_gets_one_value_for_each_epoch() -> None:
    logging = nnunet_logging([record(), record(1, mean_pseudo_dice=0.75)])
    assert {len(values) for values in logging.values()} == {2}
    assert logging["ema_fg_dice"] == pytest.approx([0.25, 0.9 * 0.25 + 0.1 * 0.75])
    assert logging["epoch_end_timestamps"] == [2.0, 4.0]
    from nnunetv2.training.logging.nnunet_logger import LocalLogger

    assert set(logging) == set(LocalLogger().my_fantastic_logging)


def test_what_together_saves_by_hand() -> None:
    """Data 1 s, teacher 4 s, students 2 s and 3 s: together 10 s; one by one (1 + 2) + (1 + 4 + 3) = 11 s."""
    cost = Cost()
    arms = [SimpleNamespace(name="plain"), SimpleNamespace(name="taught")]
    for name, seconds in (("data", 1.0), ("teacher", 4.0), ("plain", 2.0), ("taught", 3.0)):
        cost.add(name, seconds)
    cost.count(arms, arms[1:])
    assert (cost.together, cost.separate) == (10.0, 11.0)
    assert cost.lines()[-1] == "one by one, from the same measurements: 11.0 s; together is 91% of that"
    assert Cost().lines() == []


def test_one_arm_has_nothing_to_compare() -> None:
    cost = Cost()
    cost.add("data", 1.0)
    cost.add("plain", 1.0)
    cost.count([SimpleNamespace(name="plain")], [])
    assert not any("one by one" in line for line in cost.lines())


def test_plain_lines_tell_where_the_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 30.0, 70.0, 80.0])
    monkeypatch.setattr(display.time, "monotonic", lambda: next(now))
    lines: list[str] = []
    shown = display.PlainLines(lines.append)
    shown.begin(["a"], 0, 100)
    shown.step(5, {"a": 1.0})
    shown.step(10, {"a": 0.5})
    shown.step(11, {"a": 0.4})
    assert lines == ["a: training starts, 100 steps in all", "step 10 of 100, about 10 min left; a loss 0.5000"]


def test_an_epoch_in_one_line() -> None:
    line = display.epoch_line("a", record())
    assert line.startswith(
        "a epoch 1: loss total 1.5000, segmentation 1.0000, logits 0.5000; validation 0.9000; pseudo Dice 0.2500"
    )
    plain = display.epoch_line("a", record(losses={"total": 1.0, "segmentation": 1.0}))
    assert "loss 1.0000;" in plain


@pytest.mark.parametrize(("seconds", "words"), [(5, "5 s"), (600, "10 min"), (7200, "2.0 h")])
def test_durations(seconds: float, words: str) -> None:
    assert display.duration(seconds) == words


def test_the_live_bar_runs_from_begin_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    out = io.StringIO()
    monkeypatch.setattr("rich._console", Console(file=out, force_terminal=True, width=160))
    bar = display.choose_display(print, terminal=True)
    bar.begin(["a", "b"], 2, 10)
    bar.step(5, {"a": 1.25, "b": float("nan")})
    bar.epoch("a", record())
    bar.end()
    assert "5/10" in out.getvalue()
    assert "1.2500" in out.getvalue()
    assert "a epoch 1" in out.getvalue()
    assert isinstance(display.choose_display(print, terminal=False), display.PlainLines)


def test_settings_that_differ_are_named_with_both_values() -> None:
    assert differences({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 4, "d": 3}, "e": 5}) == [
        "b.c: 2 -> 4",
        "e: None -> 5",
    ]


def test_layouts() -> None:
    assert memory_format(3, True) is torch.channels_last_3d
    assert memory_format(2, True) is torch.channels_last
    assert memory_format(3, False) is torch.contiguous_format
