"""Write plans with a quarter of the channels beside the plans that nnU-Net made.

    python Examples/hippocampus/narrow_plans.py NNUNET_PREPROCESSED/Dataset004_Hippocampus/nnUNetPlans.json

writes nnUNetPlans_x4.json into the same folder; nothing but the width and the name changes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

DIVISOR = 4


def narrow(path: Path) -> Path:
    """Write the narrow plans and return their path."""
    plans = json.loads(path.read_text(encoding="utf-8"))
    plans["plans_name"] += f"_x{DIVISOR}"
    for configuration in plans["configurations"].values():
        if "architecture" in configuration:
            arguments = configuration["architecture"]["arch_kwargs"]
            arguments["features_per_stage"] = [channels // DIVISOR for channels in arguments["features_per_stage"]]
    target = path.with_name(f"{plans['plans_name']}.json")
    target.write_text(json.dumps(plans, indent=2), encoding="utf-8")
    return target


if __name__ == "__main__":
    print(narrow(Path(sys.argv[1])))
