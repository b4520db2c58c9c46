"""The Slicer side of KDSegmentator: everything between the panel and the runtime ``kdseg``."""
