"""disc-lite: teach a language model a folder of documents by self-distillation in 4 bits."""

__version__ = "0.1.0"
