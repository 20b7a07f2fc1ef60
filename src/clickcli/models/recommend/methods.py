"""The methods by name, with the settings that they have where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from clickcli.models.recommend.content import Content
from clickcli.models.recommend.factors import Als, Bpr
from clickcli.models.recommend.items import Ease, ItemKnn, Rp3, Similarity
from clickcli.models.recommend.sequences import Sequential, VsKnn
from clickcli.models.recommend.simple import Popular, Random, Repeat, Trending

if TYPE_CHECKING:
    from clickcli.models.recommend.method import Method

METHODS: Final[Mapping[str, Method]] = {
    method.name: method
    for method in (
        Popular(),
        Trending(),
        Repeat(),
        Random(),
        ItemKnn(),
        ItemKnn(Similarity.BM25, name="bm25"),
        Als(),
        Bpr(),
        Ease(),
        Rp3(),
        Sequential(),
        VsKnn(),
        Content(),
    )
}
