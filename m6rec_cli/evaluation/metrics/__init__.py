"""Metrics, one file each: ranks or ranked lists to one value per user or per system."""
