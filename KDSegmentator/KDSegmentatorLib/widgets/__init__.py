"""The parts of the panel. They show what :mod:`KDSegmentatorLib.presentation` says, tell what the user did, and decide nothing.

Each part fills a place in the ``.ui`` file with ordinary Qt widgets and takes plain callables for what the user does: no
subclass of a Qt class and no signal of its own, so that Slicer's Reload leaves nothing behind.
"""
