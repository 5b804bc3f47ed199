// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * crc.c - CRC32C, alone and of a page on its way to the media: by tables, or by
 * the processor's instruction in three streams at once.  Which one is faster is
 * measured when the module is loaded: an emulated instruction is many times
 * slower than a table.  General registers only, so nothing has to be saved.
 *
 * A page that is stored and summed up is read once, word by word, so the
 * checksum is that of the bytes stored whoever changes the page meanwhile.
 *
 * The three streams cover 3 * STREAM bytes; what the first two give is moved
 * over the bytes behind them by a table of what STREAM zeros do to a checksum.
 * Long streams would be a little faster for a sum alone (170 ns for a page, and
 * 190), but stores that go to three places far apart cost twice as much as one
 * after the other: 4 KiB to DRAM took 660 ns with STREAM 1360 and 450 with 192,
 * where storing alone took 390 and summing up behind it 480.
 */
#include <linux/cpufeature.h>
#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "nvmvd.h"

#define POLYNOMIAL	0x82f63b78u	/* Castagnoli, reflected */
#define STREAM		192u		/* 7 * 3 * 192 + 64 = 4096 */

static struct {
	struct nvmvd_crc use;
	u32 table[8][256];		/* a byte with 0 to 7 zeros behind it */
	u32 zeros[4][256];		/* a byte with STREAM zeros behind it */
} crc __ro_after_init;

static inline u64 word_at(const u8 *at)
{
	u64 word;

	__builtin_memcpy(&word, at, sizeof(word));
	return word;
}

/* Around the cache: durable with the next fence. */
static inline void word_stream(u8 *to, u64 word)
{
	asm volatile("movnti %1, %0" : "=m"(*(u64 *)to) : "r"(word));
}

/* ---- by tables ---------------------------------------------------------------- */

static inline u32 table_word(u32 sum, u64 word)
{
	word ^= sum;
	return crc.table[7][word & 0xff] ^ crc.table[6][word >> 8 & 0xff] ^
	       crc.table[5][word >> 16 & 0xff] ^
	       crc.table[4][word >> 24 & 0xff] ^
	       crc.table[3][word >> 32 & 0xff] ^
	       crc.table[2][word >> 40 & 0xff] ^
	       crc.table[1][word >> 48 & 0xff] ^ crc.table[0][word >> 56];
}

static uint32_t table_sum(uint32_t begin, const void *src, size_t len)
{
	const u8 *at = src;
	u32 sum = ~begin;

	for (; len >= 8; at += 8, len -= 8)
		sum = table_word(sum, word_at(at));
	for (; len; at++, len--)
		sum = crc.table[0][(sum ^ *at) & 0xff] ^ sum >> 8;
	return ~sum;
}

static u32 table_store(u8 *to, const u8 *src)
{
	u32 sum = ~0u;
	unsigned int i;

	for (i = 0; i < NVM_PAGE; i += 8) {
		u64 word = READ_ONCE(*(const u64 *)(src + i));

		word_stream(to + i, word);
		sum = table_word(sum, word);
	}
	return ~sum;
}

static void __init tables_make(void)
{
	unsigned int k, n, bit;

	for (n = 0; n < 256; n++) {
		u32 sum = n;

		for (bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? POLYNOMIAL : 0);
		crc.table[0][n] = sum;
	}
	for (k = 1; k < 8; k++)
		for (n = 0; n < 256; n++) {
			u32 sum = crc.table[k - 1][n];

			crc.table[k][n] = crc.table[0][sum & 0xff] ^ sum >> 8;
		}
}

/* ---- by the instruction --------------------------------------------------------- */

static inline u64 instruction_word(u64 sum, u64 word)
{
	asm("crc32q %1, %0" : "+r"(sum) : "rm"(word));
	return sum;
}

static inline u32 over_zeros(u32 sum)
{
	return crc.zeros[0][sum & 0xff] ^ crc.zeros[1][sum >> 8 & 0xff] ^
	       crc.zeros[2][sum >> 16 & 0xff] ^ crc.zeros[3][sum >> 24];
}

/* The sums of three streams that follow one another, as one. */
static inline u64 streams_join(u64 first, u64 second, u64 third)
{
	return over_zeros(over_zeros((u32)first) ^ (u32)second) ^ third;
}

static uint32_t instruction_sum(uint32_t begin, const void *src, size_t len)
{
	const u8 *at = src;
	u64 sum = (u32)~begin;
	u32 last;

	for (; len >= 3 * STREAM; at += 3 * STREAM, len -= 3 * STREAM) {
		u64 second = 0, third = 0;
		unsigned int i;

		for (i = 0; i < STREAM; i += 8) {
			sum = instruction_word(sum, word_at(at + i));
			second = instruction_word(second,
						  word_at(at + STREAM + i));
			third = instruction_word(third,
						 word_at(at + 2 * STREAM + i));
		}
		sum = streams_join(sum, second, third);
	}
	for (; len >= 8; at += 8, len -= 8)
		sum = instruction_word(sum, word_at(at));
	last = (u32)sum;
	for (; len; at++, len--)
		asm("crc32b %1, %0" : "+r"(last) : "rm"(*at));
	return ~last;
}

static inline u64 instruction_move(u64 sum, u8 *to, const u8 *src)
{
	u64 word = READ_ONCE(*(const u64 *)src);

	word_stream(to, word);
	return instruction_word(sum, word);
}

static u32 instruction_store(u8 *to, const u8 *src)
{
	const u8 *end = src + NVM_PAGE;
	u64 sum = ~0u;

	for (; end - src >= 3 * STREAM; to += 3 * STREAM, src += 3 * STREAM) {
		u64 second = 0, third = 0;
		unsigned int i;

		for (i = 0; i < STREAM; i += 8) {
			sum = instruction_move(sum, to + i, src + i);
			second = instruction_move(second, to + STREAM + i,
						  src + STREAM + i);
			third = instruction_move(third, to + 2 * STREAM + i,
						 src + 2 * STREAM + i);
		}
		sum = streams_join(sum, second, third);
	}
	for (; src < end; to += 8, src += 8)
		sum = instruction_move(sum, to, src);
	return ~(u32)sum;
}

/* By each bit alone; the others are their sums. */
static void __init zeros_make(void)
{
	unsigned int bit, i, k, n;
	u64 alone[32];

	for (bit = 0; bit < 32; bit++) {
		alone[bit] = 1u << bit;
		for (i = 0; i < STREAM; i += 8)
			alone[bit] = instruction_word(alone[bit], 0);
	}
	for (k = 0; k < 4; k++)
		for (n = 0; n < 256; n++)
			for (bit = 0; bit < 8; bit++)
				if (n >> bit & 1)
					crc.zeros[k][n] ^= (u32)alone[8 * k + bit];
}

/* ---- choosing --------------------------------------------------------------------- */

static const struct nvmvd_crc by_table __initconst = {
	.name = "table", .sum = table_sum, .store = table_store,
};

static const struct nvmvd_crc by_instruction __initconst = {
	.name = "instruction", .sum = instruction_sum,
	.store = instruction_store,
};

/* The best of some runs: what interrupts one is not ours. */
static u64 __init measure_ns(const struct nvmvd_crc *way, const u8 *page)
{
	u64 best = U64_MAX;
	unsigned int run;

	for (run = 0; run < 16; run++) {
		u64 begin = ktime_get_ns(), took;
		u32 sum = way->sum(way->sum(0, page, NVM_PAGE), page, NVM_PAGE);

		barrier_data(&sum);
		took = (ktime_get_ns() - begin) / 2;
		if (took < best)
			best = took;
	}
	return best;
}

static bool __init way_right(const struct nvmvd_crc *way, const u8 *page,
			     u8 *copy)
{
	unsigned int len;

	for (len = 0; len <= NVM_PAGE; len += len < 64 ? 1 : 448)
		if (way->sum(len, page, len) != table_sum(len, page, len))
			return false;
	memset(copy, 0, NVM_PAGE);
	return way->store(copy, page) == table_sum(0, page, NVM_PAGE) &&
	       !memcmp(copy, page, NVM_PAGE);
}

static int __init ways_compare(const char *wanted, u8 *page)
{
	u64 table_ns, instruction_ns;
	unsigned int i;

	for (i = 0; i < NVM_PAGE; i++)
		page[i] = (u8)(i * 37 + i / 256);
	zeros_make();
	if (table_sum(0, "123456789", 9) != 0xe3069283 ||
	    !way_right(&by_table, page, page + NVM_PAGE) ||
	    !way_right(&by_instruction, page, page + NVM_PAGE)) {
		pr_err("CRC32C is computed wrongly\n");
		return -EIO;
	}
	table_ns = measure_ns(&by_table, page);
	instruction_ns = measure_ns(&by_instruction, page);
	if (!strcmp(wanted, "instruction") ||
	    (!strcmp(wanted, "auto") && instruction_ns < table_ns))
		crc.use = by_instruction;
	pr_info("checksum: %s (4 KiB: table %llu ns, instruction %llu ns)\n",
		crc.use.name, table_ns, instruction_ns);
	return 0;
}

int __init nvmvd_crc_choose(const char *wanted)
{
	u8 *pages;
	int err;

	if (strcmp(wanted, "auto") && strcmp(wanted, "table") &&
	    strcmp(wanted, "instruction")) {
		pr_err("crc=%s: not auto, table or instruction\n", wanted);
		return -EINVAL;
	}
	tables_make();
	crc.use = by_table;
	if (!boot_cpu_has(X86_FEATURE_XMM4_2)) {
		if (!strcmp(wanted, "instruction")) {
			pr_err("crc=instruction: this processor has none\n");
			return -EINVAL;
		}
		pr_info("checksum: table\n");
		return 0;
	}
	pages = kmalloc(2 * NVM_PAGE, GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	err = ways_compare(wanted, pages);
	kfree(pages);
	return err;
}

const struct nvmvd_crc *nvmvd_crc(void)
{
	return &crc.use;
}
