"""A trained run to files that servers read without m6rec."""
