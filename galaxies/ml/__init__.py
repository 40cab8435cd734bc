"""The machine learning of NebulAI: plain Python, no Django."""

import os

# TensorFlow calls a machine without a GPU, and each graph rewrite that it gives up, an error.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
