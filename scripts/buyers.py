#!/usr/bin/env python3
"""Fit the models of repeat buying to a table of people's histories and print the parameters.

Usage: scripts/buyers.py FILE.csv [FILE.csv …]

Each file has a row a person and the columns x (or frequency), t_x (or recency) and T; with zbar (or
monetary_value) Gamma–Gamma is fitted too. With the two summaries of the CDNOW sample it prints what
its authors published: r .243, alpha 4.414, a .793, b 2.426; p 6.25, q 3.74, v 15.4.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clickcli.models.buy_till_you_die import Histories, Model, fit_buy_till_you_die
from clickcli.models.gamma_gamma import fit_gamma_gamma
from clickcli.models.maximum_likelihood import Fit

_NAMES = (("x", "frequency"), ("t_x", "recency"), ("T",), ("zbar", "monetary_value"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line a model and file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.csv")
    for path in parser.parse_args(arguments).files:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        columns = {
            names[0]: np.array([float(row[name]) for row in rows])
            for names in _NAMES for name in names if rows and name in rows[0]
        }  # fmt: skip
        people = Histories(columns["x"], columns["t_x"], columns["T"])
        print(f"{path.name}: {len(rows)} people")
        for model in Model:
            show(model, ("r", "alpha", "a", "b"), fit_buy_till_you_die(model, people)[1])
        if "zbar" in columns:
            known = (columns["x"] > 0) & (columns["zbar"] > 0)
            found = fit_gamma_gamma(columns["x"][known], columns["zbar"][known])[1]
            show("gamma-gamma", ("p", "q", "v"), found)


def show(model: str, names: Sequence[str], fit: Fit) -> None:
    """Print the parameters of a fit."""
    values = "  ".join(f"{n} {v:.3f}" for n, v in zip(names, fit.parameters, strict=True))
    print(f"  {model:12} {values}  log-likelihood {fit.log_likelihood:.1f}")


if __name__ == "__main__":
    main()
