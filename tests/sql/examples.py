"""A small log, and queries with a call of every function that sql knows."""

from __future__ import annotations

import json
from typing import Any, Final

_START: Final = 1_743_292_800  # 2025-03-30T00:00:00Z: at 01:00 clocks go forward in Berlin


def lines() -> bytes:
    """Return a log of four people and nobody, over a change of clocks."""
    rows: list[dict[str, Any]] = []

    def add(minute: int, who: str | None, kind: str, **more: Any) -> None:
        rows.append(
            {"event_id": f"e{len(rows)}", "event_type": kind, "ts": _START + 60 * minute,
             "user_id": who, **more}
        )  # fmt: skip

    for number, who in enumerate(("ann", "bob", "cat", "O'Neil")):
        for visit in range(3):
            at = 1300 * visit + 17 * number
            add(at, who, "page_view", page_path="/", country="DE" if number % 2 else None)
            add(at + 1, who, "product_view", item_id=f"p{visit}", price=9.99 * visit,
                currency="EUR", plan="pro" if number else 7)  # fmt: skip
            if visit:
                add(at + 2, who, "add_to_cart", item_id=f"p{visit}", price=10, quantity=visit,
                    currency="EUR")  # fmt: skip
        add(4000 + number, who, "purchase", revenue=100.5 + number, currency="EUR", order_id=who)
    add(5000, None, "page_view", page_path="/a,b", address={"city": "Köln"}, **{"a key": "x"})
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


CALLS: Final = {
    "count": "count(*), count(country), count(distinct country)",
    "sum": "sum(revenue), sum(quantity)",
    "avg": "avg(price)",
    "min": "min(ts), min(event_type)",
    "max": "max(price)",
    "median": "median(price)",
    "quantile_cont": "quantile_cont(price, 0.9)",
    "quantile_disc": "quantile_disc(revenue, 0.5)",
    "stddev": "stddev(price)",
    "variance": "variance(price)",
    "row_number": "row_number() over (partition by event_type order by ts, seq)",
    "rank": "rank() over (order by event_type)",
    "dense_rank": "dense_rank() over (order by event_type)",
    "ntile": "ntile(3) over (order by ts, seq)",
    "percent_rank": "percent_rank() over (order by event_type)",
    "cume_dist": "cume_dist() over (order by event_type)",
    "lag": "lag(event_type) over (partition by person_id order by ts, seq)",
    "lead": "lead(ts, 1) over (partition by person_id order by ts, seq)",
    "first_value": "first_value(event_type) over (partition by person_id order by ts, seq)",
    "last_value": "last_value(event_type) over (partition by person_id order by ts, seq)",
    "abs": "abs(price - 15)",
    "ceil": "ceil(price)",
    "floor": "floor(price)",
    "round": "round(price, 1)",
    "sign": "sign(price - 5)",
    "sqrt": "sqrt(price)",
    "power": "power(price, 2)",
    "exp": "exp(quantity)",
    "ln": "ln(revenue)",
    "log": "log10(revenue), log2(revenue), log(3, revenue) as l, log(revenue) as m",
    "greatest": "greatest(price, 5)",
    "least": "least(price, 5)",
    "coalesce": "coalesce(country, 'none'), ifnull(price, 0)",
    "nullif": "nullif(event_type, 'purchase')",
    "lower": "lower(person_id)",
    "upper": "upper(person_id)",
    "length": "length(person_id) - 5",
    "trim": "trim(' ' || person_id), ltrim(' x'), rtrim('x ')",
    "substr": "substr(event_type, 2, 3)",
    "left": "left(event_type, 2)",
    "right": "right(event_type, 2)",
    "replace": "replace(event_type, '_', '-')",
    "reverse": "reverse(event_type)",
    "concat": "concat(event_type, '!')",
    "concat_ws": "concat_ws('/', event_type, event_id)",
    "strpos": "strpos(event_type, '_') - 9",
    "starts_with": "starts_with(event_type, 'page')",
    "ends_with": "ends_with(event_type, 'view')",
    "split_part": "split_part(event_type, '_', 2)",
    "regexp_like": "regexp_matches(event_type, '^p.*w$'), event_type ~ 'view'",
    "extract": "extract(hour from ts) * 60 + extract(minute from ts)",
    "year": "year(ts) * 100000",
    "quarter": "quarter(ts) * 100",
    "month": "month(ts) * 100",
    "week": "week(ts) * 100",
    "day": "day(ts) * 100",
    "dayofweek": "dayofweek(ts) * 100",
    "dayofyear": "dayofyear(ts) * 1000",
    "hour": "hour(ts) * 100",
    "minute": "minute(ts) * 100",
    "second": "second(ts) * 100",
    "date_trunc": "date_trunc('day', ts), date_trunc('week', ts), date_trunc('hour', ts)",
    "date": "date(ts), ts::date as other",
    "strftime": "strftime(ts, '%Y-%m-%d %H')",
    "strptime": "strptime('2025-03-01', '%Y-%m-%d')",
}
"""Columns of a query over events that call each function."""

QUERIES: Final = (
    "select power(10, 10) as x, 2 ** 40 as y",
    "select event_type, count(*) from events group by event_type",
    "select event_type, count(*) n from events group by 1 having count(*) > 3 order by n desc",
    "select person_id, sum(revenue) r, sum(sum(revenue)) over () from events group by all",
    "select distinct event_type, item_id from events where item_id is not null",
    "select event_id from events where price between 5 and 10 or country in ('DE', 'AT')",
    "select event_id from events where event_type like '%view' and not (country = 'DE')",
    "select event_id from events where event_type ilike 'PAGE%' and person_id is not null",
    "select case when price > 5 then 3000000000 else 1 end as n from events",
    "select sum(case when price > 5 then 2000000000 else 0 end) from events",
    "select sum(case when price > 5 then 2000000000 else 0 end) * 5 from events",
    (
        "select e.event_id, f.event_id as other from events e join events f"
        " on e.person_id = f.person_id and e.item_id = f.item_id"
    ),
    (
        "select e.event_id, p.order_id from events e left join (select person_id,"
        " order_id from events where event_type = 'purchase') p using (person_id)"
    ),
    (
        "with first as (select person_id, min(ts) as start from events group by 1)"
        " select date_trunc('day', start) as day, count(*) from first group by 1"
    ),
    (
        "select event_id from events where person_id in"
        " (select person_id from events where revenue > 101)"
    ),
    (
        "select event_id from events e where exists"
        " (select 1 from events f where f.person_id = e.person_id and f.revenue > 102)"
    ),
    "select event_id, ts from events where ts = (select max(ts) from events)",
    (
        "select person_id, event_id from events"
        " qualify row_number() over (partition by person_id order by ts desc, seq) = 1"
    ),
    "select event_type from events union select item_id from events",
    "select event_type from events except select 'purchase'",
    "select event_type from events intersect select 'purchase'",
    "select count(*) filter (where price > 5) * 1.0 / count(*) from events",
    "select ts, ts + interval '1 day' as next, ts - interval '2 hours' from events",
    "select event_id from events where ts >= '2025-03-31' and ts < timestamp '2025-04-01'",
    "select event_id from events where ts::date = date '2025-03-31'",
    "select local_date, count(*) from events group by 1",
    "select event_type, quantile_cont(price, 0.5), median(price) from events group by 1",
    "select seq, quantile_cont(price, 0.5) over (partition by person_id) from events",
    "select price / 3, quantity // 2, quantity % 2, -quantity, 7 / 2, 7 // 2 from events",
    "select try_cast(event_id as bigint), cast(quantity as double), quantity::varchar from events",
    (
        "select sum(price) over (partition by person_id order by ts, seq"
        " rows between unbounded preceding and current row) from events"
    ),
    "select a.n + b.n from (select 1 as n union all select 2) a cross join (select 5 as n) b",
)
"""Queries that DuckDB answers alike."""
