"""Recurrent cells, one file each (article 4.1.2)."""
