#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
#
# encode.py - the golden images, encoded by hand from libcore/pool/format.h and
# docs/format.md alone: no code of the core takes part, checksums included.
# Writes one listing per image beside itself: a field a line,
#
#	OFFSET  BYTES IN HEX  # what it is
#
# and every byte that no line names is zero.  The listings are what is committed
# and what tests/unit/test_pool_golden.c reads; they change only together with
# format.h.
#
# All images: 64 MiB, units of 2 MiB, room for 4 children.
import os
import struct

PAGE, MIB = 4096, 1 << 20
SIZE, UNIT, CHILDREN_MAX = 64 * MIB, 2 * MIB, 4
NAT_PAGES = UMAP_PAGES = 1
SLOT = (1 + 1 + UMAP_PAGES + 64) * PAGE     # header, table, images
JOURNAL = 2 * PAGE
NAT = JOURNAL + 2 * SLOT
UMAP = NAT + 2 * NAT_PAGES * PAGE
DATA = (UMAP + 2 * UMAP_PAGES * PAGE + UNIT - 1) // UNIT * UNIT
UNITS = (SIZE - PAGE - DATA) // UNIT
POOL = bytes.fromhex('a1b2c3d4e5f60718293a4b5c6d7e8f90')
ONE = bytes.fromhex('11111111222233334444555555550000')
GAP = bytes.fromhex('99999999222233334444555555550000')
WALL = bytes.fromhex('77777777222233334444555555550000')
TWO = bytes.fromhex('22222222333344445555666666660000')
CLEAN, USED, DIRTY = 0, 1, 2


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


assert crc32c(b'123456789') == 0xe3069283


class Page:
    """Fields of one page: (offset in the page, bytes, what it is)."""

    def __init__(self, magic, seq, index):
        self.fields = []
        self.put(0x00, magic.encode() + b'\0', 'magic "%s"' % magic)
        self.put(0x10, seq, 'seq %d' % seq)
        self.put(0x18, index, 'index')
        self.put(0x20, POOL, 'uuid of the pool')

    def put(self, at, value, what, size=8):
        if not isinstance(value, bytes):
            value = value.to_bytes(size, 'little')
        self.fields.append((at, value, what))

    def bytes(self):
        page = bytearray(PAGE)
        for at, value, _ in self.fields:
            page[at:at + len(value)] = value
        return bytes(page)

    def seal(self):
        self.put(0x08, crc32c(self.bytes()), 'csum', 4)
        self.fields.sort()
        return self


def gmb():
    page = Page('NVMPOOL', 1, 0)
    for at, size, value, what in (
            (0x40, 4, 1, 'version'), (0x50, 8, SIZE, 'size_bytes'),
            (0x58, 8, UNIT, 'unit_bytes'), (0x60, 8, UNITS, 'unit_count'),
            (0x68, 8, DATA, 'data_off'), (0x70, 8, JOURNAL, 'journal_off'),
            (0x78, 8, SLOT, 'journal_slot_bytes'), (0x80, 8, NAT, 'nat_off'),
            (0x88, 8, NAT_PAGES, 'nat_pages'), (0x90, 8, UMAP, 'umap_off'),
            (0x98, 8, UMAP_PAGES, 'umap_pages'),
            (0xa0, 4, CHILDREN_MAX, 'children_max'),
            (0xa8, 8, 1700000000, 'created_s')):
        page.put(at, value, what, size)
    page.put(0xb0, b'golden', 'label "golden"')
    return page.seal()


def nat(seq, children):
    """children: slot -> (units, amt_off, uuid, created, grow, flags, mode,
    device, name, vm)"""
    page = Page('NVMPNAT', seq, 0)
    for slot, c in children.items():
        at = 0x100 + 0x100 * slot
        who = "slot %d '%s': " % (slot, c[8])
        page.put(at, c[0], who + 'size_units')
        page.put(at + 0x08, c[1], who + 'amt_off')
        page.put(at + 0x10, c[2], who + 'uuid')
        page.put(at + 0x20, c[3], who + 'created_s')
        page.put(at + 0x28, c[4], who + 'grow_to_bytes')
        page.put(at + 0x30, c[5], who + 'flags', 4)
        page.put(at + 0x34, c[6], who + 'mode', 1)
        page.put(at + 0x35, c[7], who + 'device', 1)
        page.put(at + 0x40, c[8].encode(), who + 'name')
        if c[9]:
            page.put(at + 0x80, c[9].encode(), who + 'vm')
    return page.seal()


def umap(seq, states):
    page = Page('NVMPMAP', seq, 0)
    bits = bytearray((len(states) + 3) // 4)
    for unit, state in enumerate(states):
        bits[unit // 4] |= state << unit % 4 * 2
    page.put(0x40, bytes(bits), 'two bits a unit: 0 clean, 1 used, 2 dirty')
    return page.seal()


def amt_off(slot):
    return DATA + slot * 2 * PAGE       # unit 0 holds the AMTs of slots 0 to 255


def amt(seq, slot, uuid, extents):
    page = Page('NVMPAMT', seq, amt_off(slot))
    page.put(0x40, uuid, 'uuid of the child')
    page.put(0x50, len(extents), 'extent_count', 4)
    for i, (start, count) in enumerate(extents):
        page.put(0x80 + 16 * i, start, 'extent %d: start_unit' % i)
        page.put(0x88 + 16 * i, count, 'extent %d: unit_count' % i)
    return page.seal()


class Stamp(Page):
    """struct nd_pfn_sb of the guest's kernel, for devdax."""

    def __init__(self, uuid, index, count, size):
        self.fields = []
        self.put(0x00, b'NVDIMM_DAX_INFO\0', 'signature')
        self.put(0x10, uuid[:14] + bytes([index, count]),
                 'uuid of the child, extent %d of %d' % (index, count))
        self.put(0x34, 1, 'version_major', 2)
        self.put(0x36, 4, 'version_minor', 2)
        self.put(0x38, 2 * MIB, 'dataoff')
        self.put(0x40, (size - 2 * MIB) // PAGE, 'npfns')
        self.put(0x48, 1, 'mode: struct pages in RAM', 4)
        self.put(0x54, 2 * MIB, 'align', 4)
        self.put(0x58, PAGE, 'page_size', 4)
        self.put(0x5c, 64, 'page_struct_size', 2)
        low = high = 0
        for word in struct.unpack('<1024I', self.bytes()):
            low = (low + word) & 0xffffffff
            high = (high + low) & 0xffffffffffffffff
        self.put(0xff8, (high & 0xffffffff) << 32 | low, 'fletcher64')


class Image:
    def __init__(self):
        self.lines = {}                 # offset of a page -> (Page, what it is)

    def store(self, off, page, what):
        self.lines[off] = (page, what)

    def table(self, off, page, what):
        self.store(off, page, what + ', copy A')
        self.store(off + PAGE, page, what + ', copy B')

    def journal(self, seq, targets):
        """targets: (offset of copy A, page, is it a stamp, what it is)"""
        base = JOURNAL + seq % 2 * SLOT
        table = Page.__new__(Page)
        table.fields = []
        for i, (off, _, stamp, what) in enumerate(targets):
            table.put(8 * i, off | stamp, 'target %d: %s%s' %
                      (i, what, ' (bit 0: a stamp)' if stamp else ''))
        body = table.bytes() + b''.join(t[1].bytes() for t in targets)
        head = Page('NVMPJRN', seq, seq % 2)
        head.put(0x40, len(targets), 'page_count', 4)
        head.put(0x44, crc32c(body), 'body_csum', 4)
        slot = 'journal slot %d' % (seq % 2)
        self.store(base, head.seal(), slot + ': transaction %d' % seq)
        self.store(base + PAGE, table, slot + ': targets')
        for i, (_, page, _, what) in enumerate(targets):
            self.store(base + (2 + i) * PAGE, page, slot + ': image of ' + what)

    def transaction(self, seq, targets, home=True):
        self.journal(seq, targets)
        for off, page, stamp, what in targets if home else ():
            if stamp:
                self.store(off, page, what)
            else:
                self.table(off, page, what)

    def write(self, name, story):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
        with open(path, 'w', encoding='ascii') as out:
            out.write('# SPDX-License-Identifier: BSD-3-Clause\n#\n')
            for line in story.strip().split('\n'):
                out.write(('# ' + line.strip()).rstrip() + '\n')
            out.write('# Written by encode.py; what no line names is zero.\n')
            for off in sorted(self.lines):
                page, what = self.lines[off]
                out.write('\n# %s\n' % what)
                for at, value, field in page.fields:
                    out.write('%08x  %s  # %s\n' % (off + at, value.hex(), field))


def empty():
    image = Image()
    for off, copy in ((0, 0), (PAGE, 1), (SIZE - PAGE, 2)):
        image.store(off, gmb(), 'GMB copy %d' % copy)
    image.transaction(1, [(NAT, nat(1, {}), 0, 'NAT page 0')])
    image.table(UMAP, umap(1, [CLEAN] * UNITS), 'UMAP page 0')
    return image


def states(used=(), dirty=()):
    return [USED if u in used else DIRTY if u in dirty else CLEAN
            for u in range(UNITS)]


one = (2, amt_off(0), ONE, 1700000001, 64 * MIB, 1, 1, 1, 'one', 'vm1')
gap = (1, amt_off(1), GAP, 1700000002, 0, 0, 0, 0, 'gap', '')
wall = (24, amt_off(2), WALL, 1700000003, 0, 0, 0, 0, 'wall', '')
two = (3, amt_off(1), TWO, 1700000004, 0, 0, 0, 0, 'two', '')
deux = (3, amt_off(1), TWO, 1700000004, 0, 0, 0, 0, 'deux', '')


def two_children():
    image = empty()
    # Unit 0 is taken for AMTs, 1 and 2 are the child's.
    image.transaction(2, [
        (UMAP, umap(2, states(range(3))), 0, 'UMAP page 0'),
        (NAT, nat(2, {0: one}), 0, 'NAT page 0'),
        (amt_off(0), amt(2, 0, ONE, [(1, 2)]), 0, 'AMT of slot 0'),
        (DATA + UNIT + PAGE, Stamp(ONE, 0, 1, 4 * MIB), 1, 'stamp of one')])
    image.transaction(3, [
        (NAT, nat(3, {0: one, 1: gap}), 0, 'NAT page 0'),
        (UMAP, umap(3, states(range(4))), 0, 'UMAP page 0'),
        (amt_off(1), amt(3, 1, GAP, [(3, 1)]), 0, 'AMT of slot 1')])
    image.transaction(4, [
        (NAT, nat(4, {0: one, 1: gap, 2: wall}), 0, 'NAT page 0'),
        (UMAP, umap(4, states(range(28))), 0, 'UMAP page 0'),
        (amt_off(2), amt(4, 2, WALL, [(4, 24)]), 0, 'AMT of slot 2')])
    image.transaction(5, [
        (UMAP, umap(5, states([u for u in range(28) if u != 3], [3])), 0,
         'UMAP page 0'),
        (NAT, nat(5, {0: one, 2: wall}), 0, 'NAT page 0')])
    image.transaction(6, [
        (NAT, nat(6, {0: one, 1: two, 2: wall}), 0, 'NAT page 0'),
        (UMAP, umap(6, states(range(30))), 0, 'UMAP page 0'),
        (amt_off(1), amt(6, 1, TWO, [(3, 1), (28, 2)]), 0, 'AMT of slot 1')])
    image.transaction(7, [
        (UMAP, umap(7, states([0, 1, 2, 3, 28, 29], range(4, 28))), 0,
         'UMAP page 0'),
        (NAT, nat(7, {0: one, 1: two}), 0, 'NAT page 0')])
    return image


def pending(home):
    image = two_children()
    image.transaction(8, [
        (NAT, nat(8, {0: one, 1: deux}), 0, 'NAT page 0')], home)
    return image


empty().write('empty.hex', '''
    empty.hex - a pool just formatted on clean media.
    ''')
two_children().write('two-children.hex', '''
    two-children.hex - after six transactions: carve 'one' (4 MiB, devdax, for
    vm1), 'gap' (2 MiB) and 'wall' (48 MiB); release 'gap'; carve 'two' (6 MiB),
    which takes unit 3 and units 28, 29; release 'wall'.
    Left are 'one', of one extent with its stamp, and 'two', of two extents; the
    images of both journal slots; the AMT of a child that is gone, of slot 2; and
    what longer transactions left behind in the slots.
    ''')
pending(False).write('pending.hex', '''
    pending.hex - two-children.hex, and transaction 8, which renames 'two' to
    'deux', in journal slot 0 but not home: recovery has to finish it.
    ''')
