"""A whole comparison from one file: train every arm, predict the test cases, measure, compare and report."""
