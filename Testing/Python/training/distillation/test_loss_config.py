"""The description of the losses: what is allowed, what is refused, and the published methods."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import ValidationError

from kdseg_training.distillation.loss_config import (
    AffinitySpec,
    ContextAwareSpec,
    DistillationSpec,
    KernelSpec,
    LogitsSpec,
    RegionAwareSpec,
    Schedule,
    SoftDiceSpec,
    method_losses,
    spec_name,
)
from kdseg_training.distillation.losses.schedules import ScheduleKind

FULL = """
method: A
losses:
  - {kind: soft_dice, weight: 0.5, heads: all, batch: true}
  - kind: region_aware
    weight: 0.01
    stages: [encoder.stages.0, encoder.stages.1]
    temperature: 0.7
    schedule: {kind: linear_warmup, share: 0.6}
  - {kind: context_aware, context: channel_affinity, stages: decoder}
  - {kind: affinity, gamma: 2, tokens_per_axis: 4}
  - {kind: kernel, kernel: gaussian, bandwidth: 0.5}
  - {kind: kernel, kernel: polynomial, degree: 3, name: cubic}
"""


def test_a_whole_file():
    spec = DistillationSpec.model_validate(yaml.safe_load(FULL))
    assert spec.specs == [
        LogitsSpec(),
        SoftDiceSpec(weight=0.5, heads="all", batch=True),
        RegionAwareSpec(
            weight=0.01,
            stages=["encoder.stages.0", "encoder.stages.1"],
            temperature=0.7,
            schedule=Schedule(kind="linear_warmup", share=0.6),
        ),
        ContextAwareSpec(context="channel_affinity", stages="decoder"),
        AffinitySpec(gamma=2, tokens_per_axis=4),
        KernelSpec(kernel="gaussian", bandwidth=0.5),
        KernelSpec(kernel="polynomial", degree=3, name="cubic"),
    ]
    assert [spec_name(s) for s in spec.specs] == [
        "logits",
        "soft_dice",
        "region_aware",
        "context_aware",
        "affinity",
        "kernel",
        "cubic",
    ]


def test_written_and_read_again():
    """As a checkpoint keeps it: with all defaults spelt out."""
    spec = DistillationSpec.model_validate(yaml.safe_load(FULL))
    assert DistillationSpec.model_validate(yaml.safe_load(yaml.safe_dump(spec.model_dump()))) == spec
    assert DistillationSpec.model_validate_json(spec.model_dump_json()) == spec


class TestMethods:
    def test_a(self):
        (logits,) = method_losses("A")
        assert (logits.kind, logits.temperature, logits.heads, logits.weight) == ("logits", 2.0, "finest", 1.0)

    def test_b(self):
        region, context = method_losses("B")
        for spec in (region, context):
            assert (spec.weight, spec.stages) == (0.01, "encoder")
            assert spec.decay == pytest.approx(3 * 0.4)
            assert [spec.schedule.factor(p) for p in (0, 0.3, 0.6, 1)] == pytest.approx([0, 0.5, 1, 1])
        assert region.temperature == 0.5
        assert context.context == "gc"

    def test_c(self):
        assert [(spec.kind, spec.weight) for spec in method_losses("C")] == [("logits", 1), ("kernel", 1000), ("affinity", 5)]

    def test_d(self):
        assert method_losses("D") == [SoftDiceSpec(weight=1.0, temperature=1.0, heads="finest")]

    def test_with_a_further_loss(self):
        spec = DistillationSpec.model_validate({"method": "B", "losses": [{"kind": "logits"}]})
        assert [s.kind for s in spec.specs] == ["region_aware", "context_aware", "logits"]


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ({"kind": "logits", "temprature": 2}, "Extra inputs are not permitted"),
        ({"kind": "logits", "weight": -1}, "greater than or equal to 0"),
        ({"kind": "logits", "weight": float("inf")}, "finite number"),
        ({"kind": "logits", "weight": "1"}, "valid number"),
        ({"kind": "logits", "weight": True}, "valid number"),
        ({"kind": "logits", "temperature": 0}, "greater than 0"),
        ({"kind": "logits", "heads": "some"}, "'finest' or 'all'"),
        ({"kind": "logits", "stages": "encoder"}, "Extra inputs"),
        ({"kind": "magic"}, "does not match any of the expected tags"),
        ({"weight": 1}, "Unable to extract tag"),
        ({"kind": "soft_dice", "smooth": 0}, "greater than 0"),
        ({"kind": "region_aware", "stages": []}, "at least 1 item"),
        ({"kind": "region_aware", "stages": 3}, "valid string"),
        ({"kind": "context_aware", "context": "mse"}, "'gc' or 'channel_affinity'"),
        ({"kind": "affinity", "tokens_per_axis": 64}, "less than or equal to 16"),
        ({"kind": "affinity", "tokens_per_axis": 4.5}, "valid integer"),
        ({"kind": "kernel", "degree": 3}, "degree = 3 has no effect: expected it with kernel: polynomial only"),
        ({"kind": "kernel", "kernel": "polynomial", "bandwidth": 1.0}, "bandwidth = 1.0 has no effect"),
        ({"kind": "logits", "schedule": {"kind": "linear_warmup", "share": 0}}, "greater than 0"),
        ({"kind": "logits", "schedule": {"kind": "constant", "share": 0.5}}, "share = 0.5 has no effect"),
        ({"kind": "logits", "schedule": "constant"}, "valid dictionary"),
        ({"kind": "logits", "name": "no spaces.or dots"}, "a letter, then letters, digits and _"),
    ],
)
def test_refused(loss, message):
    with pytest.raises(ValidationError) as caught:
        DistillationSpec.model_validate({"losses": [loss]})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "expected a method (A, B, C or D) or at least one loss, found neither"),
        ({"method": "E"}, "'A', 'B', 'C' or 'D'"),
        ({"method": "A", "losses": [{"kind": "logits"}]}, "found logits twice"),
        ({"losses": [{"kind": "kernel"}, {"kind": "kernel", "kernel": "gaussian"}]}, "found kernel twice"),
        ({"method": "A", "teacher": "x"}, "Extra inputs"),
    ],
)
def test_refused_as_a_whole(data, message):
    with pytest.raises(ValidationError) as caught:
        DistillationSpec.model_validate(data)
    assert message in str(caught.value)


def test_nothing_changes_afterwards():
    with pytest.raises(ValidationError, match="frozen"):
        LogitsSpec().temperature = 3.0


def test_the_guide_lists_every_kind_with_its_keys_and_defaults():
    guide = (Path(__file__).parents[4] / "docs" / "training.md").read_text(encoding="utf-8")
    common = {"kind", "weight", "schedule", "name"}
    for spec in (LogitsSpec, SoftDiceSpec, RegionAwareSpec, ContextAwareSpec, AffinitySpec, KernelSpec):
        kind = spec().kind
        (row,) = [line for line in guide.splitlines() if line.startswith(f"| `{kind}` |")]
        for key, field in spec.model_fields.items():
            if key not in common:
                after = row.split(f"`{key}`", 1)[1]
                value = "(" if field.default is None else str(field.default).lower()
                assert value.removesuffix(".0").replace("1e-05", "1e-5") in after, (kind, key)
    for schedule in get_args(ScheduleKind):
        assert f"`{schedule}`" in guide
