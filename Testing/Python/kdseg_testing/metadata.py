"""What an exporter is told about a student in tests."""

from __future__ import annotations

from typing import Any, Dict


def student_metadata(**changes: Any) -> Dict[str, Any]:
    """Return complete metadata for an export, with ``changes`` laid over it."""
    return {
        "name": "test",
        "version": "1.0.0",
        "licence": "Apache-2.0",
        "modality": "CT",
        "body_part": "Abdomen",
        "intended_use": "Tests only; the weights are random.",
        "capacity": "1/4",
        "provenance": {"dataset": {"name": "Random weights", "licence": "Apache-2.0"}},
        **changes,
    }
