"""Recurrent cells of the decoder, one file each (article 4.1.2)."""
