"""Paths with open parts, and what is found at them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match, Route

from api.index import ROUTES
from chat2api_core.web.paths import Paths

TABLE = {
    "/": "root",
    "/v1/things": "all",
    "/v1/things/{thing}": "one",
    "/v1/things/{thing}/content": "content",
    "/v1/things/{thing}/{part}": "part",
    "/v1/models/{model:path}": "model",
    "/v1/models/list": "list",
}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ("root", {})),
        ("/v1/things", ("all", {})),
        ("/v1/things/1", ("one", {"thing": "1"})),
        ("/v1/things/1/content", ("content", {"thing": "1"})),
        ("/v1/things/1/more", ("part", {"thing": "1", "part": "more"})),
        ("/v1/models/a", ("model", {"model": "a"})),
        ("/v1/models/codex/a", ("model", {"model": "codex/a"})),
        ("/v1/models/codex//a/", ("model", {"model": "codex//a/"})),
        ("/v1/models/list", ("list", {})),
        ("/v1/things/", None),
        ("/v1/things//content", None),
        ("/v1/things/1/2/3", None),
        ("/v1/models/", None),
        ("/v1/models", None),
        ("/v1/other/1", None),
        ("", None),
        ("v1/things", None),
    ],
)
def test_a_path_finds_its_entry(path: str, expected: object) -> None:
    assert Paths(TABLE).find(path) == expected


@pytest.mark.parametrize("template", ["/{a b}", "/x{a}", "/{a:int}", "/{a:path}/more", "/{}"])
def test_a_template_that_means_nothing_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="is no open part"):
        Paths({template: 1})


_PARTS = sorted({part for path in ROUTES for part in path.split("/") if "{" not in part})
_PATHS = st.lists(st.sampled_from([*_PARTS, "x", "a b"]), max_size=7).map(
    lambda parts: "/" + "/".join(parts)
)


@given(_PATHS)
def test_the_projects_own_paths_are_found_as_a_framework_finds_them(path: str) -> None:
    routes = [Route(template, endpoint=_nothing) for template in ROUTES]
    exact = [route for route in routes if "{" not in route.path]
    open_ones = [route for route in routes if "{" in route.path]
    expected = None
    for route in (*exact, *open_ones):
        scope = {"type": "http", "path": path, "method": "GET", "root_path": ""}
        match, told = route.matches(scope)
        if match is Match.FULL and all(told["path_params"].values()):
            expected = ROUTES[route.path], told["path_params"]
            break

    assert Paths(ROUTES).find(path) == expected


def _nothing() -> None:
    """Never called."""
