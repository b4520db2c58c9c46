"""Losses on many classes: nnU-Net's Dice with cross-entropy, and soft Dice left to autograd, against the project's.

    python Testing/Benchmarks/bench_losses.py [--quick] [--threads N] [--rounds N]

Logits of bfloat16 with the channels of a voxel side by side, as a network gives them on a CPU; forwards and backwards, in one
process, in turn and the first one changing. nnU-Net's loss gets them as float32 with each class in one piece of memory, which
is faster for it. With few classes the project does the same, so that the ratio is about 1. Fails if the project's gradients are
not those of the losses as written out here, with nothing of the project's or nnU-Net's.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median
from typing import Callable, Dict, List, NamedTuple, Tuple

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / folder) for folder in ("KDSegmentator", "KDSegmentatorTraining")]

import torch  # noqa: E402
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss  # noqa: E402
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss  # noqa: E402

from kdseg.hardware import describe_hardware  # noqa: E402
from kdseg_training.distillation.losses.dice_ce import DiceAndCrossEntropy  # noqa: E402
from kdseg_training.distillation.losses.soft_dice import SoftDice  # noqa: E402
from kdseg_training.distillation.outputs import LabelScheme, Outputs  # noqa: E402

Loss = Callable[[torch.Tensor], torch.Tensor]
SMOOTH = 1e-5
TOLERANCE = 0.01
"""Of a gradient, relative to its norm; bfloat16 has 8 bits."""


def soft_dice_written_out(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Return the loss of :class:`SoftDice` with all steps left to autograd."""
    p, q = (logits.float().contiguous().softmax(1) for logits in (student, teacher))
    axes = (2, 3, 4)
    distance = torch.linalg.vector_norm(p - q, 1, axes)
    return (distance / (p.sum(axes) + q.sum(axes) + SMOOTH))[:, 1:].mean()


def dice_and_cross_entropy_written_out(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return nnU-Net's loss, of labels (N, 1, z, y, x), with all steps left to autograd."""
    log_p = logits.float().contiguous().log_softmax(1)
    p, hot = log_p.exp(), torch.arange(logits.shape[1]).view(1, -1, 1, 1, 1) == target
    axes = (2, 3, 4)
    dice = (2 * (p * hot).sum(axes) + SMOOTH) / (p.sum(axes) + hot.sum(axes) + SMOOTH)
    return -log_p.gather(1, target.long()).mean() - dice[:, 1:].mean()


class Compared(NamedTuple):
    """Losses of logits: what the time is compared with, the project's, and what the gradient is compared with."""

    theirs: Loss
    ours: Loss
    written_out: Loss


def losses_of(classes: int, teacher: torch.Tensor, target: torch.Tensor) -> Dict[str, Compared]:
    """Return what is compared, by name."""
    dice = {"batch_dice": False, "smooth": SMOOTH, "do_bg": False, "ddp": False}
    stock = DC_and_CE_loss(dice, {}, weight_ce=1, weight_dice=1, dice_class=MemoryEfficientSoftDiceLoss)
    ours, soft = DiceAndCrossEntropy(stock), SoftDice(LabelScheme(classes), smooth=SMOOTH)
    return {
        "Dice and cross-entropy": Compared(
            lambda z: stock(z.float().contiguous(), target),
            lambda z: ours(z, target),
            lambda z: dice_and_cross_entropy_written_out(z, target),
        ),
        "soft Dice": Compared(
            lambda z: soft_dice_written_out(z, teacher),
            lambda z: soft(Outputs([z]), Outputs([teacher])),
            lambda z: soft_dice_written_out(z, teacher),
        ),
    }


def run(loss: Loss, logits: torch.Tensor) -> Tuple[float, torch.Tensor]:
    """Time one pass forwards and backwards, in seconds, and return the gradient too."""
    logits.grad = None
    start = time.perf_counter()
    loss(logits).backward()  # type: ignore[no-untyped-call]
    seconds = time.perf_counter() - start
    if logits.grad is None:
        raise RuntimeError("The loss gave no gradient.")
    return seconds, logits.grad


def measure(losses: Compared, logits: torch.Tensor, rounds: int) -> Tuple[List[Tuple[float, float]], float]:
    """Return the seconds of both in every counted round, and how far the project's gradient is from the one written out."""
    counted = []
    for number in range(rounds + 1):
        seconds = [0.0, 0.0]
        for side in (0, 1) if number % 2 else (1, 0):
            seconds[side], _ = run(losses[side], logits)
        counted.append((seconds[0], seconds[1]))
    ours, expected = (run(loss, logits)[1].float() for loss in (losses.ours, losses.written_out))
    return counted[1:], float((ours - expected).norm() / expected.norm())


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=6, help="counted ones; one more comes first")
    parser.add_argument("--quick", action="store_true", help="a small patch, to see that it runs")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    shape = (24, 24, 24) if options.quick else (128, 128, 128)
    print("; ".join(f"{key} {value}" for key, value in describe_hardware().as_dict().items() if value is not None))
    print(f"torch {torch.__version__}; {options.threads} threads; patch {shape}; {options.rounds} rounds\n")
    print("| classes | loss | compared (median) | this project | ratio | by round | gradients apart |")
    print("|---:|---|---:|---:|---:|---:|---:|", flush=True)
    worst = 0.0
    for classes in (3, 14, 33):
        logits, teacher = (torch.randn(1, classes, *shape, dtype=torch.bfloat16) for _ in range(2))
        logits, teacher = (maps.contiguous(memory_format=torch.channels_last_3d) for maps in (logits, teacher))
        target = torch.randint(classes, (1, 1, *shape)).float()
        for name, losses in losses_of(classes, teacher, target).items():
            rounds, apart = measure(losses, logits.requires_grad_(), options.rounds)
            ratios = sorted(first / second for first, second in rounds)
            first, second = (median(column) for column in zip(*rounds, strict=True))
            print(
                f"| {classes} | {name} | {first:.2f} s | {second:.2f} s | {median(ratios):.1f} | "
                f"{ratios[0]:.1f} to {ratios[-1]:.1f} | {apart:.1e} |",
                flush=True,
            )
            worst = max(worst, apart)
    if not worst <= TOLERANCE:
        sys.exit(f"The gradients are {worst:.1e} apart, more than {TOLERANCE:g}.")


if __name__ == "__main__":
    main()
