"""Query by example: sounds, added and subtracted, in; the places that sound alike out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from soundkin.audio_facts import Facts, blend, check_weights
from soundkin.errors import QueryError
from soundkin.index.vector_index import DamagedIndexError, Neighbours, VectorIndex
from soundkin.library.browse import explain_nothing
from soundkin.library.library import Library
from soundkin.library.records import Filters
from soundkin.progress import OnProgress
from soundkin.search.explain import Explanation, explain_recordings
from soundkin.search.feedback import RelevanceFeedback
from soundkin.search.finding.finder import find_occurrences
from soundkin.search.finding.occurrence import Occurrences
from soundkin.search.finding.resolve import Place, list_examples, list_sources
from soundkin.search.hits import (
    RECOGNISED_POOL,
    Hit,
    bring_forward,
    describe_neighbours,
    fold_copies,
    renumber,
)
from soundkin.search.query import EmbeddedQuery, Query, Sound, Source, Vectors
from soundkin.search.query_embedder import QueryEmbedder
from soundkin.search.shared_index import SharedIndex
from soundkin.search.verdict import Verdict, judge_scores

WEIGHED_POOL = 1000  # recordings nearest by their vectors, among which facts are weighed
FOLDED_POOL = 4  # times as many hits are asked for where copies are folded, and more until enough

Answer = TypeVar("Answer")


class Searcher:
    """Answers queries over one library; holds its vectors, and its model once one is needed."""

    def __init__(
        self,
        library: Library,
        on_progress: OnProgress | None = None,
        *,
        shared_index: SharedIndex | None = None,
    ) -> None:
        """Prepare to search; `on_progress` hears of the index, where it must be built first.

        `shared_index` serves the searchers of several threads, each with a `Library` of its own.

        Raises
        ------
        LibraryError
            Nothing is indexed in it.
        """
        self._library = library
        self._shared_index = shared_index or SharedIndex(on_progress)
        self._loaded = self._shared_index.get(library)

    def search(
        self,
        query: Query | EmbeddedQuery,
        top_k: int = 10,
        *,
        per_recording: int = 1,
        exclude_self: bool = False,
        filters: Filters | None = None,
        exact: bool = False,
        liked: Sequence[Sound | Source] = (),
        disliked: Sequence[Sound | Source] = (),
        weights: Mapping[str, float] | None = None,
        fold_duplicates: bool = False,
        min_score: float = -1.0,
        min_percentile: float = 0.0,
    ) -> list[Hit]:
        """Find the places that sound most like a query, best first.

        What holds the very sound that is asked for, as its fingerprint and waveform tell, comes
        before all others, where nothing else was asked for: no other sounds, thumbs or weights.

        Parameters
        ----------
        query
            A file, a recording of the library by path or the end of it, samples, or several
            `Sound` with weights; or what `embed` made of these.
        top_k
            How many hits.
        per_recording
            How many hits of one recording at most; they do not overlap.
        exclude_self
            Leave out the recordings that the query was taken from, and files of the same bytes.
        filters
            Which recordings count.
        exact
            Score every segment, even where the index need not.
        liked, disliked
            Rank by what was learned from these sounds and those (see `soundkin.search.feedback`);
            recordings that are disliked are left out.
        weights
            Rank the 1,000 nearest recordings by the mean of what they were ranked by, which weighs
            1, and how close their facts are to the query's, by the weights of these names (see
            `audio_facts`). The facts of a query of several sounds are those of the one with
            the largest weight.
        fold_duplicates
            Leave out hits that are near-copies of a better one, and name them there.
        min_score, min_percentile
            Leave out hits whose similarity to the query, -1 to 1, or its percentile, 0 to 100, is
            less, whatever they are ranked by; there may be none left.

        Raises
        ------
        SoundkinError
            A sound cannot be read, is silent or is not to be found, no recording passes, or a
            weight means nothing.
        """
        if top_k < 1 or per_recording < 1:
            raise QueryError("top_k and per_recording must be at least 1")
        if not (-1 <= min_score <= 1 and 0 <= min_percentile <= 100):
            raise QueryError("min_score lies between -1 and 1, min_percentile between 0 and 100")
        weights = {name: weight for name, weight in (weights or {}).items() if weight != 0}
        check_weights(weights)
        self._loaded = self._shared_index.get(self._library)
        embedder = self._make_embedder()
        read = embedder.embed(query)
        feedback, shunned = self._learn(embedder, read, liked, disliked)
        segments = self._loaded.model.segments
        options: dict[str, Any] = {
            "passage": read.passage,
            "per_content": per_recording,
            "min_gap": math.ceil(segments.segment_length / segments.segment_hop),
            "allowed": self._select_allowed(filters),
            "excluded": [*(read.content_ids if exclude_self else []), *shunned],
            "exact": exact,
        }
        sound = None if feedback or weights else read.heard

        def find(n_contents: int) -> list[Hit]:
            rank_scores: Vectors | None = None
            if feedback is None:
                found = self._ask(lambda index: index.search(read.vector, n_contents, **options))
            else:
                found, rank_scores = self._ask(lambda i: feedback.search(i, n_contents, **options))
            hits = describe_neighbours(self._library, self._loaded, found, filters, rank_scores)
            hits = [h for h in hits if h.score >= min_score and h.percentile >= min_percentile]
            hits = renumber(hits, len(hits))
            if weights:
                return self._weigh(read, hits, weights)
            return hits if sound is None else bring_forward(self._library, sound, hits)

        is_bounded = min_score > -1 or min_percentile > 0
        least = RECOGNISED_POOL if sound else 0
        least = WEIGHED_POOL if weights or (feedback and is_bounded) else least
        if not fold_duplicates:
            return find(max(top_k, least))[:top_k]
        return self._find_folded(find, top_k, least)

    def search_many(
        self,
        queries: Iterable[Query | EmbeddedQuery],
        top_k: int = 10,
        *,
        exact: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> list[list[Hit]]:
        """Search for many things at once, on all cores; the hits of each, as `search` gives them.

        Parameters
        ----------
        queries
            Each as for `search`.
        on_progress
            Called with how many queries are done, and how many there are.

        Raises
        ------
        SoundkinError
            As from `search`; nothing is searched for where one query is wrong.
        """
        if top_k < 1:
            raise QueryError("top_k must be at least 1")
        self._loaded = self._shared_index.get(self._library)
        embedder = self._make_embedder()
        read = [embedder.embed(query) for query in queries]
        if not read:
            return []
        vectors, passages = np.stack([one.vector for one in read]), [one.passage for one in read]
        n_contents = max(top_k, RECOGNISED_POOL)
        found = self._ask(
            lambda index: index.search_many(
                vectors, n_contents, passages=passages, exact=exact, on_progress=on_progress
            )
        )
        answers = []
        for query, neighbours in zip(read, found, strict=True):
            hits = describe_neighbours(self._library, self._loaded, neighbours, None)
            if query.heard is not None:
                hits = bring_forward(self._library, query.heard, hits)
            answers.append(hits[:top_k])
        return answers

    def find(
        self,
        query: Query,
        within: Sequence[Place] = (),
        *,
        filters: Filters | None = None,
        liked: Sequence[Sound | Source] = (),
        disliked: Sequence[Sound | Source] = (),
        min_score: float | None = None,
    ) -> Occurrences:
        """Find every occurrence of a sound, in order of recording and time.

        Parameters
        ----------
        query
            As for `search`, but that several sounds are examples of the same thing: what is like
            any of them is found. Those of negative weight are not wanted.
        within
            The recordings to look in: recordings of the library, by path or the end of it, folders
            of such, and files that are not in it, which are embedded now. Without any, all.
        filters
            Which recordings of the library count.
        liked, disliked
            More examples, and what is like the query but not wanted.
        min_score
            Least score of an event; without it, it is chosen from the scores themselves.

        Raises
        ------
        SoundkinError
            A sound cannot be read, is silent or is not to be found, or no recording passes.
        """
        self._loaded = self._shared_index.get(self._library)
        reader = self._make_embedder()
        wanted, unwanted = list_examples(reader, query, liked, disliked)
        embedder = self._shared_index.get_embedder(self._library, self._loaded.model)
        sources = list_sources(self._library, embedder, within, filters)
        return find_occurrences(sources, wanted, unwanted, embedder, min_score)

    def compute_vectors(self, queries: Iterable[Query]) -> Vectors:
        """Compute the unit vector that each of some queries is searched with, float32 `(m, n)`.

        Raises
        ------
        SoundkinError
            As from `search`.
        """
        self._loaded = self._shared_index.get(self._library)
        return self._make_embedder().embed_each(queries)[0]

    def judge(self, hits: Sequence[Hit]) -> Verdict:
        """Tell whether hits are any good; see `soundkin.search.verdict`."""
        usual_score = self._ask(lambda _: self._loaded.usual_score)
        n_same = sum(hit.same_sound for hit in hits)
        return judge_scores([hit.score for hit in hits], usual_score, n_same)

    def embed(self, query: Query) -> EmbeddedQuery:
        """Bring a query to what is searched with; its parts say what of each sound was heard.

        Raises
        ------
        SoundkinError
            As from `search`.
        """
        self._loaded = self._shared_index.get(self._library)
        return self._make_embedder().embed(query)

    def explain(self, query: Query | EmbeddedQuery, hit: Hit) -> Explanation:
        """Explain why a query finds a hit; see `explain_all`."""
        return self.explain_all(query, [hit])[0]

    def explain_all(self, query: Query | EmbeddedQuery, hits: Sequence[Hit]) -> list[Explanation]:
        """Explain why a query finds some hits: their facts beside its own, and their stability.

        Raises
        ------
        SoundkinError
            As from `search`.
        """
        self._loaded = self._shared_index.get(self._library)

        def search(pieces: Vectors, n_contents: int) -> list[Neighbours]:
            return self._ask(lambda index: index.search_many(pieces, n_contents))

        recordings = [hit.recording for hit in hits]
        n_contents = len(self._loaded.index.content_ids)
        return explain_recordings(
            self._make_embedder().embed(query), recordings, n_contents, search
        )

    def _make_embedder(self) -> QueryEmbedder:
        return QueryEmbedder(self._library, self._shared_index, self._loaded)

    def _learn(
        self,
        embedder: QueryEmbedder,
        read: EmbeddedQuery,
        liked: Sequence[Sound | Source],
        disliked: Sequence[Sound | Source],
    ) -> tuple[RelevanceFeedback | None, list[int]]:
        """Learn what is wanted, if there is feedback; and the contents that are disliked."""
        if not liked and not disliked:
            return None, []
        towards, kept = embedder.embed_each(liked)
        away, shunned = embedder.embed_each(disliked)
        random = self._ask(lambda _: self._loaded.random_vectors)
        return RelevanceFeedback.fit(read.vector, towards, away, random), sorted(
            set(shunned) - set(kept)
        )

    def _weigh(
        self, read: EmbeddedQuery, hits: Sequence[Hit], weights: Mapping[str, float]
    ) -> list[Hit]:
        """Rank hits by what they were ranked by blended with the closeness of facts."""
        facts = read.main_part.facts
        weighed = []
        for hit in hits:
            ranked_by = hit.score if hit.rank_score is None else hit.rank_score
            blended = blend(ranked_by, facts, hit.recording.facts or Facts(), weights)
            weighed.append((blended, hit))
        weighed.sort(key=lambda pair: -pair[0])
        ranked = [dataclasses.replace(hit, rank_score=blended) for blended, hit in weighed]
        return renumber(ranked, len(ranked))

    def _find_folded(self, find: Callable[[int], list[Hit]], top_k: int, least: int) -> list[Hit]:
        """Find so many hits that are no copies of each other, asking for more until there are."""
        n_asked = max(FOLDED_POOL * top_k, least)
        while True:
            hits = find(n_asked)
            folded = fold_copies(self._library, self._loaded, hits)
            if len(folded) >= top_k or len(hits) < n_asked:  # no more are to be found
                return renumber(folded, top_k)
            n_asked *= FOLDED_POOL

    def _ask(self, question: Callable[[VectorIndex], Answer]) -> Answer:
        """Ask the index; one that turns out to be damaged is built anew first."""
        try:
            return question(self._loaded.index)
        except DamagedIndexError:
            self._loaded = self._shared_index.refresh(self._library, damaged=True)
            return question(self._loaded.index)

    def _select_allowed(self, filters: Filters | None) -> npt.NDArray[np.int64] | None:
        if not filters:
            return None
        ids = self._library.select_content_ids(filters)
        if not len(ids):
            raise QueryError(explain_nothing(self._library, filters))
        return ids
