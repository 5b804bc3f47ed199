// SPDX-License-Identifier: BSD-3-Clause
/*
 * test_pool_review_kill.c - a process is killed, the next one sees stores
 * that nothing has made durable and builds on them, then the power goes.
 *
 * The media here keeps two images: what is visible, and what a power loss
 * leaves if no line ever left the cache without need.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "pool/pool.h"

#define SIZE_BYTES	(64ull << 20)
#define PAGES		(SIZE_BYTES / NVM_PAGE)

struct twin {
	struct nvm_media media;
	uint8_t *visible, *durable;
	uint8_t *pending;	/* pages that the next drain makes durable */
	long drains_left;	/* the process is killed then; < 0: never */
};

static int twin_load(struct nvm_media *media, uint64_t off, void *dst,
		     size_t len)
{
	memcpy(dst, ((struct twin *)media)->visible + off, len);
	return 0;
}

static int twin_flush(struct nvm_media *media, uint64_t off, uint64_t len)
{
	struct twin *t = (struct twin *)media;

	assert_true(media_contains(media, off, len));
	memset(t->pending + off / NVM_PAGE, 1,
	       (off + len + NVM_PAGE - 1) / NVM_PAGE - off / NVM_PAGE);
	return 0;
}

static int twin_store(struct nvm_media *media, uint64_t off, const void *src,
		      size_t len)
{
	memcpy(((struct twin *)media)->visible + off, src, len);
	return twin_flush(media, off, len);
}

static int twin_discard(struct nvm_media *media, uint64_t off, uint64_t len)
{
	memset(((struct twin *)media)->visible + off, 0, len);
	return twin_flush(media, off, len);
}

static int twin_drain(struct nvm_media *media)
{
	struct twin *t = (struct twin *)media;

	if (!t->drains_left)
		return -NVM_EIO;
	t->drains_left--;
	for (uint64_t i = 0; i < PAGES; i++)
		if (t->pending[i])
			memcpy(t->durable + i * NVM_PAGE,
			       t->visible + i * NVM_PAGE, NVM_PAGE);
	memset(t->pending, 0, PAGES);
	return 0;
}

static int twin_reserve(struct nvm_media *media, uint64_t off, uint64_t len)
{
	return media_contains(media, off, len) ? 0 : -NVM_EIO;
}

static int twin_sync(struct nvm_media *media)
{
	(void)media;
	return 0;
}

static uint32_t twin_crc32c(uint32_t crc, const void *src, size_t len)
{
	const uint8_t *byte = src;

	for (crc = ~crc; len--; byte++) {
		crc ^= *byte;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

static const struct nvm_media_ops twin_ops = {
	.load = twin_load,
	.store = twin_store,
	.drain = twin_drain,
	.flush = twin_flush,
	.discard = twin_discard,
	.reserve = twin_reserve,
	.sync = twin_sync,
	.crc32c = twin_crc32c,
};

static uint8_t *zeros(size_t bytes)
{
	void *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(mem, MAP_FAILED);
	return mem;
}

static void twin_kill(struct twin *t)
{
	memset(t->pending, 0, PAGES);
	t->drains_left = -1;
}

static void twin_power_loss(struct twin *t)
{
	memcpy(t->visible, t->durable, SIZE_BYTES);
	twin_kill(t);
}

static struct pool *twin_open(struct twin *t, void **mem)
{
	struct pool_geometry geom;
	struct pool *pool;
	size_t bytes;

	free(*mem);
	*mem = NULL;
	if (pool_probe(&t->media, &geom, NULL))
		return NULL;
	bytes = pool_memory_bytes(&geom);
	*mem = aligned_alloc(64, (bytes + 63) / 64 * 64);
	assert_non_null(*mem);
	return pool_open(&t->media, POOL_OPEN_WRITE, *mem, bytes, &pool,
			 NULL) ? NULL : pool;
}

/* Killed at the drain with number @drains; is there anything to open? */
static bool format_killed_and_used(long drains)
{
	static const uint8_t uuid[POOL_UUID_LEN] = { 1, 2, 3 };
	struct twin t = { { &twin_ops, NULL, SIZE_BYTES, NVM_BUS, false },
			  zeros(SIZE_BYTES), zeros(SIZE_BYTES), zeros(PAGES),
			  drains };
	struct pool_format_args format = { .unit_bytes = 1 << 20,
		.children_max = 4, .uuid = uuid };
	struct pool_carve_args carve = { .name = "child", .uuid = uuid,
		.size_bytes = 2 << 20 };
	struct pool_child child;
	struct pool *pool;
	void *mem = NULL;
	bool used = false;

	pool_format(&t.media, &format, NULL);
	twin_kill(&t);
	pool = twin_open(&t, &mem);
	if (pool && !pool_carve(pool, &carve, NULL, NULL, NULL)) {
		used = true;
		twin_power_loss(&t);
		pool = twin_open(&t, &mem);
		assert_non_null(pool);
		assert_int_equal(pool_child_find(pool, "child", &child), 0);
	}
	free(mem);
	munmap(t.visible, SIZE_BYTES);
	munmap(t.durable, SIZE_BYTES);
	munmap(t.pending, PAGES);
	return used;
}

static void test_what_a_killed_format_left_is_durable_once_used(void **state)
{
	unsigned used = 0;

	(void)state;
	for (long drains = 0; drains < 6; drains++)
		used += format_killed_and_used(drains);
	assert_int_equal(used, 4);	/* all but the first two drains */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_what_a_killed_format_left_is_durable_once_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
