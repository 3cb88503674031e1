from __future__ import annotations

from workers.figures.axes import BINS, NOT_SET, two_swept

RATE, BATCH = "learning_rate", "global_batch_size"


def test_rate_lies_across_and_batch_up_whatever_else_varies() -> None:
    params = [{"a": a, BATCH: b, RATE: r} for a in (1, 2) for b in (64, 8) for r in (0.2, 0.1)]
    (across, up), rest = two_swept(params)
    assert (across.name, across.labels) == (RATE, ("0.1", "0.2"))
    assert (up.name, up.labels) == (BATCH, ("8", "64"))
    assert rest == ["a"]
    assert [across.place(p) for p in params[:2]] == [1, 0]


def test_other_axes_stand_in() -> None:
    params = [{"a": a, BATCH: 8, "b": b, RATE: 0.1} for a in (1, 2) for b in ("x", "y")]
    assert [axis.name for axis in two_swept(params)[0]] == ["a", "b"]
    params = [{"a": a, BATCH: b, RATE: 0.1} for a in (1, 2) for b in (8, 16)]
    assert [axis.name for axis in two_swept(params)[0]] == ["a", BATCH]
    params = [{"a": a, BATCH: 8, RATE: r} for a in (1, 2) for r in (0.1, 0.2)]
    assert [axis.name for axis in two_swept(params)[0]] == [RATE, "a"]


def test_one_axis_none_and_no_trial() -> None:
    assert [axis.name for axis in two_swept([{BATCH: 8}, {BATCH: 16}])[0]] == [BATCH]
    assert two_swept([{RATE: 0.1}]) == ([], [])
    assert two_swept([]) == ([], [])


def test_words_truth_values_and_absent_ones() -> None:
    params = [{"a": "z"}, {"a": True}, {"a": 1}, {}, {"a": "y" * 90}]
    (axis,), _ = two_swept(params)
    assert axis.labels == ("1", "True", "y" * 19 + "…", "z", NOT_SET)
    assert [axis.place(p) for p in params] == [3, 1, 0, 4, 2]


def test_many_numbers_are_gathered_in_bins() -> None:
    params = [{RATE: 10 ** (-6 + 3 * n / 99)} for n in range(100)]
    (axis,), _ = two_swept(params)
    places = [axis.place(p) for p in params]
    assert len(axis.labels) == BINS
    assert places == sorted(places)  # type: ignore[type-var]
    assert (places[0], places[-1]) == (0, BINS - 1)
    assert max(places.count(place) for place in range(BINS)) <= 13, "equal bins of the logarithm"
    (axis,), _ = two_swept([{"a": n} for n in range(-50, 50)])
    assert axis.labels[0] == "-50–-38"


def test_of_very_many_words_some_are_left_out() -> None:
    (axis,), _ = two_swept([{"a": f"{n:03}"} for n in range(100)])
    assert len(axis.labels) == 24
    assert axis.place({"a": "000"}) == 0
    assert axis.place({"a": "099"}) is None
