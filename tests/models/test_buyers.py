"""The script that fits a table of histories reads the names that such tables have."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
ROWS = [(0, 0, 30, 0), (2, 20, 30, 12.5), (1, 3, 25, 40), (5, 24, 26, 21), (0, 0, 10, 0)] * 5


@pytest.mark.parametrize("names", ["x,t_x,T,zbar", "frequency,recency,T,monetary_value"])
def test_a_table_is_fitted_by_either_names(
    names: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    path = tmp_path / "people.csv"
    path.write_text("\n".join([names, *(",".join(map(str, row)) for row in ROWS)]) + "\n")
    importlib.import_module("buyers").main([str(path)])
    head, *fits = capsys.readouterr().out.splitlines()
    assert head == "people.csv: 25 people"
    assert [line.split()[0] for line in fits] == ["bgnbd", "mbgnbd", "gamma-gamma"]
