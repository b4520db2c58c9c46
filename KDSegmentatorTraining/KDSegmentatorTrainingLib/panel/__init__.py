"""What joins scene, work and widgets of the panel: one controller for each tab."""
