"""The network: encoder, decoder, generator and discriminator; it never sees data.

`system/shapes.py` has the table of axes (b t i d m z k ...) that annotations and comments use.
"""
