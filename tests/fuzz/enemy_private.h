/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * enemy_private.h - what the files of the edits share.
 */
#ifndef FUZZ_ENEMY_PRIVATE_H
#define FUZZ_ENEMY_PRIVATE_H

#include "tests/fuzz/enemy.h"

/* The values of an edit; each kind has its own use for them. */
struct edit {
	uint8_t kind, flags, e, f;
	uint16_t a, b, c, d;
	uint32_t g;
};

uint32_t crc(const struct enemy *enemy, uint32_t seed, const void *src,
	     size_t len);

struct scratch *extent_of(struct enemy *enemy, uint32_t extent);
const struct vd_segment *segment_with(const struct enemy *enemy,
				      uint32_t block);
uint32_t block_from(const struct enemy *enemy, uint64_t number);
const uint8_t *bytes_at(const struct scratch *scratch, uint64_t off,
			uint64_t len);
void sb_place(struct enemy *enemy, uint32_t copy, struct scratch **ret_extent,
	      uint64_t *ret_off);
void view_renew(struct enemy *enemy);

bool record_at(const struct enemy *enemy, uint32_t block, unsigned half,
	       struct vd_record *ret_record);
uint64_t seq_from(const struct enemy *enemy, uint16_t code);
uint64_t seq_step(uint64_t seq, uint32_t step, uint8_t how);
uint32_t lag_from(const struct enemy *enemy, uint16_t code, uint64_t seq);

void edit_records(struct enemy *enemy, const struct edit *edit);
void edit_logs(struct enemy *enemy, const struct edit *edit);
void edit_map(struct enemy *enemy, const struct edit *edit);
void edit_states(struct enemy *enemy, const struct edit *edit);
void edit_clean(struct enemy *enemy, const struct edit *edit);

#endif
