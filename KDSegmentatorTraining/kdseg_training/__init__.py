"""The companion of KDSegmentator: distil, export, evaluate and profile students."""
