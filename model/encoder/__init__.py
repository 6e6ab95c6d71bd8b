"""The encoder: a pretrained transformer with one linear head per question."""
