"""From an nnU-Net v2 model folder to a student bundle."""
