#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
#
# encode_disk.py - the golden images of the virtual disk, encoded by hand from
# docs/format.md, part II, alone: no code of the core takes part, checksums
# included.  Writes one listing per extent beside itself:
#
#	OFFSET  BYTES IN HEX  # what it is
#	OFFSET  BYTES IN HEX xCOUNT  # these bytes, COUNT times
#
# and every byte that no line names is zero.  The listings are what is committed
# and what tests/unit/test_vdisk_golden.c reads; they change only together with
# format.h.
#
# Block L, version v, holds 512 times the bytes of L and v (4 each).
import os
import struct

PAGE, MIB = 4096, 1 << 20
UUID = bytes.fromhex('d15cd15c0123456789abcdef00112233')
SECRET = 0x5ec4e75ec4e75ec4
CLEAN, DIRTY = 1, 2
DATA, VOID, LOG, BAD = 1, 2, 3, 4
TYPES = {DATA: 'DATA', VOID: 'VOID', LOG: 'LOG', BAD: 'BAD'}
IDLE, TAKEN, LOGGING, RETIRED, POISONED = 0, 1, 2, 3, 0x80
MAP_PER_PAGE, STATES_PER_PAGE, RECORDS_PER_PAGE = 510, 4080, 64

TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82f63b78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data, before=0):
    """The CRC32C of data; of more, data last, if before is that of the rest."""
    crc = before ^ 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


assert crc32c(b'123456789') == 0xe3069283
assert crc32c(b'6789', crc32c(b'12345')) == 0xe3069283


def word(value):
    return struct.pack('<I', value)


def pages(count, per_page):
    return (count + per_page - 1) // per_page


class Page:
    """Fields of one page: (offset in the page, bytes, what it is)."""

    def __init__(self):
        self.fields = []

    def put(self, at, value, what, size=8):
        if not isinstance(value, bytes):
            value = value.to_bytes(size, 'little')
        self.fields.append((at, value, what))

    def seal(self, csum_at, seed=0):
        page = bytearray(PAGE)
        for at, value, _ in self.fields:
            page[at:at + len(value)] = value
        self.put(csum_at, crc32c(page, seed), 'csum', 4)
        self.fields.sort()
        return self


class Segment:
    def __init__(self, extent, off, table_count, block_count, generation):
        self.extent, self.off, self.generation = extent, off, generation
        self.table_count, self.block_count = table_count, block_count
        self.map_off = off + PAGE
        self.states_off = self.map_off + pages(table_count, MAP_PER_PAGE) * PAGE
        self.records_off = (self.states_off +
                            pages(table_count, STATES_PER_PAGE) * PAGE)
        self.data_off = (self.records_off +
                         pages(table_count, RECORDS_PER_PAGE) * PAGE)
        self.end = self.data_off + block_count * PAGE
        self.first = 0                  # its first physical block


class Disk:
    """What is on the media, and what a disk that lives knows of it."""

    def __init__(self, extent_bytes, segments, logical_count, label):
        self.extent_bytes, self.segments = extent_bytes, segments
        self.logical_count, self.label = logical_count, label
        self.media = [{} for _ in extent_bytes]  # off -> (bytes, times, what)
        self.titles = [{} for _ in extent_bytes]
        self.seq = self.watermark = 0
        self.table_generation = self.table_seq = 0
        self.lines = {}                 # physical block -> how often written
        self.map, self.state = {}, {}   # logical -> (p or None, seq); p -> state
        self.log = {}                   # p -> [salt, lines written]
        self.user_writes = self.trim_lines = self.retired = 0
        first = 0
        for number, s in enumerate(segments):
            s.first = first
            first += s.block_count
            page = Page()
            page.put(0x00, b'NVMVDSG\0', 'magic "NVMVDSG"')
            page.put(0x0c, number, 'number', 4)
            page.put(0x10, UUID, 'uuid of the disk')
            page.put(0x20, s.extent, 'extent', 4)
            page.put(0x24, s.generation, 'generation', 4)
            page.put(0x28, s.table_count, 'table_count', 4)
            self.page(s.extent, s.off, page.seal(0x08),
                      'header of segment %d' % number)

    def store(self, extent, off, data, what, times=1):
        self.media[extent][off] = (data, times, what)

    def rot(self, p, at, wrong):
        """Bits of byte at of p's record line are wrong: those of the mask."""
        s, number = self.of(p)
        off = s.records_off + number * 64 + at // 32 * 32
        data, times, what = self.media[s.extent][off]
        data = bytearray(data)
        data[at % 32] ^= wrong
        self.store(s.extent, off, bytes(data), what + '; rotten', times)

    def title(self, extent, off, what):
        self.titles[extent][off] = what

    def page(self, extent, off, page, what):
        self.title(extent, off, what)
        for at, value, field in page.fields:
            self.store(extent, off + at, value, field)

    def of(self, p):
        for s in self.segments:
            if p < s.first + s.block_count:
                return s, p - s.first
        raise IndexError(p)

    # ---- what is done while the disk is in use ------------------------------

    def record(self, p, kind, block=0, csum=0, lag=None, group=(0, 1), keep=32):
        """The next record of p, of which the first keep bytes get there."""
        s, at = self.of(p)
        self.seq += 1
        count = self.lines.get(p, 0) + 1
        self.lines[p] = count
        if lag is None:
            lag = self.seq - self.watermark
        body = struct.pack('<QIIIIBBBB', self.seq, block, count, csum, lag, kind,
                           group[0], group[1], 0)
        life = crc32c(word(s.generation), crc32c(UUID))
        seed = life ^ (p * 0x9e3779b1 & 0xffffffff)
        body += word(crc32c(body, seed))
        what = 'block %d: seq %d, %s' % (p, self.seq, TYPES[kind])
        if kind == DATA:
            what += ' of %d' % block
        what += ', count %d, lag %d' % (count, lag)
        if group[1] > 1:
            what += ', %d of a group of %d' % group
        if keep < 32:
            what += '; torn'
        self.title(s.extent, s.records_off, 'records of segment %d' %
                   self.segments.index(s))
        if keep:
            self.store(s.extent, s.records_off + at * 64 + (count - 1) % 2 * 32,
                       body[:keep], what)

    def data(self, p, pattern, what):
        s, at = self.of(p)
        self.title(s.extent, s.data_off, 'data of segment %d' %
                   self.segments.index(s))
        self.store(s.extent, s.data_off + at * PAGE, pattern, what,
                   PAGE // len(pattern))

    def write(self, block, version, p, durable=True, lost=False, **how):
        """lost: its data do not get there.  durable: the watermark follows."""
        pattern = word(block) + word(version)
        if not lost:
            self.data(p, pattern, 'block %d: %d, version %d' % (p, block, version))
        self.record(p, DATA, block, crc32c(pattern * (PAGE // 8)), **how)
        self.place(block, p)
        self.user_writes += 1
        if durable:
            self.watermark = self.seq

    def group(self, first, version, blocks, durable=True, **how):
        """how: at place i of blocks, what write() does differently there."""
        base = self.seq - self.watermark
        for i, p in enumerate(blocks):
            self.write(first + i, version, p, durable=False, lag=base + 1 + i,
                       group=(i, len(blocks)), **how.get('at%d' % i, {}))
        if durable:
            self.watermark = self.seq

    def place(self, block, p):
        old = self.map.get(block, (None, 0))[0]
        if old is not None:
            self.state[old] = IDLE
        self.map[block] = (p, self.seq)
        if p is not None:
            self.state[p] = TAKEN

    def mark(self, p, kind, durable=True):
        """A record that is not DATA."""
        salt = 0
        if kind == LOG:
            salt = crc32c(struct.pack('<QIQ', SECRET, p, self.seq + 1))
            self.log[p] = [salt, 0]
        self.record(p, kind, csum=salt)
        self.state[p] = {VOID: IDLE, LOG: LOGGING, BAD: RETIRED}[kind]
        self.retired += kind == BAD
        if durable:
            self.watermark = self.seq

    def trim(self, p, ranges, durable=True, keep=64):
        """The next line of the log p: ranges are (first, count)."""
        salt, i = self.log[p]
        s, at = self.of(p)
        self.log[p][1] += 1
        lag = self.seq + 1 - self.watermark
        body = struct.pack('<IB7x', lag, len(ranges))
        what = []
        for first, count in ranges:
            self.seq += 1
            body += struct.pack('<QII', self.seq, first, count)
            what.append('seq %d, %d from %d' % (self.seq, count, first))
            for block in range(first, first + count):
                self.place(block, None)
        body += bytes(60 - len(body))
        seed = crc32c(word(salt) + word(p) + word(i), salt)
        line = word(crc32c(body, seed)) + body
        self.store(s.extent, s.data_off + at * PAGE + 64 * i, line[:keep],
                   'block %d, line %d, lag %d: trimmed %s%s' %
                   (p, i, lag, '; '.join(what), '; torn' if keep < 64 else ''))
        self.trim_lines += 1
        if durable:
            self.watermark = self.seq

    # ---- super blocks, map and states ---------------------------------------

    def super_page(self, generation, state):
        page = Page()
        page.put(0x00, b'NVMVDSB\0', 'magic "NVMVDSB"')
        page.put(0x18, UUID, 'uuid')
        for at, size, value, what in (
                (0x0c, 4, 1, 'version'), (0x10, 8, generation, 'generation'),
                (0x34, 4, state, 'state ' + ('', 'CLEAN', 'DIRTY')[state]),
                (0x38, 8, self.logical_count, 'logical_count'),
                (0x40, 8, self.seq, 'seq'),
                (0x48, 8, self.watermark, 'watermark'),
                (0x50, 8, SECRET, 'secret'),
                (0x58, 8, 1700000000, 'created_s'),
                (0x60, 4, 1, 'policy mbsa'), (0x64, 4, 16, 'threshold'),
                (0x68, 4, 50, 'budget'),
                (0x6c, 4, len(self.extent_bytes), 'extent_count'),
                (0x70, 4, len(self.segments), 'segment_count'),
                (0x74, 4, max(s.generation for s in self.segments),
                 'segment_generation'),
                (0x78, 8, 1000000, 'endurance'),
                (0x80, 8, self.user_writes, 'user_writes'),
                (0x88, 8, 0, 'moves'), (0x90, 8, self.trim_lines, 'trim_lines'),
                (0x98, 8, sum(self.lines.values()), 'wear_total'),
                (0xa0, 8, 0, 'rolled_back'), (0xa8, 8, 0, 'lost_lines'),
                (0xb0, 8, 0, 'data_errors'), (0xb8, 8, self.retired, 'retired'),
                (0xc00, 8, self.table_generation, 'table_generation'),
                (0xc08, 8, self.table_seq, 'table_seq')):
            page.put(at, value, what, size)
        page.put(0xc0, self.label.encode(), 'label "%s"' % self.label)
        for i, size in enumerate(self.extent_bytes):
            page.put(0x100 + 8 * i, size, 'extent_bytes[%d]' % i)
        for i, s in enumerate(self.segments):
            page.put(0x300 + 24 * i,
                     struct.pack('<QIIII', s.off, s.extent, s.block_count,
                                 s.table_count, s.generation),
                     'segment %d: off %#x, extent %d, block_count %d, '
                     'table_count %d, generation %d' %
                     (i, s.off, s.extent, s.block_count, s.table_count,
                      s.generation))
        return page.seal(0x08)

    def super(self, generation, state, copies=(0, 2, 1)):
        last = len(self.extent_bytes) - 1
        for copy in copies:
            extent = last if copy == 2 else 0
            off = self.extent_bytes[last] - PAGE if copy == 2 else copy * PAGE
            self.page(extent, off, self.super_page(generation, state),
                      'SB, copy %d' % copy)

    def table_page(self, s, off, kind, first, count, entries):
        page = Page()
        page.put(0x04, kind, 'kind: ' + ('', 'map', 'states')[kind], 4)
        page.put(0x08, self.table_generation, 'generation of its SBs')
        size = 8 if kind == 1 else 1
        for i in range(first, min(first + count, s.first + s.block_count)):
            if i in entries:
                value, what = entries[i]
                page.put(0x10 + (i - first) * size, value, what, size)
        self.page(s.extent, off, page.seal(0, crc32c(word(first), crc32c(UUID))),
                  '%s from %d on' % (('', 'map', 'states')[kind], first))

    def tables(self):
        words, states = {}, {}
        for block, (p, seq) in self.map.items():
            if p is None:
                words[block] = seq, '%d: trimmed by seq %d' % (block, seq)
            else:
                words[block] = (1 << 63 | (seq & 0x7fffffff) << 32 | p,
                                '%d: in block %d since seq %d' % (block, p, seq))
        names = {TAKEN: 'taken', LOGGING: 'trim log', RETIRED: 'retired',
                 TAKEN | POISONED: 'taken, to be retired when freed'}
        for p, state in self.state.items():
            if state != IDLE:
                states[p] = state, '%d: %s' % (p, names[state])
        for s in self.segments:
            for off, kind, per_page, entries in (
                    (s.map_off, 1, MAP_PER_PAGE, words),
                    (s.states_off, 2, STATES_PER_PAGE, states)):
                for n in range(pages(s.block_count, per_page)):
                    self.table_page(s, off + n * PAGE, kind,
                                    s.first + n * per_page, per_page, entries)

    def close(self, generation):
        self.table_generation, self.table_seq = generation, self.seq
        self.tables()
        self.super(generation, CLEAN)

    # ---- listings ------------------------------------------------------------

    def listing(self, extent, name, story):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
        lines, titles = self.media[extent], self.titles[extent]
        with open(path, 'w', encoding='ascii') as out:
            out.write('# SPDX-License-Identifier: BSD-3-Clause\n#\n')
            for line in story.strip().split('\n'):
                out.write(('# ' + line.strip()).rstrip() + '\n')
            out.write('# Written by encode_disk.py; what no line names is zero.\n')
            for off in sorted(set(lines) | set(titles)):
                if off in titles:
                    out.write('\n# %s\n' % titles[off])
                if off in lines:
                    data, times, what = lines[off]
                    out.write('%08x  %s%s  # %s\n' %
                              (off, data.hex(), ' x%d' % times
                               if times > 1 else '', what))


def one_extent(label):
    # SB, SB, header, 4 pages of map, 1 of states, 32 of records, data, SB
    segment = Segment(0, 2 * PAGE, 2007, 2007, 1)
    assert segment.end == 8 * MIB - PAGE
    return Disk([8 * MIB], [segment], 1500, label)


def disk_clean():
    disk = one_extent('clean')
    for block in range(8):
        disk.write(block, 1, block)
    for block in range(4):
        disk.write(block, 2, 8 + block)         # blocks 0 to 3 become free
    for block in range(4):
        disk.write(8 + block, 1, block)         # their other halves
    disk.write(0, 3, 12)
    disk.write(1, 3, 13)
    disk.write(511, 1, 8)
    disk.write(510, 1, 511)
    disk.write(1030, 1, 600)
    disk.write(1499, 1, 2006)                   # the last in the last
    disk.mark(100, LOG)
    disk.trim(100, [(4, 1)])
    disk.trim(100, [(6, 2), (1015, 10)])
    disk.trim(100, [(5, 1), (2, 2), (10, 1)])
    disk.write(6, 2, 14)                        # newer than its trim
    disk.write(6, 3, 4)
    disk.write(6, 4, 14)
    disk.write(6, 5, 4)                         # over the first half again
    disk.mark(70, BAD)
    disk.mark(71, VOID)
    disk.write(20, 1, 72)
    disk.state[72] |= POISONED
    disk.close(9)
    disk.listing(0, 'disk-clean.hex', '''
        disk-clean.hex - a disk of 1500 blocks in 8 MiB, closed cleanly: blocks
        written once, and again elsewhere; blocks 0 to 4, 8 and 14 of the media
        written more than once; a trim log of three lines, and block 6 written
        after its trim; a retired block, a void one, and one to be retired.
        ''')


def disk_dirty():
    disk = one_extent('dirty')
    for i, block in enumerate((10, 11, 12, 13, 14)):
        disk.write(block, 1, i)
    disk.group(200, 1, [5, 6, 7])
    for i, block in enumerate((300, 301, 302, 410, 411, 420, 421, 50, 51)):
        disk.write(block, 1, 8 + i)
    disk.write(60, 1, 17)
    disk.write(61, 1, 18)
    disk.write(16, 1, 19)
    disk.write(80, 1, 20)
    disk.write(80, 2, 21)
    disk.write(80, 3, 22)
    disk.write(1460, 1, 23)
    disk.write(1490, 1, 24)
    disk.write(70, 1, 25)
    disk.write(1499, 1, 2006)
    disk.mark(30, LOG)
    disk.trim(30, [(14, 1)])
    disk.close(5)
    disk.super(6, DIRTY)
    # Durable, and the watermark tells so.
    disk.write(10, 2, 20)                       # its other half
    disk.mark(40, BAD)
    disk.mark(0, VOID)                          # was block 10, version 1
    disk.write(61, 2, 41)
    disk.write(90, 1, 18)
    disk.trim(30, [(11, 1)])
    # A group, of which the first is at the watermark of what follows: it is
    # believed, and damaged; the second counts.
    disk.group(420, 2, [43, 44], durable=False, at0={'lost': True})
    disk.watermark = disk.seq - 1
    # All of this is above the watermark.
    more = {'durable': False}
    disk.write(12, 2, 45, **more)
    disk.write(13, 2, 21, keep=16, **more)      # torn; was block 80, version 2
    disk.group(200, 2, [46, 47, 48], **more)
    disk.group(300, 2, [49, 50, 51], at1={'keep': 0}, **more)
    disk.group(410, 2, [52, 53], at1={'lost': True}, **more)
    disk.write(411, 3, 54, **more)              # so 411 does not miss version 2
    disk.write(16, 2, 55, lost=True, **more)
    disk.write(17, 1, 56, lost=True, **more)    # there was nothing before
    disk.trim(30, [(50, 1)], **more)
    disk.trim(30, [(51, 1)], keep=24, **more)
    disk.trim(30, [(1400, 50), (1450, 12)], **more)
    disk.mark(57, VOID, **more)
    disk.mark(31, LOG, **more)
    disk.trim(31, [(1490, 1)], **more)
    disk.rot(17, 0x08, 0xff)                    # the only record of block 60
    disk.rot(25, 0x09, 0x20)                    # of block 70, in one bit
    disk.listing(0, 'disk-dirty.hex', '''
        disk-dirty.hex - a disk of 1500 blocks in 8 MiB, closed once, by SBs of
        generation 5, and not after that.  The watermark is %d.
        Below: 10, 61 and 90 written, 11 and 14 trimmed, a void block and a
        retired one; the record of 60 has rotted, which the old map tells, and
        that of 70 in one bit.
        At it: 420 lacks its data and is damaged.
        Above: 12, 421, 410 and 411 and a group of 200 to 202 are there; the
        record of 13 is torn, a group of 300 to 302 misses a member, 16 and 17
        miss their data; 50, 1460 and 1490 are trimmed, the line that trims 51
        is torn.
        ''' % disk.watermark)


def disk_extents():
    # The second extent once was smaller: its first segment has tables for more
    # blocks than it has, and where it ends lay the SB's copy 2.
    segments = [Segment(0, 2 * PAGE, 1002, 1002, 1),
                Segment(1, 0, 1100, 640, 1),
                Segment(1, 664 * PAGE, 601, 601, 3)]
    assert segments[0].end == 4 * MIB
    assert segments[1].end == 663 * PAGE
    assert segments[2].end == 5 * MIB - PAGE
    disk = Disk([4 * MIB, 5 * MIB], segments, 1800, 'extents')
    for block, p in ((0, 0), (1001, 1001), (1002, 1002), (1640, 1640),
                     (1641, 1641), (1642, 1642), (1799, 2242), (5, 1003),
                     (1511, 2), (1512, 1643)):
        disk.write(block, 1, p)
    disk.mark(1100, LOG)
    disk.trim(1100, [(1510, 2)])
    disk.close(2)
    disk.super(3, DIRTY)
    disk.write(1799, 2, 1650)
    disk.watermark = disk.seq
    more = {'durable': False}
    disk.group(1001, 2, [1639, 10, 1700], **more)
    disk.group(1640, 2, [11, 1101, 1701], at2={'lost': True}, **more)
    disk.write(5, 2, 1702, keep=24, **more)     # torn; nothing was there
    disk.mark(1703, LOG, **more)
    disk.trim(1703, [(0, 3), (1512, 1)], **more)
    # Copy 0 of the SB has rotted.
    disk.store(0, 0xc0, b'EXTENTS', 'label, rotten: "EXTENTS"')
    story = '''
        disk-extents-%%d.hex - a disk of 1800 blocks in 4 MiB and 5 MiB, in three
        segments, the second of which has been shrunk; not closed.  The watermark
        is %d.  Above it: 1001 to 1003, a group in all three segments, are there;
        1640 to 1642 miss the data of the last; the record of 5 is torn; 0 and
        1512 are trimmed by a new log.  The first copy of the SB has rotted.
        ''' % disk.watermark
    for extent in 0, 1:
        disk.listing(extent, 'disk-extents-%d.hex' % extent, story % extent)


disk_clean()
disk_dirty()
disk_extents()
