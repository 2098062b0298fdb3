"""m6rec: recommendations from a generative pre-trained multimodal model."""

__version__ = "0.1.0"
