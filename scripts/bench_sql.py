"""What DuckDB and ClickHouse are asked, in the fastest of the forms that were tried.

``{files}`` are the store's own Parquet files. Tried and slower is said beside each.
"""

from __future__ import annotations

_TIMEOUT = 1_800_000_000
_WEEK = 604_800_000_000
_STEPS = "('page_view', 'product_view', 'add_to_cart', 'purchase')"
_PLAIN = "SETTINGS schema_inference_make_columns_nullable = 0"
"""Columns that may be null cost ClickHouse more; those read here never are."""
_DATED = "use_hive_partitioning = 1"

# Sessions: one group for each given id, and windows only where one lasts longer than the time-out.
# Windows over all events took 1.8 to 2.1 times the CPU, sorted lists of each id 1.5.
_SESSIONS_DUCKDB = f"""
WITH whole AS MATERIALIZED (
    SELECT person_key, session_id, max(ts) - min(ts) AS duration, count(*) AS events,
        count(*) FILTER (event_type = 'page_view') AS views,
        count(*) FILTER (event_type = 'purchase') AS buys
    FROM read_parquet('{{files}}') GROUP BY person_key, session_id),
marked AS (
    SELECT person_key, session_id, ts, event_type,
        coalesce(ts - lag(ts) OVER w > {_TIMEOUT}, true) AS begins
    FROM read_parquet('{{files}}')
    SEMI JOIN (FROM whole WHERE duration > {_TIMEOUT}) USING (person_key, session_id)
    WINDOW w AS (PARTITION BY person_key, session_id ORDER BY ts)),
numbered AS (
    SELECT *, count(*) FILTER (begins) OVER (
        PARTITION BY person_key, session_id ORDER BY ts ROWS UNBOUNDED PRECEDING) AS number
    FROM marked),
sessions AS (
    SELECT person_key, duration, events, views, buys FROM whole WHERE duration <= {_TIMEOUT}
    UNION ALL
    SELECT person_key, max(ts) - min(ts), count(*), count(*) FILTER (event_type = 'page_view'),
        count(*) FILTER (event_type = 'purchase')
    FROM numbered GROUP BY person_key, session_id, number)
SELECT count(*), count(DISTINCT person_key), sum(events)::BIGINT, sum(views)::BIGINT,
    count(*) FILTER (duration >= 10000000 OR views >= 2 OR buys > 0), count(*) FILTER (buys > 0),
    count(*) FILTER (duration = 0), avg(duration) / 1e6, quantile_cont(duration, 0.5) / 1e6,
    quantile_cont(duration, 0.9) / 1e6
FROM sessions
"""

_SESSIONS_CHDB = f"""
WITH given AS (
    SELECT person_key,
        arraySort(groupArray((ts, event_type = 'page_view', event_type = 'purchase'))) AS l
    FROM file('{{files}}', Parquet) GROUP BY person_key, session_id),
cut AS (
    SELECT person_key, arrayJoin(arraySplit((x, y) -> y, l,
        arrayMap(gap -> gap > {_TIMEOUT}, arrayDifference(l.1)))) AS s
    FROM given),
sessions AS (
    SELECT person_key, s[-1].1 - s[1].1 AS duration, length(s) AS events,
        arrayCount(x -> x.2, s) AS views, arrayCount(x -> x.3, s) AS buys
    FROM cut)
SELECT count(), uniqExact(person_key), sum(events), sum(views),
    countIf(duration >= 10000000 OR views >= 2 OR buys > 0), countIf(buys > 0),
    countIf(duration = 0), avg(duration) / 1e6, quantileExactInclusive(0.5)(duration) / 1e6,
    quantileExactInclusive(0.9)(duration) / 1e6
FROM sessions {_PLAIN}
"""

# Funnel: the latest entry that leads to each event of a step is carried from step to step. Running
# maxima by nested windows took 2 times the CPU, or 1.4 with each step's rows left out after it;
# a list of each person's events, reduced, 1.5.
_FUNNEL_DUCKDB = f"""
WITH e AS MATERIALIZED (
    SELECT person_key, ts, event_type FROM read_parquet('{{files}}') WHERE event_type IN {_STEPS}),
one AS (FROM e WHERE event_type = 'page_view'),
two AS MATERIALIZED (
    SELECT s.person_key, s.ts, p.ts AS entry
    FROM (FROM e WHERE event_type = 'product_view') s
    ASOF JOIN one p ON s.person_key = p.person_key AND s.ts >= p.ts
    WHERE s.ts - p.ts <= {_WEEK}),
three AS MATERIALIZED (
    SELECT s.person_key, s.ts, p.entry
    FROM (FROM e WHERE event_type = 'add_to_cart') s
    ASOF JOIN two p ON s.person_key = p.person_key AND s.ts >= p.ts
    WHERE s.ts - p.entry <= {_WEEK}),
four AS (
    SELECT s.person_key
    FROM (FROM e WHERE event_type = 'purchase') s
    ASOF JOIN three p ON s.person_key = p.person_key AND s.ts >= p.ts
    WHERE s.ts - p.entry <= {_WEEK})
SELECT 1, count(DISTINCT person_key) FROM one
UNION ALL SELECT 2, count(DISTINCT person_key) FROM two
UNION ALL SELECT 3, count(DISTINCT person_key) FROM three
UNION ALL SELECT 4, count(DISTINCT person_key) FROM four
"""

_FUNNEL_CHDB = f"""
SELECT arrayJoin([1, 2, 3, 4]) AS step, countIf(level >= step)
FROM (
    SELECT windowFunnel({_WEEK})(toUInt64(ts), event_type = 'page_view',
        event_type = 'product_view', event_type = 'add_to_cart', event_type = 'purchase') AS level
    FROM file('{{files}}', Parquet) WHERE event_type IN {_STEPS} GROUP BY person_key)
GROUP BY step {_PLAIN}
"""

# With times: each entry is followed forwards to the earliest event of each later step; the
# earliest of a person's deepest entries counts.
_TIMES = ", ".join(
    f"avg({time}) / 1e6, "
    + ", ".join(f"quantile_cont({time}, {q}) / 1e6" for q in (0.25, 0.5, 0.75, 0.9))
    for time in ("since_previous", "since_entry")
)


def _next(step: int, kind: str) -> str:
    """Return the query that adds the time of a step to the attempts of the step before."""
    before = ", ".join(f"t{n}" for n in range(1, step))
    return f"""
    SELECT s.person_key, {before}, CASE WHEN n.ts - t1 <= {_WEEK} THEN n.ts END AS t{step}
    FROM a{step - 1} s ASOF LEFT JOIN (FROM e WHERE event_type = '{kind}') n
    ON n.person_key = s.person_key AND n.ts >= s.t{step - 1}"""


_FUNNEL_TIMES_DUCKDB = f"""
WITH e AS MATERIALIZED (
    SELECT person_key, ts, event_type FROM read_parquet('{{files}}') WHERE event_type IN {_STEPS}),
a1 AS (SELECT person_key, ts AS t1 FROM e WHERE event_type = 'page_view'),
a2 AS ({_next(2, "product_view")}),
a3 AS ({_next(3, "add_to_cart")}),
a4 AS ({_next(4, "purchase")}),
best AS (
    SELECT arg_min({{'t1': t1, 't2': t2, 't3': t3, 't4': t4}}, (CASE WHEN t4 IS NOT NULL THEN 0
        WHEN t3 IS NOT NULL THEN 1 WHEN t2 IS NOT NULL THEN 2 ELSE 3 END)::HUGEINT << 64 | t1) AS a
    FROM a4 GROUP BY person_key),
steps AS (
    SELECT 1 AS step, NULL::BIGINT AS since_previous, NULL::BIGINT AS since_entry FROM best
    UNION ALL SELECT 2, a.t2 - a.t1, a.t2 - a.t1 FROM best WHERE a.t2 IS NOT NULL
    UNION ALL SELECT 3, a.t3 - a.t2, a.t3 - a.t1 FROM best WHERE a.t3 IS NOT NULL
    UNION ALL SELECT 4, a.t4 - a.t3, a.t4 - a.t1 FROM best WHERE a.t4 IS NOT NULL)
SELECT step, count(*), {_TIMES} FROM steps GROUP BY step
"""

# Retention: the day is that of the folder's name (time zone UTC). The day worked out of the time
# took 1.2 times the CPU in both, so did the least day by a window; days as bits of one number 1.4.
_PERSON_DAYS = """
days AS (
    SELECT DISTINCT person_key, date - DATE '1970-01-01' AS day
    FROM read_parquet('{files}', hive_partitioning = true))"""

_RETENTION_DUCKDB = f"""
WITH {_PERSON_DAYS},
began AS (SELECT person_key, min(day) AS cohort FROM days GROUP BY person_key)
SELECT cohort, day - cohort AS period, count(*) FROM days JOIN began USING (person_key)
WHERE period <= 30 GROUP BY ALL
"""

_RETENTION_CHDB = f"""
WITH people AS (
    SELECT groupUniqArray(toUInt16(toDate(date))) AS days, arrayMin(days) AS cohort
    FROM file('{{files}}', Parquet) GROUP BY person_key)
SELECT cohort, arrayJoin(days) - cohort AS period, count() FROM people
GROUP BY cohort, period HAVING period <= 30 {_PLAIN}, {_DATED}
"""

# Active people: a day counts in the trailing windows until the person's next one, at most 28 days.
# Steps up and down summed by the day took 1.2 to 1.4 times the CPU.
_ACTIVE_DUCKDB = f"""
WITH {_PERSON_DAYS},
gaps AS (
    SELECT day, day - lag(day) OVER w AS since, lead(day) OVER w - day AS till
    FROM days WINDOW w AS (PARTITION BY person_key ORDER BY day)),
counts AS (
    SELECT day, least(coalesce(till, 28), 28) AS till, since IS NULL AS is_new,
        coalesce(since = 1, false) AS is_back, count(*) AS n
    FROM gaps GROUP BY ALL)
SELECT day + x AS labelled, sum(n) FILTER (x = 0)::BIGINT AS dau, sum(n) FILTER (x < 7)::BIGINT,
    sum(n)::BIGINT, coalesce(sum(n) FILTER (x = 0 AND is_new), 0)::BIGINT,
    coalesce(sum(n) FILTER (x = 0 AND is_back), 0)::BIGINT
FROM counts, range(28) r(x) WHERE x < till GROUP BY labelled HAVING dau > 0
"""

_ACTIVE_CHDB = f"""
WITH people AS (
    SELECT arraySort(groupUniqArray(toInt32(toDate(date)))) AS days
    FROM file('{{files}}', Parquet) GROUP BY person_key),
gaps AS (
    SELECT x.1 AS day, least(x.2 - x.1, 28) AS till, x.1 - x.3 AS since
    FROM (SELECT arrayJoin(arrayZip(days, arrayPushBack(arrayPopFront(days), toInt32(100000)),
        arrayPushFront(arrayPopBack(days), toInt32(-100000)))) AS x FROM people)),
counts AS (
    SELECT day, till, multiIf(since > 100000, 'new', since = 1, 'back', '') AS state, count() AS n
    FROM gaps GROUP BY day, till, state)
SELECT labelled, sumIf(n, labelled = day) AS dau, sumIf(n, labelled < day + 7), sum(n),
    sumIf(n, labelled = day AND state = 'new'), sumIf(n, labelled = day AND state = 'back')
FROM (SELECT *, arrayJoin(range(toUInt32(day), toUInt32(day + till))) AS labelled FROM counts)
GROUP BY labelled HAVING dau > 0 {_PLAIN}, {_DATED}
"""

# Journeys: three event types in a row of a session are two gaps within the time-out, in one window.
# Types as text instead of an enumeration took up to 1.2 times the CPU.
_JOURNEYS_DUCKDB = f"""
WITH events AS (
    SELECT person_key, session_id, ts, seq, event_type::ENUM('page_view', 'product_view', 'search',
        'add_to_cart', 'checkout', 'purchase') AS a
    FROM read_parquet('{{files}}')),
grams AS (
    SELECT a, lead(a) OVER w AS b, lead(a, 2) OVER w AS c, lead(ts) OVER w - ts AS gap,
        lead(ts, 2) OVER w - lead(ts) OVER w AS next_gap
    FROM events WINDOW w AS (PARTITION BY person_key, session_id ORDER BY ts, seq))
SELECT a, b, c, count(*) FROM grams WHERE gap <= {_TIMEOUT} AND next_gap <= {_TIMEOUT} GROUP BY ALL
"""

_JOURNEYS_CHDB = f"""
WITH given AS (
    SELECT arraySort(groupArray((ts, seq, event_type))) AS l FROM file('{{files}}', Parquet)
    GROUP BY person_key, session_id HAVING length(l) > 2),
grams AS (
    SELECT arrayJoin(arrayMap((x, y, z) -> (x.3, y.3, z.3, y.1 - x.1 <= {_TIMEOUT}
        AND z.1 - y.1 <= {_TIMEOUT}), arrayPopBack(arrayPopBack(l)),
        arrayPopBack(arrayPopFront(l)), arrayPopFront(arrayPopFront(l)))) AS x
    FROM given)
SELECT x.1, x.2, x.3, count() FROM grams WHERE x.4 GROUP BY 1, 2, 3 {_PLAIN}
"""

BY_PERSON = """
COPY (
    SELECT person_key, seq, ts, date, event_type, session_id
    FROM read_parquet('{files}', hive_partitioning = true) ORDER BY person_key, ts, seq)
TO '{target}/all/events.parquet' (FORMAT parquet)
"""
QUERIES: dict[str, dict[str, str]] = {
    "sessions": {"duckdb": _SESSIONS_DUCKDB, "chdb": _SESSIONS_CHDB},
    "funnel": {"duckdb": _FUNNEL_DUCKDB, "chdb": _FUNNEL_CHDB},
    "funnel, with times": {"duckdb": _FUNNEL_TIMES_DUCKDB},
    "retention": {"duckdb": _RETENTION_DUCKDB, "chdb": _RETENTION_CHDB},
    "active": {"duckdb": _ACTIVE_DUCKDB, "chdb": _ACTIVE_CHDB},
    "journeys": {"duckdb": _JOURNEYS_DUCKDB, "chdb": _JOURNEYS_CHDB},
}
