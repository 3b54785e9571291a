"""How much the engine gets in one call."""

from sequencer.batch_budget import GAS_FIRST, GAS_MAX_FAST, TARGET_NS, TRANSACTIONS_FIRST, TRANSACTIONS_MAX, BatchBudget

QUICK_NS, SLOW_NS = TARGET_NS // 100, 4 * TARGET_NS


def bounds(budget: BatchBudget) -> tuple[int, int]:
    return budget.transactions, budget.gas


def test_full_batches_that_are_quick_are_followed_by_larger_ones_up_to_a_bound() -> None:
    budget = BatchBudget()
    for _ in range(20):
        budget.follow(budget.transactions, 1, QUICK_NS)
    assert bounds(budget) == (TRANSACTIONS_MAX, GAS_FIRST)


def test_a_batch_that_was_not_full_says_nothing_about_larger_ones() -> None:
    budget = BatchBudget(GAS_MAX_FAST)
    budget.follow(TRANSACTIONS_FIRST - 1, GAS_FIRST // 2, QUICK_NS)
    budget.follow(TRANSACTIONS_FIRST, 1, TARGET_NS - 1)
    assert bounds(budget) == (TRANSACTIONS_FIRST, GAS_FIRST)


def test_where_gas_held_the_batch_back_a_fast_engine_gets_more() -> None:
    slow, fast = BatchBudget(), BatchBudget(GAS_MAX_FAST)
    for _ in range(10):
        slow.follow(3, slow.gas, QUICK_NS)
        fast.follow(3, fast.gas, QUICK_NS)
    assert bounds(slow) == (TRANSACTIONS_FIRST, GAS_FIRST)
    assert bounds(fast) == (TRANSACTIONS_FIRST, GAS_MAX_FAST)


def test_a_slow_batch_lowers_both_at_once_but_one_transaction_always_fits() -> None:
    budget = BatchBudget(GAS_MAX_FAST)
    budget.gas, budget.transactions = GAS_MAX_FAST, 1_000
    budget.follow(1_000, GAS_MAX_FAST, 2 * TARGET_NS)
    assert bounds(budget) == (500, GAS_MAX_FAST // 2)
    budget.follow(2, GAS_FIRST, 1_000 * TARGET_NS)
    assert bounds(budget) == (1, GAS_FIRST)
