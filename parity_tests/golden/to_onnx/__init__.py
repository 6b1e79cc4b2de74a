"""Golden cases in the format of ONNX's backend tests, and what runs ONNX models held to them."""
