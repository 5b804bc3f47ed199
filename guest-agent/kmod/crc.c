// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * crc.c - CRC32C: the kernel's tables, or the processor's instruction in three
 * streams at once.  Which one is faster is measured when the module is loaded:
 * an emulated instruction is many times slower than a table.  General
 * registers only, so nothing has to be saved.
 *
 * The three streams cover 3 * STREAM bytes; what the first two give is moved
 * over the bytes behind them by a table of what STREAM zeros do to a checksum.
 */
#include <linux/cpufeature.h>
#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat.h"
#include "nvmvd.h"

#define STREAM		1360u		/* 3 * 1360 + 16 = 4096 */
#define STREAM_WORDS	(STREAM / 8)

static struct {
	nvmvd_crc_fn fn;
	const char *name;
	u32 zeros[4][256];
} chosen __ro_after_init;

static uint32_t crc_table(uint32_t crc, const void *src, size_t len)
{
	return ~nvmvd_crc_kernel(~crc, src, len);
}

#ifdef CONFIG_X86_64
static inline u64 word_add(u64 sum, u64 word)
{
	asm("crc32q %1, %0" : "+r"(sum) : "rm"(word));
	return sum;
}

static inline u32 over_zeros(u32 sum)
{
	return chosen.zeros[0][sum & 0xff] ^ chosen.zeros[1][sum >> 8 & 0xff] ^
	       chosen.zeros[2][sum >> 16 & 0xff] ^ chosen.zeros[3][sum >> 24];
}

static inline u64 word_at(const u8 *at)
{
	u64 word;

	__builtin_memcpy(&word, at, sizeof(word));
	return word;
}

static uint32_t crc_instruction(uint32_t crc, const void *src, size_t len)
{
	const u8 *at = src;
	u64 sum = (u32)~crc;
	u32 last;

	for (; len >= 3 * STREAM; at += 3 * STREAM, len -= 3 * STREAM) {
		u64 second = 0, third = 0;
		unsigned int i;

		for (i = 0; i < STREAM; i += 8) {
			sum = word_add(sum, word_at(at + i));
			second = word_add(second, word_at(at + STREAM + i));
			third = word_add(third, word_at(at + 2 * STREAM + i));
		}
		sum = over_zeros(over_zeros((u32)sum) ^ (u32)second) ^ third;
	}
	for (; len >= 8; at += 8, len -= 8)
		sum = word_add(sum, word_at(at));
	last = (u32)sum;
	for (; len; at++, len--)
		asm("crc32b %1, %0" : "+r"(last) : "rm"(*at));
	return ~last;
}

/* By each bit alone; the others are their sums. */
static void __init zeros_make(void)
{
	u64 bit[32];
	unsigned int b, i, k, n;

	for (b = 0; b < 32; b++) {
		bit[b] = 1u << b;
		for (i = 0; i < STREAM_WORDS; i++)
			bit[b] = word_add(bit[b], 0);
	}
	for (k = 0; k < 4; k++)
		for (n = 0; n < 256; n++)
			for (chosen.zeros[k][n] = 0, b = 0; b < 8; b++)
				if (n >> b & 1)
					chosen.zeros[k][n] ^= (u32)bit[8 * k + b];
}

static bool __init instruction_here(void)
{
	return boot_cpu_has(X86_FEATURE_XMM4_2);
}
#else
#define crc_instruction	crc_table
static void __init zeros_make(void)
{
}

static bool __init instruction_here(void)
{
	return false;
}
#endif

/* The best of some runs: what interrupts one is not ours. */
static u64 __init measure_ns(nvmvd_crc_fn fn, const void *page)
{
	u64 best = U64_MAX;
	unsigned int run;

	for (run = 0; run < 16; run++) {
		u64 begin = ktime_get_ns(), took;
		u32 sum = fn(fn(0, page, 4096), page, 4096);

		barrier_data(&sum);
		took = (ktime_get_ns() - begin) / 2;
		if (took < best)
			best = took;
	}
	return best;
}

static int __init both_agree(const u8 *page)
{
	unsigned int len;

	for (len = 0; len <= 4096; len += len < 64 ? 1 : 448)
		if (crc_table(len, page, len) !=
		    crc_instruction(len, page, len)) {
			pr_err("the processor's CRC32C is wrong\n");
			return -EINVAL;
		}
	return 0;
}

int __init nvmvd_crc_choose(const char *wanted)
{
	u64 table_ns, instruction_ns;
	unsigned int i;
	u8 *page;
	int err;

	chosen.fn = crc_table;
	chosen.name = "table";
	if (!strcmp(wanted, "instruction") && !instruction_here()) {
		pr_err("crc=instruction: this processor has none\n");
		return -EINVAL;
	}
	if (strcmp(wanted, "auto") && strcmp(wanted, "table") &&
	    strcmp(wanted, "instruction")) {
		pr_err("crc=%s: not auto, table or instruction\n", wanted);
		return -EINVAL;
	}
	if (!instruction_here()) {
		pr_info("checksum: table\n");
		return 0;
	}
	page = kmalloc(4096, GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	for (i = 0; i < 4096; i++)
		page[i] = (u8)(i * 37 + i / 256);
	zeros_make();
	err = both_agree(page);
	table_ns = measure_ns(crc_table, page);
	instruction_ns = measure_ns(crc_instruction, page);
	kfree(page);
	if (err)
		return err;
	if (!strcmp(wanted, "instruction") ||
	    (!strcmp(wanted, "auto") && instruction_ns < table_ns)) {
		chosen.fn = crc_instruction;
		chosen.name = "instruction";
	}
	pr_info("checksum: %s (4 KiB: table %llu ns, instruction %llu ns)\n",
		chosen.name, table_ns, instruction_ns);
	return 0;
}

nvmvd_crc_fn nvmvd_crc(void)
{
	return chosen.fn;
}

const char *nvmvd_crc_name(void)
{
	return chosen.name;
}
