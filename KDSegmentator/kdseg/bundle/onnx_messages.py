"""ONNX's message types (``onnx.proto``, IR version 10), as far as a student may use them."""

from __future__ import annotations

from typing import Mapping

from kdseg.bundle.protobuf import FIXED32, FIXED64, VARINT, Field, bytes_like, integer, repeated

MODEL: Mapping[int, Field] = {
    1: integer("ir_version"),
    2: bytes_like("producer_name"),
    3: bytes_like("producer_version"),
    4: bytes_like("domain"),
    5: integer("model_version"),
    6: bytes_like("doc_string"),
    7: bytes_like("graph"),
    8: repeated("opset_import"),
    14: repeated("metadata_props"),
    20: repeated("training_info"),
    25: repeated("functions"),
}

OPERATOR_SET: Mapping[int, Field] = {1: bytes_like("domain"), 2: integer("version")}

GRAPH: Mapping[int, Field] = {
    1: repeated("node"),
    2: bytes_like("name"),
    5: repeated("initializer"),
    10: bytes_like("doc_string"),
    11: repeated("input"),
    12: repeated("output"),
    13: repeated("value_info"),
    14: repeated("quantization_annotation"),
    15: repeated("sparse_initializer"),
    16: repeated("metadata_props"),
}

NODE: Mapping[int, Field] = {
    1: repeated("input"),
    2: repeated("output"),
    3: bytes_like("name"),
    4: bytes_like("op_type"),
    5: repeated("attribute"),
    6: bytes_like("doc_string"),
    7: bytes_like("domain"),
    8: bytes_like("overload"),
    9: repeated("metadata_props"),
}

ATTRIBUTE: Mapping[int, Field] = {
    1: bytes_like("name"),
    2: Field("f", (FIXED32,)),
    3: integer("i"),
    4: bytes_like("s"),
    5: bytes_like("t"),
    6: bytes_like("g"),
    7: repeated("floats", FIXED32),
    8: repeated("ints", VARINT),
    9: repeated("strings"),
    10: repeated("tensors"),
    11: repeated("graphs"),
    13: bytes_like("doc_string"),
    14: bytes_like("tp"),
    15: repeated("type_protos"),
    20: integer("type"),
    21: bytes_like("ref_attr_name"),
    22: bytes_like("sparse_tensor"),
    23: repeated("sparse_tensors"),
}

TENSOR: Mapping[int, Field] = {
    1: repeated("dims", VARINT),
    2: integer("data_type"),
    3: bytes_like("segment"),
    4: repeated("float_data", FIXED32),
    5: repeated("int32_data", VARINT),
    6: repeated("string_data"),
    7: repeated("int64_data", VARINT),
    8: bytes_like("name"),
    9: bytes_like("raw_data"),
    10: repeated("double_data", FIXED64),
    11: repeated("uint64_data", VARINT),
    12: bytes_like("doc_string"),
    13: repeated("external_data"),
    14: integer("data_location"),
    16: repeated("metadata_props"),
}

VALUE_INFO: Mapping[int, Field] = {
    1: bytes_like("name"),
    2: bytes_like("type"),
    3: bytes_like("doc_string"),
    4: repeated("metadata_props"),
}

TYPE: Mapping[int, Field] = {1: bytes_like("tensor_type"), 6: bytes_like("denotation")}

TENSOR_TYPE: Mapping[int, Field] = {1: integer("elem_type"), 2: bytes_like("shape")}

SHAPE: Mapping[int, Field] = {1: repeated("dim")}

DIMENSION: Mapping[int, Field] = {1: integer("dim_value"), 2: bytes_like("dim_param"), 3: bytes_like("denotation")}
