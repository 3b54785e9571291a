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

Only what an entry of the ring holds has versions. The other fields of a record (warm, created, filled_slots, original
and so on) are the writer's own: no reader looks at them.

Versions are aligned 64-bit words and links aligned 32-bit words, loaded and stored whole on every machine we run on.

Links are 32 bits of the entry's number. That is enough: a link is followed only from a version > v >= oldest, so its
entry is one of the less than 2^32 that the ring still holds.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

from primitives.kernels_cache import njit, njit_inlined
from primitives.memory import store_int64, store_uint64
from primitives.u256 import load_limbs, store_limbs
from statestore.memory_order import fence_acquire, fence_release
from statestore.table import (
    DISCARDED,
    MOVED,
    OLDER_ACCOUNTS_FULL,
    OLDER_SLOTS_FULL,
    account_row,
    code_row,
    counters_of,
    older_account_row,
    older_slot_row,
    slot_row,
)

LOADING = 1  # The version being written before anything is sealed.
NEWBORN = 0
LATEST = 2**62  # Newer than any version: what the writer itself reads.
LINK_MASK = 0xFFFFFFFF

ACCOUNT_SIZE_BYTES = 32 + 8 + 32  # What `account_at` writes: balance, nonce, code hash.


@njit_inlined
def first_version(tables):
    """The version of a record that is just being made."""
    return LOADING if counters_of(tables).writing == LOADING else NEWBORN


@njit_inlined
def keep_account(tables, row):
    """
    Keep the value of an account that the open mini-block is about to write for the first time.

    Returns 0, or OLDER_ACCOUNTS_FULL with nothing done.
    """
    return 0 if account_row(tables, row).version == counters_of(tables).writing else push_account(tables, row)


@njit
def push_account(tables, row):
    """Keep the value of an account, whatever its version; see `keep_account`."""
    counters, account = counters_of(tables), account_row(tables, row)
    end = counters.older_accounts_end
    if end - counters.older_accounts_start == tables.older_account_capacity:
        return OLDER_ACCOUNTS_FULL
    entry = older_account_row(tables, end)
    entry.balance = account.balance
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


@njit_inlined
def keep_slot(tables, row):
    """The same for a slot; returns 0, or OLDER_SLOTS_FULL with nothing done."""
    return 0 if slot_row(tables, row).version == counters_of(tables).writing else push_slot(tables, row)


@njit
def push_slot(tables, row):
    """Keep the value of a slot, whatever its version; see `keep_slot`."""
    counters, slot = counters_of(tables), slot_row(tables, row)
    end = counters.older_slots_end
    if end - counters.older_slots_start == tables.older_slot_capacity:
        return OLDER_SLOTS_FULL
    entry = older_slot_row(tables, end)
    entry.value = slot.value
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
    counters = counters_of(tables)
    if counters.oldest > version:
        return DISCARDED
    return 0 if counters.generation == tables.generation else MOVED


@njit
def copy_account(tables, record, out):
    """
    Copy the fields of an account, or of an older value of one.

    out : int64     address; written if the account exists, see `account_at`

    Returns 1 if it exists, else 0; MOVED if its code is beyond the codes.
    """
    if record.exists == 0:
        return 0
    code = record.code
    if code >= tables.code_capacity:
        return MOVED
    store_limbs(out, record.balance)
    store_uint64(out + 32, record.nonce)
    store_limbs(out + 40, code_row(tables, code).hash)
    return 1


@njit
def account_at(tables, row, version, out):
    """
    Read an account as it was at `version`, beside the writer.

    out : int64     address of ACCOUNT_SIZE_BYTES: balance (4 limbs), nonce, code hash (4 limbs)

    Returns 1 if it existed, 0 if not, DISCARDED or MOVED.
    """
    account = account_row(tables, row)
    seen = account.version
    fence_acquire()
    if seen <= version:
        exists = copy_account(tables, account, out)
        fence_acquire()
        if account.version == seen:
            status = verdict(tables, version)
            return status if status < 0 else exists
    link = account.older
    while True:
        entry = older_account_row(tables, link)
        found, link = entry.version, entry.older
        exists = copy_account(tables, entry, out) if found <= version else 0
        status = verdict(tables, version)
        if status < 0:
            return status
        if found <= version:
            return exists


@njit
def slot_at(tables, row, version, out):
    """
    Read a slot as it was at `version`, beside the writer.

    out : int64     address of the value (4 limbs)

    Returns 1 if it was not zero, 0 if it was, DISCARDED or MOVED.
    """
    slot = slot_row(tables, row)
    seen = slot.version
    fence_acquire()
    if seen <= version:
        store_limbs(out, slot.value)
        fence_acquire()
        if slot.version == seen:
            status = verdict(tables, version)
            return status if status < 0 else is_not_zero(out)
    link = slot.older
    while True:
        entry = older_slot_row(tables, link)
        found, link = entry.version, entry.older
        store_limbs(out, entry.value)
        status = verdict(tables, version)
        if status < 0:
            return status
        if found <= version:
            return is_not_zero(out)


@njit_inlined
def is_not_zero(address):
    """1 if the word of four limbs at an address, int64, is not zero, else 0."""
    return 1 if load_limbs(address) != 0 else 0


@njit
def discard(tables, oldest, accounts_start, slots_start):
    """
    Let entries be reused that only versions before `oldest` need.

    accounts_start, slots_start : int64     number of the first entry to keep in each ring
    """
    counters = counters_of(tables)
    counters.oldest = oldest
    fence_release()
    counters.older_accounts_start = accounts_start
    counters.older_slots_start = slots_start


@njit
def changed_accounts(tables, first, rows):
    """
    The accounts that the open mini-block changed for good.

    first : int64       number of its first entry among the older accounts
    rows : int64        address of int64[n], filled; n is at least the number of entries

    Returns how many.
    """
    count = 0
    for number in range(first, counters_of(tables).older_accounts_end):
        entry = older_account_row(tables, number)
        account = account_row(tables, entry.row)
        is_same = entry.exists == account.exists and entry.nonce == account.nonce and entry.code == account.code
        if not (is_same and entry.balance == account.balance):
            store_int64(rows + 8 * count, entry.row)
            count += 1
    return count


@njit
def changed_slots(tables, first, rows):
    """The same for slots."""
    count = 0
    for number in range(first, counters_of(tables).older_slots_end):
        entry = older_slot_row(tables, number)
        if entry.value != slot_row(tables, entry.row).value:
            store_int64(rows + 8 * count, entry.row)
            count += 1
    return count
