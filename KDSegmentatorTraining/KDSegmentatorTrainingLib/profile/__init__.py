"""Measuring students on this computer: the child process, its results as nodes, and the choice among students."""
