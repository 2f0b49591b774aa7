"""Requests that name a model or an experiment, and are written as nobody should write them.

`Requests(seed)` draws an operation that names something, fills it with names that the caller is granted,
and mutates it, mostly by bringing in names that it is not granted, in every way known in which MLflow reads a
request otherwise than it looks. The same seed gives the same requests.
"""

from collections.abc import Callable, Iterator

from .bodies_mutations import BodyMutations
from .bodies_operations import OPERATIONS
from .bodies_request import Draft, Request
from .bodies_targets import TargetMutations

__all__ = ["Request", "Requests"]


class Requests(BodyMutations, TargetMutations):
    """An endless sequence of requests."""

    def __iter__(self) -> Iterator[Request]:
        while True:
            yield self.draw()

    def draw(self) -> Request:
        draft = self.plain(self.random.choice(OPERATIONS))
        how: list[str] = []
        for _ in range(self.random.choices([0, 1, 2, 3], [1, 9, 6, 3])[0]):
            applicable = MUTATIONS_OF[self.kind(draft)]
            name, mutate = self.random.choice(applicable)
            mutate(self, draft)
            how.append(name)
        return self.finished(draft, tuple(how))

    def kind(self, draft: Draft) -> str:
        if draft.operation.artifact:
            return "path"
        return "body" if draft.operation.in_body else "query"


Mutation = Callable[[Requests, Draft], None]

_AROUND: list[tuple[str, Mutation]] = [
    ("method", Requests.another_method),
    ("odd header", Requests.odd_header),
]
MUTATIONS_OF: dict[str, list[tuple[str, Mutation]]] = {
    "body": [
        ("duplicate", Requests.duplicate),
        ("duplicate", Requests.duplicate),
        ("twin", Requests.twin),
        ("twin", Requests.twin),
        ("trap", Requests.trap),
        ("trap", Requests.trap),
        ("wrong type", Requests.wrong_type),
        ("another name", Requests.another_name),
        ("another name", Requests.another_name),
        ("unknown", Requests.unknown),
        ("unknown", Requests.unknown),
        ("missing", Requests.drop),
        ("order", Requests.shuffle),
        ("crossover", Requests.crossover),
        ("around", Requests.around),
        ("around", Requests.around),
        ("flipped byte", Requests.flip),
        ("encoding", Requests.encoding),
        ("framing", Requests.frame),
        ("framing", Requests.frame),
        ("content type", Requests.content_type),
        ("content encoding", Requests.content_encoding),
        ("query beside", Requests.query_beside),
        *_AROUND,
    ],
    "query": [
        ("query: duplicate", Requests.query_duplicate),
        ("query: duplicate", Requests.query_duplicate),
        ("query: twin", Requests.query_twin),
        ("query: another name", Requests.query_value),
        ("query: another name", Requests.query_value),
        ("query: odd", Requests.query_inside),
        ("query: odd", Requests.query_inside),
        ("query: escapes", Requests.query_encode),
        ("query: missing", Requests.query_drop),
        ("body beside", Requests.body_beside),
        ("body beside", Requests.body_beside),
        *_AROUND,
    ],
    "path": [
        ("path", Requests.artifact_path),
        ("path: escapes", Requests.path_encode),
        ("path: odd", Requests.path_inside),
        *_AROUND,
    ],
}
"""Name and function; those that matter more stand there twice."""
