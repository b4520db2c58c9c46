"""What stands behind the panel Distil | Evaluate | Profile. It runs the companion package in child processes only."""
