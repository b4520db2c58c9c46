"""Helpers shared by the tests: data made on the spot, never read from elsewhere."""
