"""Training of students: the same seeded batches for every arm, checkpoints that survive a crash, one teacher for a family."""
