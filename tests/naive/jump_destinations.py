"""Jump destinations byte by byte, from the Yellow Paper, section 9.4.3: the twin of statestore.jump_destinations."""


def jump_destinations(code: bytes) -> set[int]:
    found, position = set(), 0
    while position < len(code):
        opcode = code[position]
        if opcode == 0x5B:
            found.add(position)
        position += 1 + (opcode - 0x5F if 0x60 <= opcode <= 0x7F else 0)
    return found
