"""Each decoder, encoder and generator passes the contract of its folder."""

from tests.contracts import DecoderContract, EncoderContract, GeneratorContract


class TestDecoders(DecoderContract):
    pass


class TestEncoders(EncoderContract):
    pass


class TestGenerators(GeneratorContract):
    pass
