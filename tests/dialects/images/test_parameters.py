"""The table of parameters is what the parser does."""

from collections.abc import Callable

import pytest
from openai.types.image_create_variation_params import ImageCreateVariationParams
from openai.types.image_edit_params import ImageEditParamsBase, ImageEditParamsStreaming
from openai.types.image_generate_params import ImageGenerateParamsBase

from chat2api_core.dialects.images import ImagesRequest
from chat2api_core.dialects.images.body import Body
from chat2api_core.dialects.images.parameters import PARAMETERS, REFUSED
from chat2api_core.dialects.parameters import Parameter
from chat2api_core.problem import Kind, Problem

Parse = Callable[..., ImagesRequest]


def test_every_official_parameter_has_one_row() -> None:
    official = {
        *ImageGenerateParamsBase.__annotations__,
        *ImageEditParamsBase.__annotations__,
        *ImageEditParamsStreaming.__annotations__,
        *ImageCreateVariationParams.__annotations__,
    }
    names = [row.name for row in PARAMETERS]
    assert len(names) == len(set(names))
    assert official == set(names)


def test_the_parser_reads_what_is_not_ignored() -> None:
    read = {row.name for row in PARAMETERS if row.fate != "ignored"}
    assert read | {"images"} == set(Body.__struct_fields__)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_a_refused_parameter_is_refused_by_name(row: Parameter, parse: Parse) -> None:
    for value in (True, 1, "x", {"a": 1}):
        with pytest.raises(Problem) as caught:
            parse(**{row.name: value})
        assert caught.value.kind is Kind.UNSUPPORTED_PARAMETER
        assert caught.value.param == row.name
        assert row.why in caught.value.message


def test_an_ignored_parameter_changes_nothing(parse: Parse) -> None:
    ignored = {row.name: "x" for row in PARAMETERS if row.fate == "ignored"}
    assert parse(**ignored, unheard_of=1) == parse()
