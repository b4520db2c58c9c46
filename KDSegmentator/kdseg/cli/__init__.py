"""The command line ``kdseg``."""
