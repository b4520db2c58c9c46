"""Segment one volume with stock nnU-Net and print the time of each stage and the peak memory as one line of JSON.

Arguments: MODEL_FOLDER VOLUME OUTPUT THREADS MIRRORING(0 or 1). Imports are not timed; loading the model is.
"""

import json
import sys
import time
from collections import Counter
from typing import Any, Callable

import torch
from measure import peak_bytes
from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO
from nnunetv2.inference import predict_from_raw_data
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor

seconds: Counter = Counter()


def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``function`` with its time added to ``stage``."""

    def wrapper(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            seconds[stage] += time.perf_counter() - began

    return wrapper


def main(model: str, volume: str, output: str, threads: str, mirroring: str) -> None:
    """Run nnU-Net's sequential prediction with its functions timed from outside."""
    torch.set_num_threads(int(threads))
    SimpleITKIO.read_images = timed("read", SimpleITKIO.read_images)
    SimpleITKIO.write_seg = timed("write", SimpleITKIO.write_seg)
    DefaultPreprocessor.run_case_npy = timed("preprocess", DefaultPreprocessor.run_case_npy)
    nnUNetPredictor.predict_logits_from_preprocessed_data = timed(
        "network", nnUNetPredictor.predict_logits_from_preprocessed_data
    )
    export = predict_from_raw_data.export_prediction_from_logits
    predict_from_raw_data.export_prediction_from_logits = timed("export", export)
    began = time.perf_counter()
    predictor = nnUNetPredictor(
        use_mirroring=mirroring == "1",
        perform_everything_on_device=False,
        device=torch.device("cpu"),
        verbose=False,
        allow_tqdm=False,
    )
    predictor.initialize_from_trained_model_folder(model, use_folds=(0,))
    predictor.predict_from_files_sequential([[volume]], [output.removesuffix(".nii.gz")])
    total = time.perf_counter() - began
    stages = {s: round(seconds[s], 3) for s in ("read", "preprocess", "network", "write")}
    stages["resample and arg-max"] = round(seconds["export"] - seconds["write"], 3)
    peak = peak_bytes()
    print("\n" + json.dumps({"total_s": round(total, 3), "stages_s": stages, "peak_bytes": peak}))


main(*sys.argv[1:])
