"""Files in and out, with a gate in front of every reader."""
