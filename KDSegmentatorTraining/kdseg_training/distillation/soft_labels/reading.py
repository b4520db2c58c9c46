"""Soft labels as a training reads them: checked once as a whole, then box by box."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from kdseg.errors import TrainingDataError
from kdseg_training.distillation.preprocessed import image_fingerprint, readable_case
from kdseg_training.distillation.soft_labels.decoding import decode_box
from kdseg_training.distillation.soft_labels.encoding import Array, SparseProbabilities
from kdseg_training.distillation.soft_labels.folder import Group, SoftLabelFolder
from kdseg_training.distillation.soft_labels.storage import read_case, read_header
from kdseg_training.distillation.unlabelled.cases import PREFIX

CACHE_BYTES = 256 * 1024**2
"""So much of what was read last is kept by each process that prepares batches."""


@dataclass(frozen=True)
class SoftLabelScheme:
    """What the channels are: C, and whether they are regions."""

    channels: int
    regions: bool


class StoredCase:
    """Probabilities of a volume as an array (C + 1, z, y, x), float32, of which only slices are made.

    The last channel is 1 in every voxel. Cropping that pads with 0 and interpolation turn it into the share of each voxel for
    which there are probabilities; dividing by it restores them.
    """

    def __init__(self, sparse: SparseProbabilities) -> None:
        self._sparse = sparse
        self.shape = (sparse.channel_count + 1, *sparse.shape)

    def __getitem__(self, slices: Tuple[slice, ...]) -> Array:
        values = decode_box(self._sparse, slices[1:])
        return np.concatenate([values, np.ones_like(values[:1])])[slices[0]]


class SoftLabelCompanion:
    """Gives nnU-Net's loader the soft labels of its cases.

    It is a :class:`kdseg_training.distillation.training.companions.Companion`; the names of unlabelled cases begin with
    :data:`kdseg_training.distillation.unlabelled.cases.PREFIX`.
    """

    def __init__(self, soft_labels: SoftLabels) -> None:
        self._soft_labels = soft_labels
        self.channels = soft_labels.scheme.channels + 1

    def load(self, case: str) -> StoredCase:
        """Return the probabilities of a case, and the channel of ones."""
        if case.startswith(PREFIX):
            return self._soft_labels.case("unlabelled", case.removeprefix(PREFIX))
        return self._soft_labels.case("labelled", case)


class SoftLabels:
    """The soft labels of a run.

    Parameters
    ----------
    folder
        Checked (:meth:`SoftLabelFolder.check`).
    scheme
        What the student's channels are.
    cache_bytes
        See :data:`CACHE_BYTES`.
    """

    def __init__(self, folder: SoftLabelFolder, scheme: SoftLabelScheme, cache_bytes: int = CACHE_BYTES) -> None:
        self.folder, self.scheme = folder, scheme
        self._cache_bytes = cache_bytes
        self._cache: OrderedDict[Tuple[Group, str], SparseProbabilities] = OrderedDict()

    def check(self, group: Group, dataset: Any, cases: Sequence[str]) -> Dict[str, float]:
        """Check that every case has soft labels of this teacher and of the image that is preprocessed now.

        Parameters
        ----------
        group, cases
            Which.
        dataset
            nnU-Net's data set, to compare shape and fingerprint of the images.

        Returns
        -------
        dict
            Case → confidence, see :func:`kdseg_training.distillation.soft_labels.writing.confidence`.

        Raises
        ------
        TrainingDataError
            Naming the cases that lack them, that do not fit, or whose images cannot be read.
        """
        missing = [case for case in cases if not self.folder.file(group, case).is_file()]
        if missing:
            raise TrainingDataError(
                f"Some {group} cases have no soft labels.",
                expected=f"{len(cases)} cases",
                found=f"{len(missing)} missing: {', '.join(missing[:5])}",
                path=self.folder.path,
                remedy="Run kdseg-training soft-labels with the same file; it computes only what is missing.",
            )
        return {case: self._check_case(group, dataset, case) for case in cases}

    def _check_case(self, group: Group, dataset: Any, case: str) -> float:
        path = self.folder.file(group, case)
        header = read_header(path)
        with readable_case(case, dataset.source_folder):
            image = dataset.load_case(case)[0]
            fingerprint = image_fingerprint(image)
        expected: List[Tuple[str, object, object]] = [
            ("case", case, header.get("case")),
            ("teacher and settings", self.folder.origin_digest, header.get("origin")),
            ("shape", list(image.shape[1:]), header.get("shape")),
            ("image", fingerprint, header.get("image")),
        ]
        differing = [(name, wanted, found) for name, wanted, found in expected if wanted != found]
        if differing:
            raise TrainingDataError(
                f"The soft labels do not fit the {group} case {case}: other {', '.join(d[0] for d in differing)}.",
                expected="; ".join(f"{name} {wanted}" for name, wanted, _ in differing),
                found="; ".join(f"{name} {found}" for name, _, found in differing),
                path=path,
                remedy="Run kdseg-training soft-labels again; it renews what does not fit.",
            )
        return float(header.get("confidence", 0.0))

    def case(self, group: Group, case: str) -> StoredCase:
        """Return the probabilities of a case.

        Raises
        ------
        TrainingDataError
            If the file is damaged, or of another teacher or other channels.
        """
        return StoredCase(self._sparse(group, case))

    def _sparse(self, group: Group, case: str) -> SparseProbabilities:
        key = (group, case)
        if key not in self._cache:
            path = self.folder.file(group, case)
            sparse, header = read_case(path)
            found = SoftLabelScheme(sparse.channel_count, sparse.regions)
            if found != self.scheme or header.get("origin") != self.folder.origin_digest:
                raise TrainingDataError(
                    "The soft labels are of another teacher, or of other labels.",
                    expected=f"{self.scheme}, {self.folder.origin_digest[:12]}…",
                    found=f"{found}, {str(header.get('origin'))[:12]}…",
                    path=path,
                    remedy="Run kdseg-training soft-labels again; it renews what does not fit.",
                )
            self._cache[key] = sparse
            while len(self._cache) > 1 and sum(kept.nbytes for kept in self._cache.values()) > self._cache_bytes:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]
