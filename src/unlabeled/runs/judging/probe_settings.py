"""The probes that were asked for, and two settings that several of them share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from unlabeled.errors import UnlabeledError, unknown_name
from unlabeled.evaluation.label_free.neighbours import Metric
from unlabeled.evaluation.protocol import PROBES, SETTINGS
from unlabeled.setting_checks import check_whole_number


def probe_settings(probes: Sequence[str], k: int | None = None, metric: str | None = None) -> dict[str, dict[str, Any]]:
    """Check the names of probes, and give the settings of each, as `unlabeled.evaluation.evaluate` takes them.

    Parameters
    ----------
    probes : sequence of str
        Names, such as "knn".
    k : int, optional
        Of "knn", the neighbours that vote; of "retrieval" and "gallery", where recall and precision are read off,
        beside 1.
    metric : {"cosine", "euclidean"}, optional
        What near means to "knn", "retrieval" and "gallery".

    Returns
    -------
    dict
        In JSON's types; a probe without a setting is not in it.

    Raises
    ------
    UnlabeledError
        If a name is unknown, there is none, or no probe takes a setting that was given.

    Examples
    --------
    >>> probe_settings(["knn", "retrieval", "clustering"], k=10)
    {'knn': {'k': 10}, 'retrieval': {'ks': [1, 10]}}
    """
    if not probes:
        raise UnlabeledError(f"name at least one probe: {', '.join(PROBES)}")
    for name in probes:
        if name not in PROBES:
            raise unknown_name("probe", name, PROBES)
    given: dict[str, dict[str, Any]] = {}
    if k is not None:
        check_whole_number("k", k)
        given["k"] = {"k": k, "ks": sorted({1, k})}
    if metric is not None:
        if metric not in get_args(Metric):
            raise unknown_name("metric", metric, get_args(Metric))
        given["metric"] = {"metric": metric}
    found: dict[str, dict[str, Any]] = {}
    for option, values in given.items():
        takers = [name for name in PROBES if not values.keys().isdisjoint(SETTINGS[name])]
        chosen = [name for name in takers if name in probes]
        if not chosen:
            raise UnlabeledError(
                f"{option} is for the probes {', '.join(takers)}, and of these none is asked for "
                f"({', '.join(probes)}); leave it out, or add one of them"
            )
        for name in chosen:
            own = {setting: value for setting, value in values.items() if setting in SETTINGS[name]}
            found[name] = found.get(name, {}) | own
    return found
