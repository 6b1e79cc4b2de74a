"""Pictures of attention weights."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from keras_impl import plot_attention_weights


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    yield
    plt.close("all")


def weights(*shape):
    return np.random.default_rng(0).dirichlet(np.ones(shape[-1]), shape[:-1])


def texts(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def test_a_map_shows_the_weights_from_0_to_the_largest_in_viridis():
    given = weights(2, 3)
    (ax,) = plot_attention_weights(given)
    (image,) = ax.images
    assert np.array_equal(image.get_array(), given)
    assert (image.get_cmap().name, image.get_clim()) == ("viridis", (0, given.max()))


def test_rows_are_queries_and_columns_are_keys():
    (ax,) = plot_attention_weights(weights(2, 3), queries=["a", "b"], keys=["c", "d", " "])
    assert (texts(ax.yaxis), texts(ax.xaxis)) == (["a", "b"], ["c", "d", "␣"])
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("query", "key")
    assert ax.get_ylim() == (1.5, -0.5)  # the first query is on top


def test_there_is_one_colour_bar_that_says_what_it_shows():
    axes = plot_attention_weights(weights(2, 3, 4))
    others = [ax for ax in axes[0].figure.axes if ax not in axes]
    assert [ax.get_ylabel() for ax in others] == ["weight"]


def test_heads_stand_side_by_side_on_one_scale():
    given = weights(3, 2, 4)
    axes = plot_attention_weights(given)
    assert [ax.get_title() for ax in axes] == ["head 1", "head 2", "head 3"]
    assert {ax.images[0].get_clim() for ax in axes} == {(0, given.max())}
    for ax, one in zip(axes, given):
        assert np.array_equal(ax.images[0].get_array(), one)
    left = [ax.get_position().x0 for ax in axes]
    assert left == sorted(left)


def test_one_of_several_heads_can_be_chosen():
    given = weights(3, 2, 4)
    (ax,) = plot_attention_weights(given, head=1)
    assert np.array_equal(ax.images[0].get_array(), given[1])


def test_images_stand_where_their_rows_and_columns_are():
    images = np.arange(4 * 8 * 8).reshape(4, 8, 8) / 256
    (ax,) = plot_attention_weights(weights(3, 4), queries=images[:3], keys=images)
    left, below = sorted((child for child in ax.child_axes), key=lambda child: child.images[0].get_array().shape)[::-1]
    assert left.images[0].get_array().shape == (3 * 10, 10)
    assert below.images[0].get_array().shape == (10, 4 * 10)
    assert np.array_equal(below.images[0].get_array()[1:9, 11:19], images[1])


def test_a_map_is_drawn_into_the_axes_that_are_given():
    _, ax = plt.subplots()
    assert plot_attention_weights(weights(2, 3), ax=ax)[0] is ax
    _, several = plt.subplots(1, 2)
    assert list(plot_attention_weights(weights(2, 2, 3), ax=several)) == list(several)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (np.ones(3), {}, r"Expected weights of shape \(T, S\) or \(H, T, S\)"),
        (np.ones((2, 0)), {}, "none of them 0"),
        (np.full((1, 1), np.nan), {}, "Expected weights from 0 to 1. Received: from nan"),
        (np.full((1, 1), 2.0), {}, "Expected weights from 0 to 1. Received: from 2.0 to 2.0"),
        (np.ones((2, 1)), {"queries": "abc"}, "Expected 2 queries, as weights have. Received: 3"),
        (np.ones((2, 1)), {"keys": []}, "Expected 1 keys"),
        (np.ones((3, 2, 1)), {"head": 3}, "Expected from 0 to 2. Received: head=3"),
        (np.ones((2, 1)), {"head": 0}, "Expected None, as weights have one head"),
        (np.ones((3, 2, 1)), {"ax": [None]}, "Expected ax to be 3 axes, one for each head. Received: 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(given, options, message):
    with pytest.raises(ValueError, match=message):
        plot_attention_weights(given, **options)
