"""What an account may still use, and what follows from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat2api_core.accounts.caps import (
    PRIMARY,
    SECONDARY,
    Cap,
    forgotten,
    merged,
    needed,
    of_features,
    of_plan,
    refusal,
    scope_of,
)
from chat2api_core.accounts.standing import (
    EVERY_MODEL,
    NOTHING,
    Rest,
    Standing,
    blamed,
    capped,
    cleared,
    decode,
    encode,
    praised,
)
from chat2api_core.problem import Kind, Problem, Step
from chat2api_core.turn import (
    File,
    HostedKind,
    Image,
    Message,
    Part,
    Prompt,
    Text,
    ToolChoice,
)
from chat2api_core.upstreams.codex.quota import Quota, Window

NOW = 1_787_300_000.0
HOUR = 3600.0
SPENT = Cap(NOW, used=100.0, minutes=300, resets_at=NOW + HOUR)
NO_PICTURES = Cap(NOW, remaining=0, resets_at=NOW + 2 * HOUR)


def test_the_windows_of_a_plan_become_caps() -> None:
    quota = Quota("plus", Window(42.5, 300, NOW + 900), Window(10, 10_080))
    assert of_plan(quota, NOW) == {
        PRIMARY: Cap(NOW, used=42.5, minutes=300, resets_at=NOW + 900),
        SECONDARY: Cap(NOW, used=10, minutes=10_080),
    }
    assert of_plan(Quota("plus", None, Window(1)), NOW) == {SECONDARY: Cap(NOW, used=1)}


def test_features_become_caps_unless_their_names_are_none() -> None:
    limits = {"image_gen": (12, NOW + 5), "": (1, 0.0), "x" * 65: (1, 0.0), "send": (0, 0.0)}
    assert of_features(limits, NOW) == {
        "image_gen": Cap(NOW, remaining=12, resets_at=NOW + 5),
        "send": Cap(NOW, remaining=0),
    }


@pytest.mark.parametrize(
    ("cap", "known", "spent"),
    [
        (SPENT, True, True),
        (NO_PICTURES, True, True),
        (Cap(NOW, used=99.9, resets_at=NOW + 1), True, False),
        (Cap(NOW, remaining=1, resets_at=NOW + 1), True, False),
        (Cap(NOW, used=100.0), True, False),  # until when is not known
        (Cap(NOW, remaining=0), True, False),
        (Cap(NOW, used=100.0, resets_at=NOW), False, False),  # it is over
        (Cap(NOW), False, False),
        (Cap(NOW, resets_at=NOW + 1), False, False),
    ],
)
def test_a_cap_is_known_until_its_reset_and_spent_where_nothing_is_left(
    cap: Cap, known: bool, spent: bool
) -> None:
    assert (cap.known(NOW), cap.spent(NOW)) == (known, spent)


def test_what_was_seen_later_counts_whoever_saw_it() -> None:
    early, late = {"a": Cap(NOW, remaining=3)}, {"a": Cap(NOW + 1, remaining=2)}
    assert merged(early, late) == late
    assert merged(late, early) is late
    assert merged(late, {}) is late
    assert merged(early, {"b": NO_PICTURES}) == {**early, "b": NO_PICTURES}


def test_the_number_of_names_is_bounded_and_the_latest_stay() -> None:
    many = {f"feature {number:03}": Cap(NOW + number, remaining=1) for number in range(50)}
    assert set(merged({}, many)) == {f"feature {number:03}" for number in range(30, 50)}


def test_forgetting_keeps_older_knowledge_from_coming_back() -> None:
    gone = forgotten({PRIMARY: SPENT}, NOW + 5)
    assert merged(gone, {PRIMARY: SPENT}) is gone
    assert not gone[PRIMARY].known(NOW + 5)


def test_codex_windows_count_for_everything_and_features_for_themselves() -> None:
    assert [scope_of(name) for name in (PRIMARY, SECONDARY, "image_gen")] == ["", "", "image_gen"]


@pytest.mark.parametrize(
    ("name", "cap", "words"),
    [
        (PRIMARY, SPENT, "window of 5 hours."),
        (SECONDARY, Cap(NOW, minutes=10_080), "window of 7 days."),
        (PRIMARY, Cap(NOW), "is used up for now."),
        ("image_gen", NO_PICTURES, "of image_gen is used up."),
    ],
)
def test_a_refusal_says_what_is_used_up(name: str, cap: Cap, words: str) -> None:
    assert refusal(name, cap).endswith(words)


def turn(*parts: Part, hosted: HostedKind | None = None) -> Prompt:
    return Prompt("auto", (Message("user", parts),), tool_choice=ToolChoice(hosted=hosted))


@pytest.mark.parametrize(
    ("prompt", "needs"),
    [
        (turn(Text("Hello?")), ()),
        (turn(Text("A moon."), hosted="image_generation"), ("image_gen",)),
        (turn(Text("News?"), hosted="web_search"), ()),
        (turn(Image(url="https://moons.example/io.png")), ("file_upload",)),
        (turn(File(data="data:text/plain,Io")), ("file_upload",)),
        (turn(File(file_id="file-1"), Image(file_id="file-2")), ()),
        (
            turn(Image(url="data:image/png;base64,"), hosted="image_generation"),
            ("image_gen", "file_upload"),
        ),
    ],
)
def test_a_turn_needs_what_it_uses_up(prompt: Prompt, needs: tuple[str, ...]) -> None:
    assert needed(prompt) == needs


# -------------------------------------------------------------------------------- the standing


@pytest.mark.parametrize(("step", "feature"), [("picture", "image_gen"), ("upload", "file_upload")])
def test_a_limit_of_a_feature_leaves_the_model_alone(step: Step, feature: str) -> None:
    met = Problem(Kind.RATE_LIMITED, "Met.", step=step, retry_after=60)
    known = blamed(NOTHING, "gpt-5", met, NOW)
    assert set(known.rests) == {feature}
    assert known.rest("gpt-5", NOW) is None
    assert known.rest("gpt-5", NOW, (feature,)) is not None
    assert known.half_open("gpt-5", NOW + 60, (feature,)) == feature
    assert praised(known, feature) == NOTHING


def test_a_used_up_window_rests_the_account_for_every_model_where_that_is_wanted() -> None:
    known = capped(NOTHING, {PRIMARY: SPENT}, NOW, heed=True)
    rest = known.rest("gpt-5.5", NOW)
    assert rest is not None
    assert (rest.kind, rest.until, rest.strikes) == (Kind.RATE_LIMITED, NOW + HOUR, 0)
    assert known.rest("gpt-5.5", NOW + HOUR) is None

    unheeded = capped(NOTHING, {PRIMARY: SPENT}, NOW, heed=False)
    assert unheeded.caps == {PRIMARY: SPENT}
    assert unheeded.rests == {}


def test_the_longer_of_two_used_up_windows_counts() -> None:
    week = Cap(NOW, used=100, minutes=10_080, resets_at=NOW + 50 * HOUR)
    for caps in ({PRIMARY: SPENT, SECONDARY: week}, {SECONDARY: week, PRIMARY: SPENT}):
        assert capped(NOTHING, caps, NOW, heed=True).rests[EVERY_MODEL].until == NOW + 50 * HOUR


def test_a_used_up_feature_rests_the_account_for_the_feature_alone() -> None:
    known = capped(NOTHING, {"image_gen": NO_PICTURES}, NOW, heed=True)
    assert known.rest("image_gen", NOW) is not None
    assert known.rest("gpt-5", NOW) is None


def test_no_success_ends_such_a_rest_and_nobody_probes_it() -> None:
    known = capped(NOTHING, {PRIMARY: SPENT}, NOW, heed=True)
    assert praised(known, "gpt-5.5") is known
    assert known.half_open("gpt-5.5", NOW + HOUR + 1) is None


def test_a_cap_that_says_otherwise_ends_the_rest() -> None:
    known = capped(NOTHING, {PRIMARY: SPENT, "image_gen": NO_PICTURES}, NOW, heed=True)
    known = capped(known, {PRIMARY: Cap(NOW + 1, used=3)}, NOW + 1, heed=True)
    assert set(known.rests) == {"image_gen"}


def test_older_news_change_nothing() -> None:
    known = capped(NOTHING, {PRIMARY: SPENT}, NOW, heed=True)
    assert capped(known, {PRIMARY: Cap(NOW - 1, used=3)}, NOW, heed=True) is known


def test_a_refusal_that_was_met_stays_beside_what_caps_say() -> None:
    met = blamed(NOTHING, "m", Problem(Kind.RATE_LIMITED, "Met.", retry_after=60), NOW)
    known = capped(met, {"m": Cap(NOW, remaining=0, resets_at=NOW + 30)}, NOW, heed=True)
    assert known.rests == met.rests, "the longer one counts"
    known = capped(known, {"m": Cap(NOW + 1, remaining=5)}, NOW, heed=True)
    assert known.rests == met.rests
    assert praised(known, "m").rests == {}
    assert praised(known, "m").caps == known.caps


def test_a_refusal_after_a_cap_is_a_first_strike() -> None:
    known = capped(NOTHING, {"m": Cap(NOW, remaining=0, resets_at=NOW + 30)}, NOW, heed=True)
    met = Problem(Kind.RATE_LIMITED, "Met.", retry_after=60)
    assert blamed(known, "m", met, NOW).rests["m"] == Rest(NOW + 60, "RATE_LIMITED", "Met.", 1)


def test_a_reset_far_away_is_cut() -> None:
    far = Cap(NOW, remaining=0, resets_at=NOW + 400 * 86_400)
    assert capped(NOTHING, {"m": far}, NOW, heed=True).rests["m"].until == NOW + 32 * 86_400


def test_clearing_an_account_forgets_everything_everywhere() -> None:
    known = capped(NOTHING, {PRIMARY: SPENT}, NOW, heed=True)
    clean = cleared(known, NOW + 1)
    assert (clean.rests, clean.out) == ({}, None)
    assert capped(clean, known.caps, NOW + 2, heed=True) is clean
    assert cleared(NOTHING, NOW) is NOTHING


CAPS = st.dictionaries(
    st.sampled_from([PRIMARY, SECONDARY, "image_gen", "send"]),
    st.builds(
        Cap,
        st.floats(0, 2e9),
        used=st.floats(-1, 200),
        remaining=st.integers(-1, 50),
        minutes=st.integers(0, 20_000),
        resets_at=st.floats(0, 4e9),
    ),
)


@given(CAPS, CAPS, st.booleans())
def test_the_order_in_which_news_arrive_does_not_matter(
    one: dict[str, Cap], two: dict[str, Cap], heed: bool
) -> None:
    there = capped(capped(NOTHING, one, NOW, heed=heed), two, NOW, heed=heed)
    back = capped(capped(NOTHING, two, NOW, heed=heed), one, NOW, heed=heed)
    times = {name: cap.seen_at for name, cap in there.caps.items()}
    assert times == {name: cap.seen_at for name, cap in back.caps.items()}
    if all(one[name].seen_at != two[name].seen_at for name in one.keys() & two.keys()):
        assert there == back
    assert all(rest.strikes == 0 for rest in there.rests.values())


@given(CAPS)
def test_what_is_kept_in_a_store_comes_back(caps: dict[str, Cap]) -> None:
    known = capped(NOTHING, caps, NOW, heed=True)
    assert decode(encode(known)) == known


def test_what_an_older_version_wrote_is_read() -> None:
    raw = b'{"rests":{"m":{"until":5,"reason":"BUSY","message":"Words."}},"out":null}'
    assert decode(raw) == Standing({"m": Rest(5, "BUSY", "Words.")})
