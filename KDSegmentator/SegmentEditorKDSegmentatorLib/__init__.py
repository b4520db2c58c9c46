"""The Segment Editor effect. Slicer loads ``SegmentEditorEffect.py`` by its path; nothing is imported from here."""
