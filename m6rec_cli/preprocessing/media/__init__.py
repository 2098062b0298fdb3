"""Picture, sound and video files to arrays."""
