"""Whatever no other command answers: read-only SQL over events, sessions, carts and their items.

Definition
----------
One SELECT (WITH, joins, window functions, QUALIFY, UNION …) over the tables that ``--tables``
lists, run by Polars. They hold what an analysis with the same ``--from``, ``--to``, ``--where``
and ``--tz`` would see: events of bots and of people who opted out are left out, links between
devices and users are applied, and ``sessions`` and ``carts`` are those of the commands.

Input
-----
``properties.plan`` reads inside the JSON text ``properties``, as text. Times are in ``--tz``, money
is in major units beside its ``currency``.

Output
------
The columns of the query. Rows come in the order of ORDER BY, then of the columns from left to
right, so that the same question has the same answer.

Units
-----
A difference of two times is in seconds. Division gives a fraction, ``//`` a whole number; by 0 is
no value. Whole numbers have 64 bits.

Cost
----
One pass over the columns that the query names; ``sessions`` and ``carts`` are made when named.
"""
