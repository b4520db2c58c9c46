# Slicer includes files of its own here; the stand-in needs none.
