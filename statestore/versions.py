"""
Older values of accounts and slots: many readers, each at the end of one mini-block, beside one writer.

Each record carries the version that last wrote it and the position of its previous value in a ring of older values;
an entry of the ring carries the same two, so the values of a record form a chain from new to old. Before a
mini-block's first write to a record its value goes into the ring; the entries made since the last seal are therefore
exactly the records that the open mini-block wrote, which is what the state diff is derived from.

Versions in the tables count from 1: 1 is version 0 outside. 0 is on records that did not exist when the open
mini-block began, whose value is then "nothing". While a first state is loaded the version written is 1 and new records
carry 1 too, so nothing is pushed.

A reader at version v never looks at what is being written, w > v. Why it may run beside the writer, in another thread
and without a lock:

1. First write of a mini-block to a record: (a) entry <- value, version, link; (b) link <- entry; (c) version <- w;
   (d) value <- new; a release fence between each two. Later writes are (d) alone; so is an undo.
2. The reader loads the version; if it is <= v it copies the value and loads the version again, an acquire fence between
   each two. Had the copy seen any of (d), the second load would see (c), w > v. So an unchanged version means an
   unmixed value, and the newest not newer than v. Versions of a record only rise: there is no ABA.
3. If the version is > v, (b) is visible, for it precedes (c). The chain from the link has an entry with a version
   <= v, since every write after v pushed what it replaced. Entries do not change until they are reclaimed. A link newer
   than the version that the reader saw only makes the chain longer at its young end.
4. Reclaiming: `oldest` is raised, then, after a release fence, entries needed only below it are overwritten. The
   reader loads `oldest` after it has copied an entry (acquire fence): had it copied an overwritten one, it would see
   oldest > v and answer DISCARDED. It does so at every step, so a chain through reused entries ends.
5. Growth: the writer copies arrays into a new set, publishes it and raises `generation`; only then does it write to the
   new ones. A reader with an outgrown set of which another array is still live could follow a link or row that its own
   arrays do not have; rows are compared with the length, and `generation` is checked as `oldest` is: MOVED.

Versions are aligned 64-bit words and links aligned 32-bit words, loaded and stored whole on every machine we run on.

Links are 32 bits of the entry's number. That is enough: a link is followed only from a version > v >= oldest, so its
entry is one of the less than 2^32 that the ring still holds.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from primitives.kernels_cache import njit
from statestore.memory_order import fence_acquire, fence_release
from statestore.table import DISCARDED, MOVED, OLDER_ACCOUNTS_FULL, OLDER_SLOTS_FULL

LOADING = 1  # The version being written before anything is sealed.
NEWBORN = 0
LATEST = 2**62  # Newer than any version: what the writer itself reads.
LINK_MASK = 0xFFFFFFFF

# Words that `account_at` fills: balance, nonce, code hash.
ACCOUNT_WORDS = 9


@njit
def first_version(tables):
    """The version of a record that is just being made."""
    return LOADING if tables.counters[0].writing == LOADING else NEWBORN


@njit
def keep_account(tables, row):
    """
    Keep the value of an account that the open mini-block is about to write for the first time.

    Returns 0, or OLDER_ACCOUNTS_FULL with nothing done.
    """
    counters = tables.counters[0]
    account = tables.accounts[row]
    if account.version == counters.writing:
        return 0
    end, capacity = counters.older_accounts_end, len(tables.older_accounts)
    if end - counters.older_accounts_start == capacity:
        return OLDER_ACCOUNTS_FULL
    entry = tables.older_accounts[end & (capacity - 1)]
    for limb in range(4):
        entry.balance[limb] = account.balance[limb]
    entry.nonce = account.nonce
    entry.code = account.code
    entry.exists = account.exists
    entry.version = account.version
    entry.older = account.older
    entry.row = row
    counters.older_accounts_end = end + 1
    fence_release()
    account.older = end & LINK_MASK
    fence_release()
    account.version = counters.writing
    fence_release()
    return 0


@njit
def keep_slot(tables, row):
    """The same for a slot; returns 0, or OLDER_SLOTS_FULL with nothing done."""
    counters = tables.counters[0]
    slot = tables.slots[row]
    if slot.version == counters.writing:
        return 0
    end, capacity = counters.older_slots_end, len(tables.older_slots)
    if end - counters.older_slots_start == capacity:
        return OLDER_SLOTS_FULL
    entry = tables.older_slots[end & (capacity - 1)]
    for limb in range(4):
        entry.value[limb] = slot.value[limb]
    entry.version = slot.version
    entry.older = slot.older
    entry.row = row
    counters.older_slots_end = end + 1
    fence_release()
    slot.older = end & LINK_MASK
    fence_release()
    slot.version = counters.writing
    fence_release()
    return 0


@njit
def verdict(tables, version):
    """0 if what was read so far is the state at `version`, else DISCARDED or MOVED."""
    fence_acquire()
    counters = tables.counters[0]
    if counters.oldest > version:
        return DISCARDED
    return 0 if counters.generation == tables.generation else MOVED


@njit
def copy_account(tables, record, out, at):
    """
    Copy the fields of an account, or of an older value of one.

    out : uint64[n]     words `at` to `at + ACCOUNT_WORDS` are written if the account exists

    Returns 1 if it exists, else 0; MOVED if its code is beyond the codes.
    """
    if record.exists == 0:
        return 0
    code = record.code
    if code >= len(tables.codes):
        return MOVED
    for limb in range(4):
        out[at + limb] = record.balance[limb]
        out[at + 5 + limb] = tables.codes[code].hash[limb]
    out[at + 4] = record.nonce
    return 1


@njit
def account_at(tables, row, version, out, at):
    """
    Read an account as it was at `version`, beside the writer.

    out : uint64[n]     words from `at`: balance (4), nonce, code hash (4)

    Returns 1 if it existed, 0 if not, DISCARDED or MOVED.
    """
    account = tables.accounts[row]
    seen = account.version
    fence_acquire()
    if seen <= version:
        exists = copy_account(tables, account, out, at)
        fence_acquire()
        if account.version == seen:
            status = verdict(tables, version)
            return status if status < 0 else exists
    link = np.int64(account.older)
    mask = len(tables.older_accounts) - 1
    while True:
        entry = tables.older_accounts[link & mask]
        found, link = entry.version, np.int64(entry.older)
        exists = copy_account(tables, entry, out, at) if found <= version else 0
        status = verdict(tables, version)
        if status < 0:
            return status
        if found <= version:
            return exists


@njit
def slot_at(tables, row, version, out, at):
    """
    Read a slot as it was at `version`, beside the writer.

    out : uint64[n]     words from `at`: the value (4)

    Returns 1 if it was not zero, 0 if it was, DISCARDED or MOVED.
    """
    slot = tables.slots[row]
    seen = slot.version
    fence_acquire()
    if seen <= version:
        for limb in range(4):
            out[at + limb] = slot.value[limb]
        fence_acquire()
        if slot.version == seen:
            status = verdict(tables, version)
            return status if status < 0 else is_not_zero(out, at)
    link = np.int64(slot.older)
    mask = len(tables.older_slots) - 1
    while True:
        entry = tables.older_slots[link & mask]
        found, link = entry.version, np.int64(entry.older)
        for limb in range(4):
            out[at + limb] = entry.value[limb]
        status = verdict(tables, version)
        if status < 0:
            return status
        if found <= version:
            return is_not_zero(out, at)


@njit
def is_not_zero(words, at):
    """1 if one of the four words from `at` is not zero, else 0."""
    return 1 if (words[at] | words[at + 1] | words[at + 2] | words[at + 3]) != np.uint64(0) else 0


@njit
def discard(tables, oldest, accounts_start, slots_start):
    """
    Let entries be reused that only versions before `oldest` need.

    accounts_start, slots_start : int64     number of the first entry to keep in each ring
    """
    counters = tables.counters[0]
    counters.oldest = oldest
    fence_release()
    counters.older_accounts_start = accounts_start
    counters.older_slots_start = slots_start


@njit
def changed_accounts(tables, first, rows):
    """
    The accounts that the open mini-block changed for good.

    first : int64       number of its first entry among the older accounts
    rows : int64[n]     filled; n is at least the number of entries

    Returns how many.
    """
    count = 0
    mask = len(tables.older_accounts) - 1
    for number in range(first, tables.counters[0].older_accounts_end):
        entry = tables.older_accounts[number & mask]
        account = tables.accounts[entry.row]
        is_same = entry.exists == account.exists and entry.nonce == account.nonce and entry.code == account.code
        for limb in range(4):
            is_same = is_same and entry.balance[limb] == account.balance[limb]
        if not is_same:
            rows[count] = entry.row
            count += 1
    return count


@njit
def changed_slots(tables, first, rows):
    """The same for slots."""
    count = 0
    mask = len(tables.older_slots) - 1
    for number in range(first, tables.counters[0].older_slots_end):
        entry = tables.older_slots[number & mask]
        slot = tables.slots[entry.row]
        is_same = True
        for limb in range(4):
            is_same = is_same and entry.value[limb] == slot.value[limb]
        if not is_same:
            rows[count] = entry.row
            count += 1
    return count
