"""Stock nnU-Net v2, run as ``nnUNetv2_predict`` runs it and measured from outside.

Only hooks around nnU-Net's own functions are set, in the process that is measured; none changes what it computes.
"""
