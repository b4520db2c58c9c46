"""nnU-Net's preprocessing: transpose, crop, normalise, resample."""
