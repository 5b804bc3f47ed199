/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vwatch.h - a virtual disk before and after faults of its media: is anything
 * that it shows neither what it showed before nor an error?
 *
 * What may differ is docs/design.md's "What cannot be promised", and it must be
 * counted: a block above the watermark whose record or data are hit may roll
 * back; a block whose record is lost altogether, written since the last clean
 * close, may show an older version or zeros; and so may one whose trim is lost.
 */
#ifndef TORTURE_VWATCH_H
#define TORTURE_VWATCH_H

#include "tests/torture/oracle.h"
#include "tests/torture/vhistory.h"
#include "tests/torture/vmedia.h"

struct vwatch {
	struct vyard *yard;
	struct vmedia media;
	/* The disk without the faults. */
	struct vshown before;
	struct vd_place *place;		/* by logical block */
	uint64_t counted, retired;
	/* With them. */
	struct vshown reader, writer, after;
	uint8_t *reported;		/* by logical, then by physical block */
	uint32_t problems;
	struct vd_problem first;	/* of them */
	struct verdict verdict;
};

void vwatch_begin(struct vwatch *watch, struct vyard *yard);
void vwatch_end(struct vwatch *watch);

/* What is there now; to be called before any fault. */
bool vwatch_before(struct vwatch *watch);

/*
 * Apply the faults and judge; to be put under a mark.  With @full also what a
 * check says and mends, and whether the disk then serves.
 */
bool vwatch_judge(struct vwatch *watch, const struct faults *faults, bool full);
/* The same, but that the faults are there already, and @writer was seen. */
bool vwatch_same(struct vwatch *watch);

#endif
