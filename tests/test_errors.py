"""Errors that come back from another process as they were."""

import pickle

import pytest

from helpers.errors import DataError, KitError, ParameterError


@pytest.mark.parametrize(
    "error",
    [
        KitError("given 7", where="days", right="less"),
        DataError("not a number", where="data/x/published.csv, row 3"),
        ParameterError([KitError("given 7", where="days"), KitError("given 0", where="dose")]),
    ],
)
def test_an_error_survives_the_way_back_from_a_worker(error):
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert str(back) == str(error)
