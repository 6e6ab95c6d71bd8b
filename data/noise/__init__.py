"""What people, keyboards and scanners do to a text, for training only."""

from data.noise.apply_noise import apply
from data.noise.config import NoiseConfig

__all__ = ["NoiseConfig", "apply"]
