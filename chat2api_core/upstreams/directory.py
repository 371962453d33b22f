"""The upstreams by name, each made when it is first asked.

What is not used costs nothing, not even the time to import it: a fresh serverless instance whose
accounts are all of one type knows one upstream.
"""

from collections.abc import Callable, Iterator, Mapping

from chat2api_core.upstreams.base import Upstream


class Directory(Mapping[str, Upstream]):
    """``makers`` make the upstreams, the best one first."""

    def __init__(self, makers: Mapping[str, Callable[[], Upstream]]) -> None:
        self._makers = makers
        self._made: dict[str, Upstream] = {}

    def __getitem__(self, name: str) -> Upstream:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._makers  # without making it

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)
