"""The distillation losses, one module each; ``composition`` builds those of a configuration."""
