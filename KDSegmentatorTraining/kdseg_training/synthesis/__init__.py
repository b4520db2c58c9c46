"""Images drawn from label maps: training data of any contrast and resolution that needs no patient.

The generative model follows SynthSeg (Billot et al., Medical Image Analysis 2023, doi:10.1016/j.media.2023.102789): a label
map is deformed, every tissue gets a random Gaussian, and the image is degraded as scanners and people degrade images. The true
labels are known everywhere.
"""
