"""Item-to-item graphs: co-occurrence in histories, and content similarity."""
