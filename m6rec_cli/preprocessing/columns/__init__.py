"""Columns of raw tables to roles, feature kinds and clean cells."""
