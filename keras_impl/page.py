"""Where a model looks, as one HTML page that needs nothing else: no network, no other file."""

import base64
import io
from typing import NamedTuple

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.image import imsave


class Map(NamedTuple):
    """One head, as the page shows it: labels are pairs of a text and an image, or None."""

    title: str
    queries: list
    keys: list
    weights: list


def page(seen, record, picture):
    """Return what a model saw as the text of an HTML page.

    Args:
        seen: A `keras_impl.show.Seen`.
        record: What was written of the training.
        picture: The heat-maps, as PNG.

    Returns:
        The text.
    """
    results = record["results"]
    return (
        environment("keras_impl")
        .get_template("show.html.jinja")
        .render(
            seen=seen,
            record=record,
            score=record["score"].replace("_", " "),
            scores=[f"{results[name][record['score']]:.1%}" for name in ("attention", "without")],
            picture=_data_uri(picture),
            maps=[one for view in seen.views for one in _maps(view)],
        )
    )


def environment(package):
    """Return the templates of a package, in which whatever is inserted is escaped, and whatever is missing an error."""
    return Environment(
        loader=PackageLoader(package, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _maps(view):
    """Each head as its own map."""
    heads = view.weights if view.weights.ndim == 3 else view.weights[None]
    for number, weights in enumerate(heads):
        title = f"head {number + 1}" if len(heads) > 1 else view.title
        rounded = [[round(float(weight), 4) for weight in row] for row in weights]
        yield Map(title, _labels(view.queries), _labels(view.keys), rounded)


def _labels(labels):
    if np.ndim(labels) != 3:
        return [{"text": str(label), "image": None} for label in labels]
    return [{"text": f"image {number + 1}", "image": _data_uri(_png(image))} for number, image in enumerate(labels)]


def _png(image):
    file = io.BytesIO()
    imsave(file, np.pad(image, 1), cmap="gray_r", vmin=0, vmax=1, format="png")
    return file.getvalue()


def _data_uri(png):
    return "data:image/png;base64," + base64.b64encode(png).decode()
