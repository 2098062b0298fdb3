"""Every decoder, encoder and generator keeps the contract of its kind."""

from tests.contracts import DecoderContract, EncoderContract, GeneratorContract


class TestDecoders(DecoderContract):
    pass


class TestEncoders(EncoderContract):
    pass


class TestGenerators(GeneratorContract):
    pass
