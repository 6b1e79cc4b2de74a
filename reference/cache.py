"""A cache of keys and values: a sequence is read a piece at a time, and what was read is not computed again."""

from typing import Any, NamedTuple

import numpy as np

from reference.inputs import Array, as_array, check_rank, refuse


class KeyValueCache(NamedTuple):
    """The keys and values of all positions so far."""

    key: Array  # (..., S, d_k)
    value: Array  # (..., S, d_v)


def extend_cache(cache: KeyValueCache | None, key: Any, value: Any) -> KeyValueCache:
    """Return the cache with the keys and values of more positions after those that it has.

    Let the queries of these positions, T of them, attend to all S keys of the cache under
    ``causal_mask(T, S, offset=S - T)``. Without the offset the first of them would see the first key alone. Whatever
    else depends on positions takes the same offset: `alibi_bias`, `relative_buckets`, and `rotary_embedding`, which
    turns the new queries and the new keys, these before they are cached. Then it is as if the whole sequence were
    read at once.

    Parameters
    ----------
    cache : KeyValueCache or None
        What `extend_cache` returned, or None before the first position.
    key : (..., T, d_k)
    value : (..., T, d_v)
        Of as many positions, one or several. But for that, in the shapes of those in the cache.

    Returns
    -------
    KeyValueCache
        A new one, (..., S, d_k) and (..., S, d_v); the cache that was given is left as it is.

    Raises
    ------
    ValueError
        If shapes do not fit, or for NaN or infinity.

    Notes
    -----
    Shazeer, "Fast Transformer Decoding: One Write-Head is All You Need" (2019), section 2.4, incremental inference.

    Examples
    --------
    Two positions are read at once, then a third. Its query has scores ln 1, ln 2, ln 3 and weights 1/6, 2/6, 3/6:

    >>> from reference import causal_mask, dot_product_attention
    >>> prompt = extend_cache(None, key=np.log([[1.0], [2.0]]), value=[[6.0], [3.0]])
    >>> cache = extend_cache(prompt, key=np.log([[3.0]]), value=[[2.0]])
    >>> T, S = 1, cache.key.shape[-2]
    >>> mask = causal_mask(T, S, offset=S - T)
    >>> attention = dot_product_attention([[1.0]], cache.key, cache.value, mask=mask)
    >>> np.round(6 * attention.weights, 12), np.round(attention.output, 12)
    (array([[1., 2., 3.]]), array([[3.]]))
    """
    key, value = as_array("key", key), as_array("value", value)
    check_rank("key", key, "(..., T, d_k)", 2)
    check_rank("value", value, "(..., T, d_v)", 2)
    if value.shape[-2] != key.shape[-2]:
        refuse("value", f"shape (..., {key.shape[-2]}, d_v) to match key {key.shape}", value.shape)
    if cache is None:
        return KeyValueCache(key, value)
    return KeyValueCache(_joined("key", cache.key, key), _joined("value", cache.value, value))


def _joined(name: str, cached: Array, new: Array) -> Array:
    if (*new.shape[:-2], new.shape[-1]) != (*cached.shape[:-2], cached.shape[-1]):
        expected = ", ".join(map(str, (*cached.shape[:-2], "T", cached.shape[-1])))
        refuse(name, f"shape ({expected}) to match the cache {cached.shape}", new.shape)
    return np.concatenate([cached, new], axis=-2)
