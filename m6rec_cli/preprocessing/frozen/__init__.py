"""Texts and pictures to vectors by frozen encoders from local ONNX files."""
