"""Trials of settings, compared on validation: what to try next, when to give a trial up."""
