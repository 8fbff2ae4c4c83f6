# SPDX-License-Identifier: MIT
"""PyTorch models, exported to ONNX by both of its exporters."""
