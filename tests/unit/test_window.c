/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_window.c - a window hands on what lies inside it, moved, and nothing
 * else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/window.h"

#define UNDER_BYTES	1000u
#define WINDOW_OFF	300u
#define WINDOW_BYTES	200u

/* A media of bytes in memory that remembers what was asked of it last. */
struct memo {
	struct nvm_media media;
	uint8_t bytes[UNDER_BYTES];
	const char *asked;
	uint64_t off, len;
	int calls;
	int answer;
};

static int memo_ask(struct nvm_media *media, const char *asked, uint64_t off,
		    uint64_t len)
{
	struct memo *memo = (struct memo *)media;

	memo->asked = asked;
	memo->off = off;
	memo->len = len;
	memo->calls++;
	assert_true(media_contains(media, off, len));
	return memo->answer;
}

static int memo_load(struct nvm_media *media, uint64_t off, void *dst,
		     size_t len)
{
	memcpy(dst, ((struct memo *)media)->bytes + off, len);
	return memo_ask(media, "load", off, len);
}

static int memo_store(struct nvm_media *media, uint64_t off, const void *src,
		      size_t len)
{
	memcpy(((struct memo *)media)->bytes + off, src, len);
	return memo_ask(media, "store", off, len);
}

static int memo_drain(struct nvm_media *media)
{
	return memo_ask(media, "drain", 0, 0);
}

static int memo_flush(struct nvm_media *media, uint64_t off, uint64_t len)
{
	return memo_ask(media, "flush", off, len);
}

static int memo_discard(struct nvm_media *media, uint64_t off, uint64_t len)
{
	return memo_ask(media, "discard", off, len);
}

static int memo_reserve(struct nvm_media *media, uint64_t off, uint64_t len)
{
	return memo_ask(media, "reserve", off, len);
}

static int memo_sync(struct nvm_media *media)
{
	return memo_ask(media, "sync", 0, 0);
}

static uint32_t memo_crc32c(uint32_t crc, const void *src, size_t len)
{
	(void)src;
	return crc + (uint32_t)len;
}

static const struct nvm_media_ops memo_ops = {
	.load = memo_load, .store = memo_store, .drain = memo_drain,
	.flush = memo_flush, .discard = memo_discard, .reserve = memo_reserve,
	.sync = memo_sync, .crc32c = memo_crc32c,
};

struct world {
	struct memo memo;
	struct window window;
};

static void world_make(struct world *world)
{
	struct memo *memo = &world->memo;

	memset(world, 0, sizeof(*world));
	memo->media = (struct nvm_media){
		.ops = &memo_ops, .base = memo->bytes,
		.size_bytes = UNDER_BYTES, .durability = NVM_SYNC,
	};
	for (unsigned i = 0; i < UNDER_BYTES; i++)
		memo->bytes[i] = (uint8_t)(i * 7);
	window_init(&world->window, &memo->media, WINDOW_OFF, WINDOW_BYTES);
}

static void assert_asked(const struct world *world, const char *asked,
			 uint64_t off, uint64_t len)
{
	assert_string_equal(world->memo.asked, asked);
	assert_int_equal(world->memo.off, off);
	assert_int_equal(world->memo.len, len);
}

static void operations_are_handed_on_with_the_place_added(void **state)
{
	struct world world;
	struct nvm_media *media = &world.window.media;
	uint8_t byte[4];

	(void)state;
	world_make(&world);
	assert_int_equal(media->ops->load(media, 10, byte, 4), 0);
	assert_asked(&world, "load", 310, 4);
	assert_memory_equal(byte, world.memo.bytes + 310, 4);
	assert_int_equal(media->ops->store(media, 196, "abcd", 4), 0);
	assert_asked(&world, "store", 496, 4);
	assert_memory_equal(world.memo.bytes + 496, "abcd", 4);
	assert_int_equal(media->ops->flush(media, 1, 2), 0);
	assert_asked(&world, "flush", 301, 2);
	assert_int_equal(media->ops->discard(media, 0, 200), 0);
	assert_asked(&world, "discard", 300, 200);
	assert_int_equal(media->ops->reserve(media, 200, 0), 0);
	assert_asked(&world, "reserve", 500, 0);
}

static void drain_and_sync_are_those_of_the_whole(void **state)
{
	struct world world;
	struct nvm_media *media = &world.window.media;

	(void)state;
	world_make(&world);
	assert_int_equal(media->ops->drain(media), 0);
	assert_asked(&world, "drain", 0, 0);
	assert_int_equal(media->ops->sync(media), 0);
	assert_asked(&world, "sync", 0, 0);
	assert_int_equal(media_barrier(media), 0);
	assert_int_equal(world.memo.calls, 4);
}

static void errors_come_through(void **state)
{
	struct world world;
	struct nvm_media *media = &world.window.media;
	uint8_t byte = 0;

	(void)state;
	world_make(&world);
	world.memo.answer = -NVM_ENOSPC;
	assert_int_equal(media->ops->load(media, 0, &byte, 1), -NVM_ENOSPC);
	assert_int_equal(media->ops->store(media, 0, &byte, 1), -NVM_ENOSPC);
	assert_int_equal(media->ops->flush(media, 0, 1), -NVM_ENOSPC);
	assert_int_equal(media->ops->discard(media, 0, 1), -NVM_ENOSPC);
	assert_int_equal(media->ops->reserve(media, 0, 1), -NVM_ENOSPC);
	assert_int_equal(media->ops->drain(media), -NVM_ENOSPC);
	assert_int_equal(media->ops->sync(media), -NVM_ENOSPC);
}

static void what_lies_outside_is_refused_though_the_whole_has_it(void **state)
{
	static const struct { uint64_t off; size_t len; } outside[] = {
		{ WINDOW_BYTES, 1 }, { WINDOW_BYTES - 1, 2 },
		{ 0, WINDOW_BYTES + 1 }, { WINDOW_BYTES + 1, 0 },
		{ UINT64_MAX, 1 }, { UINT64_MAX - WINDOW_OFF + 1, 1 },
		{ 1, SIZE_MAX },
	};
	struct world world;
	struct nvm_media *media = &world.window.media;
	uint8_t bytes[UNDER_BYTES] = { 0 };

	(void)state;
	world_make(&world);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		uint64_t off = outside[i].off;
		size_t len = outside[i].len;

		assert_int_equal(media->ops->load(media, off, bytes, len),
				 -NVM_EIO);
		assert_int_equal(media->ops->store(media, off, bytes, len),
				 -NVM_EIO);
		assert_int_equal(media->ops->flush(media, off, len), -NVM_EIO);
		assert_int_equal(media->ops->discard(media, off, len),
				 -NVM_EIO);
		assert_int_equal(media->ops->reserve(media, off, len),
				 -NVM_EIO);
	}
	assert_int_equal(world.memo.calls, 0);
}

static void a_window_is_of_the_kind_of_what_is_under_it(void **state)
{
	struct world world;
	struct window inner;
	uint8_t byte;

	(void)state;
	world_make(&world);
	assert_int_equal(world.window.media.size_bytes, WINDOW_BYTES);
	assert_int_equal(world.window.media.durability, NVM_SYNC);
	assert_false(world.window.media.read_only);
	assert_ptr_equal(world.window.media.base,
			 world.memo.bytes + WINDOW_OFF);
	assert_int_equal(world.window.media.ops->crc32c(5, "", 7), 12);

	world.memo.media.durability = NVM_BUS;
	world.memo.media.read_only = true;
	world.memo.media.base = NULL;
	window_init(&world.window, &world.memo.media, WINDOW_OFF,
		    WINDOW_BYTES);
	assert_int_equal(world.window.media.durability, NVM_BUS);
	assert_true(world.window.media.read_only);
	assert_null(world.window.media.base);

	/* And there are windows in windows. */
	window_init(&inner, &world.window.media, 50, 100);
	assert_int_equal(inner.media.ops->load(&inner.media, 99, &byte, 1), 0);
	assert_asked(&world, "load", WINDOW_OFF + 50 + 99, 1);
	assert_int_equal(inner.media.ops->load(&inner.media, 100, &byte, 1),
			 -NVM_EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_are_handed_on_with_the_place_added),
		cmocka_unit_test(drain_and_sync_are_those_of_the_whole),
		cmocka_unit_test(errors_come_through),
		cmocka_unit_test(
			what_lies_outside_is_refused_though_the_whole_has_it),
		cmocka_unit_test(a_window_is_of_the_kind_of_what_is_under_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
