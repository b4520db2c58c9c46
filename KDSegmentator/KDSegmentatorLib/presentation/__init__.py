"""What the panel says and what it allows, decided without a widget.

Everything here is plain Python on plain values, so that it is tested without Qt and without Slicer. Widgets show what these
modules return and decide nothing.
"""
