"""Fine-tuning and distilling the encoder: one plain loop, one run folder."""
