"""Kinds of outputs: each file without a leading underscore describes one."""
