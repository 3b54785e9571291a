"""Which loops are found, and what is known of them."""

from evm_jit.compiler.blocks import cut
from evm_jit.compiler.carried import carried_words
from evm_jit.compiler.loops import TREES_WEIGHT_SHARE_MAX, Loop, find_loops
from primitives.forks import Fork


def loops(code_hex: str) -> dict[int, Loop]:
    program = cut(bytes.fromhex(code_hex), Fork.OSAKA)
    return find_loops(program, carried_words(program))


# PUSH0, CALLDATALOAD, PUSH0; JUMPDEST, DUP2, DUP2, LT, ISZERO, PUSH1 end, JUMPI; PUSH1 1, ADD, PUSH1 3, JUMP; end
COUNTING = "5f355f" + "5b8181101560" + "11" + "57" + "600101" + "600356" + "5b00"


def test_a_loop_that_counts_is_small_and_some_turns_are_one():
    (loop,) = loops(COUNTING).values()
    assert loop.head == 3
    assert loop.slots == (-2, -1) and loop.narrow == {-2, -1}
    assert loop.least == 2 and loop.growth == 2
    way, turns = loop.root, 0
    while True:
        turns += way.block.pc == 3
        (following,) = [each for each in way.ways if each.copy is not None or each.is_turn]
        if following.copy is None:
            break
        way = following.copy
    assert turns == 8
    assert loop.gas == turns * (1 + 3 + 3 + 3 + 3 + 3 + 10 + 3 + 3 + 3 + 8)


def test_a_turn_goes_through_calls():
    # PUSH1 9; JUMPDEST; PUSH1 back, PUSH1 f, JUMP; back: JUMPDEST, a step; STOP; f: JUMPDEST, JUMP
    (loop,) = loops("6009" + "5b6008601256" + "5b600190038060025700" + "5b56").values()
    assert [each.pc for each in (loop.root.block, loop.root.taken.copy.block)] == [2, 18]


def test_loops_around_others_are_left_out():
    # PUSH1 9; JUMPDEST, PUSH1 5; JUMPDEST, PUSH1 1, SWAP1, SUB, DUP1, PUSH1 5, JUMPI; POP, the same with 2
    assert list(loops("6009" + "5b6005" + "5b6001900380600557" + "50" + "6001900380600257" + "00")) == [5]


def test_what_only_the_interpreter_executes_is_in_no_loop():
    # JUMPDEST, PUSH0 7 times, CALL, POP, PUSH0, JUMP
    assert loops("5b" + "5f" * 7 + "f1" + "50" + "5f56") == {}


def test_a_loop_that_moves_the_stack_is_none():
    assert loops("5b6001600056") == {}


def test_trees_of_long_programs_are_a_small_part_of_them():
    copying = "5b8181101560{:02x}5760010160{:02x}56"  # As above, one after the other.
    code = "5f355f"
    for _ in range(12):  # No address beyond 255.
        start = len(code) // 2
        code += copying.format(start + 14, start) + "5b"
    code += "6001810150" * 600
    found = loops(code).values()
    program = cut(bytes.fromhex(code), Fork.OSAKA)
    weight = sum(block.weight for block in program.blocks.values())
    assert 0 < len(found) < 12
    assert sum(loop.weight for loop in found) <= TREES_WEIGHT_SHARE_MAX * weight
