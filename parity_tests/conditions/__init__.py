"""Which rows of an example a known divergence may differ in: the conditions that ``divergences.toml`` names.

Each takes a kind and an example, and returns rows as ``judged`` has them, or whether it is so of the whole example.
"""

from parity_tests.conditions.dtypes import (
    computed_in_another_dtype,
    in_float16_compiled,
    in_float64,
    in_float64_without_weights,
    one_number_bfloat16_compiled,
    scale_in_float32,
)
from parity_tests.conditions.masks import (
    bias_and_mask,
    head_mask_with_padding,
    in_order_along_another_axis,
    mask_or_bias_of_keys,
    masked_input,
    padding_between_attended,
)
from parity_tests.conditions.options import (
    bias_along_another_axis,
    in_training,
    one_key_head,
    other_depths,
    other_lengths_or_axes,
    other_value_dim,
    several_axes,
)
from parity_tests.conditions.scores import (
    large_scores_without_weights,
    overflowing_scores_without_weights,
    scaled_scores_compiled,
)
from parity_tests.conditions.visible import (
    below_what_hides,
    below_what_hides_with_dropout,
    hidden_by_causal_and_scale_not_positive,
    hidden_outscores,
    nothing_visible,
    nothing_visible_float16,
    nothing_visible_in_float16,
    nothing_visible_without_weights,
)

CONDITIONS = {
    condition.__name__: condition
    for condition in (
        nothing_visible,
        nothing_visible_in_float16,
        nothing_visible_float16,
        nothing_visible_without_weights,
        hidden_outscores,
        below_what_hides,
        below_what_hides_with_dropout,
        scale_in_float32,
        scaled_scores_compiled,
        large_scores_without_weights,
        overflowing_scores_without_weights,
        computed_in_another_dtype,
        in_float64,
        in_float64_without_weights,
        in_float16_compiled,
        one_number_bfloat16_compiled,
        bias_and_mask,
        hidden_by_causal_and_scale_not_positive,
        mask_or_bias_of_keys,
        in_order_along_another_axis,
        padding_between_attended,
        head_mask_with_padding,
        masked_input,
        in_training,
        other_lengths_or_axes,
        other_depths,
        other_value_dim,
        one_key_head,
        several_axes,
        bias_along_another_axis,
    )
}
