"""What nnU-Net says about a trained model."""
