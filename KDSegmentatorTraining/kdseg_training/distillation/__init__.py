"""A family of narrow students that keep what a trained nnU-Net knows."""
