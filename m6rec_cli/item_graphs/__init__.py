"""Graphs between items: co-occurrence in histories, and similarity of content."""
