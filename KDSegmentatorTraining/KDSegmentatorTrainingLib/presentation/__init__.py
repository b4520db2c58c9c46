"""What the panel says and when: decisions and texts, without Slicer and without Qt."""
