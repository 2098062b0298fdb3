"""Pictures, sounds and videos to arrays."""
