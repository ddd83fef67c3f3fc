"""A look inside the network of a run: one page with its filters, maps, what excites it, and where it looks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unlabeled.data.pairs.image_texts import ImageTexts
from unlabeled.encoders import Encoder
from unlabeled.encoders.pair.two_towers import image_tower
from unlabeled.errors import UnlabeledError
from unlabeled.explore import contact_sheet
from unlabeled.explore.inside import (
    activation_maximisation,
    convolutions_of_whole,
    exciting_patches,
    feature_maps,
    first_filters,
    grad_cam,
    has_patch_attention,
    integrated_gradients,
    last_maps,
    most_exciting,
    patch_attention,
    saliency,
    similarity_to,
)
from unlabeled.explore.inside.attributions import Score
from unlabeled.files import folder_written_aside
from unlabeled.modalities import Settings, check_modality, modality_of, open_instances
from unlabeled.runs.report import inline_picture
from unlabeled.runs.run import Run
from unlabeled.runs.showing.inside.class_scores import ClassHead, class_head
from unlabeled.runs.showing.page import write_page
from unlabeled.training.method_pictures import in_colour

FILTERS, MAPS, EXCITED, EXCITING = 64, 8, 8, 6
"""Filters and maps of a layer that are shown; filters whose images are sought, and images of each."""
LAYERS = 6
"""Layers shown of a deeper network, evenly spaced from the first to the last."""
INSTANCES = 5_000
"""Images, drawn at random, among which those that excite a filter are sought."""


@dataclass(frozen=True)
class Section:
    """A part of the page: a contact sheet with its title and a sentence that says what one sees."""

    name: str
    title: str
    caption: str
    cells: NDArray[np.uint8]
    captions: list[str]
    columns: int


def see(
    run: Run, photo: str | None, out: Path, *, classifier: Path | None = None, class_name: str | None = None
) -> list[Section]:
    """Write the page ``see.html`` and its pictures into a folder.

    Parameters
    ----------
    run : Run
        Over images, or images with captions, of which the tower of images is shown.
    photo : str, optional
        A file or the id of an instance; by default the first instance of the run.
    out : Path
        The folder; it is replaced if it holds such a page and nothing else.
    classifier : Path, optional
        A fine-tuned model whose classes are attributed to pixels. By default a linear probe of the run's labels, if it
        has any.
    class_name : str, optional
        The class; by default the one that the photo is taken for.

    Raises
    ------
    UnlabeledError
        If the run is over something else than images, the photo cannot be read, or there is no such class.
    """
    whole, kind = run.encoder.eval(), run.encoder.preprocessing.kind
    encoder = image_tower(whole)  # of an encoder of pairs, whose vectors are those of the run
    other = f"the run in {run.folder} is over {kind}s; what is inside is shown of images and of texts only"
    check_modality(encoder.preprocessing, "image", other)
    image, name = _opened(run, encoder, photo)
    head = class_head(run, classifier)
    if head is None and class_name is not None:
        raise UnlabeledError(f"{run.folder} has no labels, so no classes; give a fine-tuned model")
    neighbour, vector = _neighbour(run, whole, image, name)
    sections = [
        *_filters(encoder),
        *_maps(encoder, image),
        *_attributions(whole, image, neighbour, vector),
        *([] if head is None else _class_attributions(head, image, class_name)),
        *_attention(encoder, image),
        *_excited(run, encoder, image),
    ]
    with folder_written_aside(out, "look inside") as aside:
        shown = []
        for section in sections:
            path = aside / f"{section.name}.png"
            contact_sheet(section.cells, section.captions, columns=section.columns, path=path)
            shown.append((section.name, section.title, section.caption, *inline_picture(path)))
        about = {"name": run.folder.resolve().name, "photo": name, "neighbour": neighbour}
        write_page("see.html", aside / "see.html", **about, architecture=encoder.architecture, sections=shown)
    return sections


def _opened(run: Run, encoder: Encoder, photo: str | None) -> tuple[Tensor, str]:
    """Give a photo as the encoder takes it, shape (1, c, h, w), and its name."""
    name = run.embeddings.ids[0] if photo is None else photo
    kind = modality_of(encoder.preprocessing)
    data: Any
    if photo is not None and Path(photo).exists():
        data, row = kind.open_query(photo), 0
    elif name in run.embeddings.position:
        data = run.source
        if modality_of(data).missing(data, [name]):
            raise UnlabeledError(f"{name!r} is no longer in {data.source}")
        row = list(data.ids).index(name)
        if isinstance(data, ImageTexts):
            data, row = data.images, int(data.image_of[row])
    else:
        raise UnlabeledError(f"{photo} is neither a file nor the id of an instance in {run.folder}")
    return _prepared(encoder, data, [row]), name


def _prepared(encoder: Encoder, data: Any, rows: list[int]) -> Tensor:
    """Give images as the encoder takes them."""
    preprocessing = encoder.preprocessing
    instances, _ = open_instances(data, Settings(), preprocessing)
    values: Tensor = preprocessing.canonical(instances.gather(torch.tensor(rows)).values)
    return values


@torch.no_grad()
def _neighbour(run: Run, encoder: Encoder, image: Tensor, name: str) -> tuple[str | None, Tensor]:
    """Find the instance of the run that is nearest to the image and not itself or a copy; give its id and vector."""
    own = encoder(image)[0]
    vectors = torch.tensor(run.embeddings.vectors)
    similar = torch.nn.functional.cosine_similarity(vectors, own[None])
    others = [row for row in similar.argsort(descending=True).tolist() if run.embeddings.ids[row] != name]
    for row in others:
        if similar[row] < 1 - 1e-6:
            return run.embeddings.ids[row], vectors[row]
    return None, own


def _filters(encoder: Encoder) -> list[Section]:
    try:
        filters = first_filters(encoder, encoder.preprocessing.shape[0])[:FILTERS]
    except UnlabeledError:
        return []
    if filters.shape[1] not in (1, 3):
        filters = filters.mean(1, keepdim=True)
    scaled = 0.5 + filters / filters.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12) / 2
    caption = "The weights of the first layer, each filter scaled by its largest: grey is 0, bright is positive."
    captions = [str(i) for i in range(len(filters))]
    return [Section("filters", "Learned filters", caption, in_colour(scaled), captions, 16)]


def _maps(encoder: Encoder, image: Tensor) -> list[Section]:
    layers = _spaced(convolutions_of_whole(encoder, image))
    cells, captions = [in_colour(image)[0]], ["photo"]
    for name, maps in feature_maps(encoder, image, layers).items():
        for channel in maps[0].flatten(1).var(1, correction=0).argsort(descending=True)[:MAPS].sort().values.tolist():
            cells.append(_enlarged(_unit(maps[0, channel]), image.shape[-1]))
            captions.append(f"{name} {channel}")
    if len(cells) == 1:
        return []
    caption = (
        "What comes out of convolutions for the photo, layer after layer; of each those channels that vary most. Each "
        "is scaled from its least value, black, to its largest, white. Beneath: the layer and the channel."
    )
    # The photo has a row of its own.
    blank = np.full_like(cells[0], 255)
    cells[1:1], captions[1:1] = [blank] * (MAPS - 1), [""] * (MAPS - 1)
    return [Section("maps", "Feature maps", caption, np.stack(cells), captions, MAPS)]


def _attributions(encoder: Encoder, image: Tensor, neighbour: str | None, vector: Tensor) -> list[Section]:
    if neighbour is None:
        return []
    what = (
        f"Which pixels make the photo similar to its nearest neighbour in the run, {neighbour}. Saliency: the size of "
        "the gradient. Integrated gradients, against black: red raises the similarity, blue lowers it. Grad-CAM: where "
        "the last feature maps raise it."
    )
    score = similarity_to(encoder, vector)
    return [_attributed("attributions", "Attributions", what, encoder, score, image)]


def _class_attributions(head: ClassHead, image: Tensor, class_name: str | None) -> list[Section]:
    likeliest = head.likeliest(image)
    name = likeliest if class_name is None else class_name
    what = (
        f"Which pixels speak for the class {name}, by {head.source}, which takes the photo for {likeliest}. Red speaks "
        "for it, blue against it. The score is the logit of the class less the mean logit."
    )
    title = f"Attributions of the class {name}"
    return [_attributed("class", title, what, head.encoder, head.score(name), image)]


def _attributed(name: str, title: str, caption: str, encoder: Encoder, score: Score, image: Tensor) -> Section:
    cells, captions = [in_colour(image)[0]], ["photo"]
    cells.append(_enlarged(_unit(saliency(score, image)[0].amax(0)), image.shape[-1]))
    captions.append("saliency")
    cells.append(_signed(integrated_gradients(score, image)[0].sum(0)))
    captions.append("integrated gradients")
    layer = last_maps(encoder, image)
    if layer is not None:
        cells.append(_enlarged(_unit(grad_cam(score, layer, image)[0]), image.shape[-1]))
        captions.append("Grad-CAM")
    return Section(name, title, caption, np.stack(cells), captions, 4)


def _attention(encoder: Encoder, image: Tensor) -> list[Section]:
    if not has_patch_attention(encoder):
        return []
    received = patch_attention(encoder, image)[0].mean(-2)
    side = round(received.shape[-1] ** 0.5)
    cells, captions = [], []
    for layer, heads in enumerate(received.view(*received.shape[:2], side, side)):
        for head, attention in enumerate(heads):
            cells.append(_enlarged(_unit(attention), image.shape[-1]))
            captions.append(f"layer {layer} head {head}")
    caption = "How much attention each patch of the photo gets from all patches, by layer and head; white is most."
    return [Section("attention", "Attention", caption, np.stack(cells), captions, received.shape[1])]


def _excited(run: Run, encoder: Encoder, image: Tensor) -> list[Section]:
    layers = convolutions_of_whole(encoder, image)
    if not layers:
        return []
    name, layer = list(layers.items())[len(layers) // 2]
    filters = np.linspace(0, layer.out_channels - 1, min(EXCITED, layer.out_channels)).astype(int).tolist()
    made = activation_maximisation(encoder, layer, filters, encoder.preprocessing.shape)
    cells, captions = [], []
    patches = _patches(run, encoder, layer, filters)
    for place, number in enumerate(filters):
        cells += [*in_colour(made[place][None]), *(in_colour(patches[place]) if patches is not None else [])]
        captions += [f"filter {number}", *([""] * (len(patches[place]) if patches is not None else 0))]
    columns = len(cells) // len(filters)
    caption = (
        f"Filters of the layer {name}. First an image made to excite the filter as much as possible (activation "
        "maximisation)"
    ) + ("; then those parts of images of the run that excite it most." if patches is not None else ".")
    return [Section("excitation", "What excites filters", caption, np.stack(cells), captions, columns)]


def _patches(run: Run, encoder: Encoder, layer: Any, filters: list[int]) -> Tensor | None:
    """Give parts of the run's images that excite filters most, shape (filters, k, c, h, w); None if they are gone."""
    try:
        data: Any = run.source
    except UnlabeledError:
        return None
    if isinstance(data, ImageTexts):
        data = data.images
    instances, _ = open_instances(data, Settings(), encoder.preprocessing, "skip")
    count = min(len(instances), INSTANCES)
    rows = torch.from_numpy(np.sort(np.random.default_rng(0).choice(len(instances), count, replace=False)))
    found = most_exciting(encoder, layer, instances, filters, EXCITING, rows)
    images = encoder.preprocessing.canonical(instances.gather(found.rows.flatten()).values)
    channels = torch.tensor(filters).repeat_interleave(found.rows.shape[1])
    parts = exciting_patches(encoder, layer, images, channels, found.places.flatten())
    return parts.reshape(*found.rows.shape, *parts.shape[1:])


def _spaced(layers: dict[str, Any]) -> dict[str, Any]:
    """Leave at most `LAYERS` of them, evenly spaced."""
    names = list(layers)
    places = np.linspace(0, len(names) - 1, min(LAYERS, len(names))).round().astype(int).tolist()
    return {names[i]: layers[names[i]] for i in places}


def _unit(values: Tensor) -> Tensor:
    """Scale values to [0, 1]; constant ones become 0."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low).clamp(min=1e-12)


def _enlarged(values: Tensor, side: int) -> NDArray[np.uint8]:
    """Give a map of values in [0, 1] as a grey picture of `side` pixels, each value becoming a square."""
    picture: NDArray[np.uint8] = in_colour(torch.nn.functional.interpolate(values[None, None], (side, side)))[0]
    return picture


def _signed(values: Tensor) -> NDArray[np.uint8]:
    """Give positive values in red, negative ones in blue, and 0 in white."""
    strength = values / values.abs().max().clamp(min=1e-12)
    colours = torch.stack([1 + strength.clamp(max=0), 1 - strength.abs(), 1 - strength.clamp(min=0)])
    picture: NDArray[np.uint8] = in_colour(colours[None])[0]
    return picture
