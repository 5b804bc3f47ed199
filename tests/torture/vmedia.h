/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vmedia.h - what lies where on a virtual disk of one extent and one segment,
 * read from the image by docs/format.md, with none of the core's code: so that
 * faults can be aimed, and judged by what they hit.
 */
#ifndef TORTURE_VMEDIA_H
#define TORTURE_VMEDIA_H

#include "tests/torture/faults.h"
#include "tests/torture/vyard.h"

/* A physical block, by the newest valid half of its record line. */
struct vline {
	uint64_t line_off, data_off;
	bool used;		/* the line is not all zeros */
	enum vd_record_type type;	/* 0: no half is valid */
	uint64_t half_off;	/* of the newest one */
	uint64_t seq, mark;	/* and the watermark that it tells */
	uint32_t logical, salt;
	uint64_t group_first;	/* seq of its group's first member */
	uint32_t group_count;
};

struct vmedia {
	struct vyard *yard;
	uint32_t block_count, logical_count;
	struct vline *line;	/* by physical block */
	uint32_t room;
	uint64_t sb_off[3];
	uint64_t head_off, map_off, states_off;	/* up to states_end */
	uint64_t map_pages, states_end;
	uint64_t mark, table_seq;	/* as the SB says */
	bool clean;
	uint8_t uuid[VD_UUID_LEN];
	uint32_t generation;	/* of the segment */
};

/* False: no SB of a disk of this kind is there. */
bool vmedia_read(struct vmedia *media, struct vyard *yard);
void vmedia_end(struct vmedia *media);

/* Line @i of the trim log on physical block @block. */
bool vmedia_trim_valid(const struct vmedia *media, uint32_t block, unsigned i);
/* What the watermark is at least, whatever the faults have done. */
uint64_t vmedia_mark(const struct vmedia *media, const struct faults *faults);

/* For faults_apply(): the SB, table page or record there is another disk's. */
void vmedia_alien(void *ctx, uint64_t off, uint64_t len);

#endif
