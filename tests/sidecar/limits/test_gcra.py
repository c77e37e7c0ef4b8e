from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from outrider_sidecar.limits.gcra import Bucket, Level
from outrider_sidecar.snapshot import Rate

SECOND = 1_000_000_000

limits = st.integers(1, 50)
bursts = st.integers(1, 20)
windows = st.one_of(st.integers(1, 60).map(lambda s: s * SECOND), st.integers(1, 10_000))
buckets = st.builds(Bucket, limits, windows, bursts)
gaps = st.lists(st.one_of(st.just(0), st.integers(0, 3 * SECOND), st.integers(0, 1_000)))


def admissions(bucket: Bucket, moments: list[int]) -> list[int]:
    """When requests were admitted that came at these moments."""
    level: Level | None = None
    admitted = []
    for now in moments:
        if bucket.wait(level, now) == 0:
            level = bucket.take(level, now)
            admitted.append(now)
    return admitted


def running(gaps: list[int]) -> list[int]:
    moments, now = [], 0
    for gap in gaps:
        now += gap
        moments.append(now)
    return moments


@given(buckets, gaps)
def test_any_time_admits_at_most_the_burst_and_what_came_back(
    bucket: Bucket, gaps: list[int]
) -> None:
    admitted = admissions(bucket, running(gaps))
    for first, start in enumerate(admitted):
        for count, end in enumerate(admitted[first:], 1):
            back = Fraction(bucket.limit * (end - start), bucket.window_ns)
            assert count <= bucket.burst + back


@given(buckets, gaps)
def test_nobody_is_refused_whom_a_leaky_bucket_of_fractions_would_admit(
    bucket: Bucket, gaps: list[int]
) -> None:
    moments = running(gaps)
    level, at = Fraction(0), 0
    expected = []
    for now in moments:
        level = max(Fraction(0), level - Fraction(bucket.limit * (now - at), bucket.window_ns))
        at = now
        if level + 1 <= bucket.burst:
            level += 1
            expected.append(now)
    assert admissions(bucket, moments) == expected


@given(buckets, gaps)
def test_the_wait_is_exact_to_the_nanosecond(bucket: Bucket, gaps: list[int]) -> None:
    level: Level | None = None
    for now in running(gaps):
        wait = bucket.wait(level, now)
        assert wait is not None
        if wait:
            assert bucket.wait(level, now + wait) == 0
            assert bucket.wait(level, now + wait - 1) == 1
        else:
            level = bucket.take(level, now)


@given(buckets, st.integers(0, 30), st.integers(0, SECOND))
def test_a_level_is_empty_when_it_says_so_and_not_before(
    bucket: Bucket, count: int, now: int
) -> None:
    level = bucket.take(None, now)
    for _ in range(count):
        level = bucket.take(level, now)
    end = bucket.emptied(level)
    assert bucket.drained(level, end) == 0
    assert bucket.drained(level, end - 1) > 0
    assert bucket.used(level, now) == count + 1


@given(buckets, st.integers(1, 20), st.integers(0, 10 * SECOND))
def test_a_clock_that_stands_or_runs_back_gives_nothing_back(
    bucket: Bucket, count: int, back: int
) -> None:
    now = 20 * SECOND
    level = bucket.take(None, now)
    for _ in range(count):
        level = bucket.take(level, now)
    assert bucket.used(level, now - back) == count + 1


@given(buckets, buckets, st.integers(1, 30))
def test_another_window_keeps_what_was_used(before: Bucket, after: Bucket, count: int) -> None:
    level: Level | None = None
    for _ in range(count):
        level = before.take(level, 0)
    assert after.used(level, 0) == count


@given(buckets, st.integers(1, 20), st.integers(0, 5 * SECOND))
def test_there_and_back_through_another_window_forgives_nothing(
    bucket: Bucket, count: int, later: int
) -> None:
    other = Bucket(bucket.limit, bucket.window_ns * 7 + 3, bucket.burst)
    level: Level | None = None
    for _ in range(count):
        level = bucket.take(level, 0)
    assert level is not None
    there = other.drained(level, 0)
    back = bucket.drained(Level(there, 0, other.window_ns), 0)
    assert level.parts <= back <= level.parts + 1


def test_a_limit_of_nought_admits_nothing_and_names_no_moment() -> None:
    assert Bucket(0, SECOND, 1).wait(None, 0) is None


def test_the_rate_of_a_tier_in_nanoseconds() -> None:
    assert Bucket.of(Rate(limit=10, window_ms=60_000, burst=3)) == Bucket(10, 60 * SECOND, 3)


def test_ten_a_minute_is_ten_at_once_then_one_each_six_seconds() -> None:
    bucket = Bucket(10, 60 * SECOND, 10)
    level: Level | None = None
    for _ in range(10):
        assert bucket.wait(level, 0) == 0
        level = bucket.take(level, 0)
    assert bucket.wait(level, 0) == 6 * SECOND
    level = bucket.take(level, 6 * SECOND)
    assert bucket.wait(level, 6 * SECOND) == 6 * SECOND
