# SPDX-License-Identifier: MIT
"""Keras models, converted to ONNX by tf2onnx."""
