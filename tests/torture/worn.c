// SPDX-License-Identifier: BSD-3-Clause
/*
 * worn.c - counting line writes (worn.h).  A store counts once for each line
 * that it touches, as it would be written to the device by one flush.
 */
#include "tests/torture/worn.h"

#include <isa-l/crc.h>
#include <stdlib.h>

static struct worn *worn_of(struct nvm_media *media)
{
	return (struct worn *)media;
}

static int worn_load(struct nvm_media *media, uint64_t off, void *dst,
		     size_t len)
{
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	memcpy(dst, worn_of(media)->bytes + off, len);
	return 0;
}

static void worn_count(struct worn *worn, uint64_t off, uint64_t len)
{
	for (uint64_t line = off / NVM_LINE;
	     len && line <= (off + len - 1) / NVM_LINE; line++) {
		worn->total++;
		if (++worn->writes[line] > worn->most) {
			worn->most = worn->writes[line];
			worn->most_line = line;
		}
	}
}

static int worn_store(struct nvm_media *media, uint64_t off, const void *src,
		      size_t len)
{
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	memcpy(worn_of(media)->bytes + off, src, len);
	worn_count(worn_of(media), off, len);
	return 0;
}

static int worn_discard(struct nvm_media *media, uint64_t off, uint64_t len)
{
	if (!media_contains(media, off, len))
		return -NVM_EIO;
	memset(worn_of(media)->bytes + off, 0, len);
	worn_count(worn_of(media), off, len);
	return 0;
}

static int worn_nothing(struct nvm_media *media)
{
	(void)media;
	return 0;
}

static int worn_no_range(struct nvm_media *media, uint64_t off, uint64_t len)
{
	return media_contains(media, off, len) ? 0 : -NVM_EIO;
}

static uint32_t worn_crc32c(uint32_t crc, const void *src, size_t len)
{
	union {
		const void *in;
		unsigned char *out;	/* the library only reads it */
	} bytes = { .in = src };

	return ~crc32_iscsi(bytes.out, (int)len, ~crc);
}

static const struct nvm_media_ops worn_ops = {
	.load = worn_load,
	.store = worn_store,
	.drain = worn_nothing,
	.flush = worn_no_range,
	.discard = worn_discard,
	.reserve = worn_no_range,
	.sync = worn_nothing,
	.crc32c = worn_crc32c,
};

struct worn *worn_new(uint64_t size_bytes, enum nvm_durability durability)
{
	struct worn *worn = calloc(1, sizeof(*worn));

	if (!worn)
		abort();
	worn->line_count = size_bytes / NVM_LINE;
	worn->bytes = calloc(1, size_bytes);
	worn->writes = calloc(worn->line_count, sizeof(*worn->writes));
	if (!worn->bytes || !worn->writes)
		abort();
	worn->media = (struct nvm_media){ .ops = &worn_ops,
		.base = worn->bytes, .size_bytes = size_bytes,
		.durability = durability };
	return worn;
}

void worn_free(struct worn *worn)
{
	if (!worn)
		return;
	free(worn->bytes);
	free(worn->writes);
	free(worn);
}
