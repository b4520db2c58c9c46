"""Losses on many classes: nnU-Net's Dice with cross-entropy, and soft Dice left to autograd, against the project's.

    python Testing/Benchmarks/bench_losses.py [--quick] [--threads N] [--rounds N]

Logits of bfloat16 with the channels of a voxel side by side, as a network gives them on a CPU; forwards and backwards, in turn,
in one process. nnU-Net's loss gets them as float32 with each class in one piece of memory, which is faster for it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median
from typing import Callable, Dict, List

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / folder) for folder in ("KDSegmentator", "KDSegmentatorTraining")]

import torch  # noqa: E402
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss  # noqa: E402
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss  # noqa: E402

from kdseg.hardware import describe_hardware  # noqa: E402
from kdseg_training.distillation.losses.dice_ce import OnPackedLogits, adapted  # noqa: E402
from kdseg_training.distillation.losses.soft_dice import SoftDice  # noqa: E402
from kdseg_training.distillation.outputs import LabelScheme, Outputs  # noqa: E402

Loss = Callable[[torch.Tensor], torch.Tensor]
SMOOTH = 1e-5


def soft_dice_written_out(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return the loss of :class:`SoftDice` with all steps left to autograd."""
    p, q = (logits.float().contiguous().softmax(1) for logits in (student, teacher))
    axes = (2, 3, 4)
    distance = torch.linalg.vector_norm(p - q, 1, axes)
    return (distance / (p.sum(axes) + q.sum(axes) + SMOOTH))[:, 1:].mean()


def seconds(loss: Loss, logits: torch.Tensor) -> float:
    """Time one pass forwards and backwards."""
    logits.grad = None
    start = time.perf_counter()
    loss(logits).backward()  # type: ignore[no-untyped-call]
    return time.perf_counter() - start


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7, help="counted ones; one more comes first")
    parser.add_argument("--quick", action="store_true", help="a small patch, to see that it runs")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    classes, shape = 33, (24, 24, 24) if options.quick else (128, 128, 128)
    torch.manual_seed(0)
    ours, theirs = (
        torch.randn(1, classes, *shape, dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last_3d) for _ in range(2)
    )
    target = torch.randint(classes, (1, 1, *shape)).float()
    dice = {"batch_dice": False, "smooth": SMOOTH, "do_bg": False, "ddp": False}
    stock = DC_and_CE_loss(dice, {}, weight_ce=1, weight_dice=1, dice_class=MemoryEfficientSoftDiceLoss)
    soft = SoftDice(LabelScheme(classes), smooth=SMOOTH)
    sides: Dict[str, List[Loss]] = {
        "Dice and cross-entropy": [lambda z: OnPackedLogits(stock)(z, target), lambda z: adapted(stock)(z, target)],
        "soft Dice": [lambda z: soft_dice_written_out(z, theirs), lambda z: soft(Outputs([z]), Outputs([theirs]))],
    }
    print("; ".join(f"{key} {value}" for key, value in describe_hardware().as_dict().items() if value is not None))
    print(f"torch {torch.__version__}; {options.threads} threads; {classes} classes, patch {shape}; {options.rounds} rounds\n")
    print("| loss | compared | this project | ratio | by round | difference of the values |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    ours.requires_grad_()
    for name, losses in sides.items():
        rounds = [[seconds(loss, ours) for loss in losses] for _ in range(options.rounds + 1)][1:]
        with torch.no_grad():
            difference = abs(float(losses[0](ours)) - float(losses[1](ours)))
        ratios = sorted(first / second for first, second in rounds)
        first, second = (median(column) for column in zip(*rounds, strict=True))
        print(
            f"| {name} | {first:.2f} s | {second:.2f} s | {median(ratios):.1f} | {ratios[0]:.1f} to {ratios[-1]:.1f} | "
            f"{difference:.0e} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
