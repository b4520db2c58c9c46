"""From logits to labels on the grid of the image."""
