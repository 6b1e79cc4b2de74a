"""Attention, forward and backward, in NumPy alone: the ground truth that layers are checked against."""

from reference.additive import (
    AdditiveAttention,
    AdditiveAttentionGradients,
    additive_attention,
    additive_attention_backward,
)
from reference.additive_scores import (
    AdditiveScores,
    AdditiveScoresGradients,
    additive_scores,
    additive_scores_backward,
)
from reference.alibi import alibi_bias
from reference.bahdanau import (
    BahdanauAttention,
    BahdanauGradients,
    bahdanau_attention,
    bahdanau_attention_backward,
)
from reference.blockwise import (
    BlockwiseAttention,
    BlockwiseGradients,
    blockwise_attention,
    blockwise_attention_backward,
)
from reference.cache import KeyValueCache, extend_cache
from reference.dot_product import (
    DotProductAttention,
    DotProductGradients,
    dot_product_attention,
    dot_product_attention_backward,
    scaled_dot_product_attention,
)
from reference.gradcheck import complex_step_gradient
from reference.hierarchical import (
    HierarchicalAttention,
    HierarchicalAttentionGradients,
    hierarchical_attention,
    hierarchical_attention_backward,
)
from reference.linear import LinearGradients, linear, linear_backward
from reference.masks import causal_mask, padding_mask, window_mask
from reference.merging import AttentionPart, PartGradients, merge_attention, merge_attention_backward
from reference.multi_head import (
    MultiHeadAttention,
    MultiHeadGradients,
    multi_head_attention,
    multi_head_attention_backward,
)
from reference.pooling import (
    AttentionPooling,
    AttentionPoolingGradients,
    attention_pooling,
    attention_pooling_backward,
)
from reference.position_masks import PositionMask, causal_positions, padding_positions, window_positions
from reference.projections import Projections
from reference.relative import relative_bias, relative_bias_backward, relative_buckets
from reference.rotary import rotary_embedding, rotary_embedding_backward
from reference.self_attention import (
    SelfAttention,
    SelfAttentionGradients,
    self_attention,
    self_attention_backward,
)
from reference.sigmoid import sigmoid, sigmoid_backward
from reference.softmax import softmax, softmax_backward

__all__ = [
    "AdditiveAttention",
    "AdditiveAttentionGradients",
    "AdditiveScores",
    "AdditiveScoresGradients",
    "AttentionPart",
    "AttentionPooling",
    "AttentionPoolingGradients",
    "BahdanauAttention",
    "BahdanauGradients",
    "BlockwiseAttention",
    "BlockwiseGradients",
    "DotProductAttention",
    "DotProductGradients",
    "HierarchicalAttention",
    "HierarchicalAttentionGradients",
    "KeyValueCache",
    "LinearGradients",
    "MultiHeadAttention",
    "MultiHeadGradients",
    "PartGradients",
    "PositionMask",
    "Projections",
    "SelfAttention",
    "SelfAttentionGradients",
    "additive_attention",
    "additive_attention_backward",
    "additive_scores",
    "additive_scores_backward",
    "alibi_bias",
    "attention_pooling",
    "attention_pooling_backward",
    "bahdanau_attention",
    "bahdanau_attention_backward",
    "blockwise_attention",
    "blockwise_attention_backward",
    "causal_mask",
    "causal_positions",
    "complex_step_gradient",
    "dot_product_attention",
    "dot_product_attention_backward",
    "extend_cache",
    "hierarchical_attention",
    "hierarchical_attention_backward",
    "linear",
    "linear_backward",
    "merge_attention",
    "merge_attention_backward",
    "multi_head_attention",
    "multi_head_attention_backward",
    "padding_mask",
    "padding_positions",
    "relative_bias",
    "relative_bias_backward",
    "relative_buckets",
    "rotary_embedding",
    "rotary_embedding_backward",
    "scaled_dot_product_attention",
    "self_attention",
    "self_attention_backward",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "window_mask",
    "window_positions",
]
