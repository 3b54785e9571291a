"""A Merkle Patricia trie node by node, as the Yellow Paper draws it in appendix D."""

from typing import Final, TypeAlias

from primitives import rlp
from primitives.constants import EMPTY_TRIE_ROOT
from primitives.keccak import keccak256

# A path is a byte string with one nibble, 0 to 15, in each byte.
_NIBBLE_OF_HEX: Final = bytes(int(chr(code), 16) if chr(code) in "0123456789abcdef" else 0 for code in range(256))
_HEX_OF_NIBBLE: Final = b"0123456789abcdef" + bytes(240)
_EMPTY_ITEM: Final = rlp.encode(b"")


class _Leaf:
    """The end of a key: what is left of its path, and the value."""

    __slots__ = ("path", "reference", "value")

    def __init__(self, path: bytes, value: bytes) -> None:
        self.path = path
        self.value = value
        self.reference: bytes | None = None

    def encode(self) -> bytes:
        return rlp.encode([_compact(self.path, is_leaf=True), self.value])


class _Extension:
    """A stretch of path that all keys below share; `child` is always a branch."""

    __slots__ = ("child", "path", "reference")

    def __init__(self, path: bytes, child: "_Branch") -> None:
        self.path = path
        self.child = child
        self.reference: bytes | None = None

    def encode(self) -> bytes:
        return rlp.join([rlp.encode(_compact(self.path, is_leaf=False)), _reference(self.child)])


class _Branch:
    """Sixteen ways on, and the value of the key that ends here (empty if none does); at least two are taken."""

    __slots__ = ("children", "reference", "value")

    def __init__(self) -> None:
        self.children: list[_Node | None] = [None] * 16
        self.value = b""
        self.reference: bytes | None = None

    def encode(self) -> bytes:
        members = [_EMPTY_ITEM if child is None else _reference(child) for child in self.children]
        members.append(rlp.encode(self.value))
        return rlp.join(members)


_Node: TypeAlias = _Leaf | _Extension | _Branch


class Trie:
    """
    A trie from byte strings to non-empty byte strings.

    Every node remembers the reference its parent holds to it; a write forgets it along the path.
    """

    def __init__(self) -> None:
        self._root: _Node | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no key has a value."""
        return self._root is None

    def set(self, key: bytes, value: bytes) -> None:
        """Give `key` the value, which must not be empty."""
        assert value, "an empty value is a deleted key"
        self._root = _insert(self._root, _nibbles(key), value)

    def delete(self, key: bytes) -> None:
        """Remove `key`; nothing happens if it has no value."""
        if self._root is not None:
            self._root = _delete(self._root, _nibbles(key))

    def root(self) -> bytes:
        """The 32-byte root hash of what the trie holds now."""
        if self._root is None:
            return EMPTY_TRIE_ROOT
        reference = _reference(self._root)
        # The root is hashed even if it is so short that a parent would embed it.
        return reference[1:] if len(reference) == 33 else keccak256(reference)


def _insert(node: _Node | None, path: bytes, value: bytes) -> _Node:
    """The subtree `node` with `value` at `path`; nodes are changed in place where they can be."""
    if node is None:
        return _Leaf(path, value)
    node.reference = None
    if isinstance(node, _Branch):
        if path:
            node.children[path[0]] = _insert(node.children[path[0]], path[1:], value)
        else:
            node.value = value
        return node
    if isinstance(node, _Leaf):
        if node.path == path:
            node.value = value
            return node
    elif path.startswith(node.path):
        # The child is a branch, and a branch stays one.
        _insert(node.child, path[len(node.path) :], value)
        return node
    return _fork(node, path, value)


def _fork(node: _Leaf | _Extension, path: bytes, value: bytes) -> _Node:
    """A branch where `path` leaves the path of `node`, behind an extension if they share a beginning."""
    shared = _shared_prefix_size(node.path, path)
    branch = _Branch()
    if shared == len(path):
        branch.value = value
    else:
        branch.children[path[shared]] = _Leaf(path[shared + 1 :], value)
    if isinstance(node, _Extension):
        rest = node.path[shared + 1 :]
        branch.children[node.path[shared]] = _Extension(rest, node.child) if rest else node.child
    elif shared == len(node.path):
        branch.value = node.value
    else:
        branch.children[node.path[shared]] = _Leaf(node.path[shared + 1 :], node.value)
    return _Extension(path[:shared], branch) if shared else branch


def _delete(node: _Node, path: bytes) -> _Node | None:
    """The subtree `node` without a value at `path`, in the only shape that its keys allow."""
    if isinstance(node, _Leaf):
        return None if node.path == path else node
    node.reference = None
    if isinstance(node, _Extension):
        if not path.startswith(node.path):
            return node
        child = _delete(node.child, path[len(node.path) :])
        assert child is not None, "a branch holds two keys or more"
        return _prepend(node.path, child)
    if not path:
        node.value = b""
    else:
        below = node.children[path[0]]
        node.children[path[0]] = None if below is None else _delete(below, path[1:])
    taken = [nibble for nibble, below in enumerate(node.children) if below is not None]
    if len(taken) + bool(node.value) > 1:
        return node
    if not taken:
        return _Leaf(b"", node.value)
    only = node.children[taken[0]]
    assert only is not None
    return _prepend(bytes(taken), only)


def _prepend(path: bytes, node: _Node) -> _Node:
    """`node`, reached by `path` and then its own."""
    if isinstance(node, _Branch):
        return _Extension(path, node)
    node.path = path + node.path
    node.reference = None
    return node


def _reference(node: _Node) -> bytes:
    """What stands for `node` in its parent, encoded: the node itself below 32 bytes, else its hash."""
    if node.reference is None:
        encoded = node.encode()
        node.reference = encoded if len(encoded) < 32 else b"\xa0" + keccak256(encoded)
    return node.reference


def _nibbles(key: bytes) -> bytes:
    return key.hex().encode().translate(_NIBBLE_OF_HEX)


def _compact(path: bytes, *, is_leaf: bool) -> bytes:
    """The hex-prefix encoding (Yellow Paper, appendix C)."""
    is_odd = len(path) % 2
    flag = 2 * is_leaf + is_odd
    digits = path.translate(_HEX_OF_NIBBLE).decode()
    return bytes.fromhex(f"{flag}{digits}" if is_odd else f"{flag}0{digits}")


def _shared_prefix_size(one: bytes, other: bytes) -> int:
    size_max = min(len(one), len(other))
    for index in range(size_max):
        if one[index] != other[index]:
            return index
    return size_max
