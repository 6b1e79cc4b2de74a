"""Threads: they compute at the same time, change nothing, and hold little."""

from threading import Barrier, Event, active_count, get_ident
from weakref import WeakSet

import numpy as np
import pytest
from hypothesis import given

from parity_tests.calls import BLOCKS, calls
from reference import blockwise_attention
from reference.block_inputs import InputGradients
from reference.item_gradients import of_own
from reference.threads import in_order


@given(calls(), BLOCKS)
def test_threads_change_no_bit_of_the_output(call, block):
    one, two = (blockwise_attention(**call, block=block, threads=threads) for threads in (1, 2))
    assert np.array_equal(one.output, two.output)
    assert np.array_equal(one.log_sum_exp, two.log_sum_exp)


def test_threads_compute_at_the_same_time():
    together = Barrier(2, timeout=60)

    def mask(queries, keys, *item):
        together.wait()  # raises if no other thread comes
        return np.True_

    blockwise_attention(np.ones((2, 3, 4)), np.ones((3, 4)), np.ones((3, 4)), mask=mask, threads=2)


def test_whoever_takes_the_results_computes_too():
    together = Barrier(2, timeout=60)

    def compute(number):
        if number < 2:
            together.wait()  # raises if no other thread comes
        return get_ident()

    others = set(in_order(compute, range(10), threads=2)) - {get_ident()}
    assert len(others) == 1


def test_for_one_argument_no_thread_is_started():
    assert list(in_order(lambda number: get_ident(), [0], threads=4)) == [get_ident()]


@pytest.mark.parametrize("failing", range(5))
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_fails_is_raised_after_the_results_before_it_at_most(failing, threads):
    def compute(number):
        if number == failing:
            raise ZeroDivisionError
        return number

    taken = []
    with pytest.raises(ZeroDivisionError):
        taken.extend(in_order(compute, range(5), threads))  # which keeps those before
    assert taken == list(range(len(taken)))
    assert len(taken) <= failing


@pytest.mark.parametrize("threads", [1, 2])
def test_a_mask_that_runs_out_of_what_it_looks_for_is_an_error(threads):
    def mask(queries, keys):
        last = next(last for last in (3, 6) if queries[0, 0] < last)  # which no query from 6 on has
        return keys < last

    x = np.ones((7, 2))
    with pytest.raises(RuntimeError, match="StopIteration"):
        blockwise_attention(x, x, x, mask=mask, block=(1, 7), threads=threads)


def test_an_interrupt_is_not_kept_for_later():
    taker, interrupted = get_ident(), Event()

    def compute(number):
        if get_ident() == taker:
            interrupted.set()
            raise KeyboardInterrupt
        interrupted.wait(60)

    with pytest.raises(KeyboardInterrupt):
        next(in_order(compute, range(10), threads=2))


def test_no_thread_is_left_where_results_are_not_taken():
    before = active_count()
    results = in_order(lambda number: number, range(50), threads=3)
    assert next(results) == 0
    results.close()
    assert active_count() == before


def test_every_thread_has_the_error_state_of_whoever_takes_the_results():
    with np.errstate(divide="raise"):
        assert set(in_order(lambda number: np.geterr()["divide"], range(50), threads=3)) == {"raise"}


@pytest.mark.parametrize("threads", [2, 3])
def test_few_results_are_kept_until_they_are_taken(threads):
    class Result:
        pass

    kept = WeakSet()

    def compute(number):
        result = Result()
        kept.add(result)
        return result

    for _ in in_order(compute, range(1000), threads):
        assert len(kept) <= threads + 3


def test_of_what_several_items_share_each_adds_to_a_matrix_of_its_own():
    of_each, of_all, also_of_all, scale = (np.zeros(shape) for shape in ((2, 3, 4), (3, 4), (1, 3, 4), (1, 1)))
    gradients = InputGradients(of_each, of_all, also_of_all, scale, None)
    own = of_own(gradients, item=(1,), leading=(2,))
    assert [np.shares_memory(*pair) for pair in zip(own[:4], gradients)] == [True, False, False, False]
    assert own.d_bias is None
    assert own.d_query.base is of_each
    assert not any(np.any(matrix) for matrix in own[:4])
