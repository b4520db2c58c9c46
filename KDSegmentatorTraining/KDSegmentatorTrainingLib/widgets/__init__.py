"""The parts of the panel. They show what :mod:`KDSegmentatorTrainingLib.presentation` says, and decide nothing.

They follow the rules of :mod:`KDSegmentatorLib.widgets` and use its parts.
"""
