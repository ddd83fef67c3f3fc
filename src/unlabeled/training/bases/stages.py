"""The parameters of an encoder by depth, for training its last layers only or earlier ones more slowly."""

from __future__ import annotations

from torch import nn

LISTS = (nn.ModuleList, nn.Sequential)
NORMALISATION = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.modules.batchnorm._BatchNorm)


def stages(encoder: nn.Module) -> list[list[nn.Parameter]]:
    """Give the parameters from the input to the output, layer by layer.

    A list of layers counts layer by layer; what stands before it is the first stage, and what belongs to no layer, such
    as a last normalisation, goes with the layer before it.
    A network whose lists run side by side says by `layers_by_depth()` which of its modules make a layer together.

    Examples
    --------
    >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)))
    >>> [sum(p.numel() for p in stage) for stage in stages(net)]
    [6, 6, 3]
    """
    found: list[list[nn.Parameter]] = []
    for module, starts in _modules(encoder):
        parameters = list(module.parameters())
        if not parameters:
            continue
        if starts or not found:
            found.append(parameters)
        else:
            found[-1] += parameters
    known = {id(p) for stage in found for p in stage}
    rest = [p for p in encoder.parameters() if id(p) not in known]
    if rest:
        found = [*found[:-1], [*found[-1], *rest]] if found else [rest]
    return found


def _modules(module: nn.Module) -> list[tuple[nn.Module, bool]]:
    """List the parts of a network in order; a part that is of a list of layers starts a stage."""
    by_depth = getattr(module, "layers_by_depth", None)
    if by_depth is not None:
        return [(part, place == 0) for layer in by_depth() for place, part in enumerate(layer)]
    children = list(module.children())
    if len(children) == 1 and not list(module.parameters(recurse=False)):
        return _modules(children[0])
    parts: list[tuple[nn.Module, bool]] = []
    for child in children:
        if isinstance(module, LISTS) and not isinstance(child, LISTS):
            parts.append((child, not isinstance(child, NORMALISATION)))  # a layer, whatever it is made of
        elif any(isinstance(inner, LISTS) and len(inner) > 1 for inner in child.modules()):
            parts += _modules(child)
        else:
            parts.append((child, False))
    return parts or [(module, True)]
