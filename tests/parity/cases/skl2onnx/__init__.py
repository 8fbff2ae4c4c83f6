# SPDX-License-Identifier: MIT
"""scikit-learn, XGBoost and LightGBM models, converted to ONNX by skl2onnx and onnxmltools."""
