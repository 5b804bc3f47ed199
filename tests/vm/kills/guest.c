// SPDX-License-Identifier: BSD-3-Clause
/*
 * guest.c - the guest that is killed: opens the disk in its NVDIMM, works on it
 * without end, and says on the console what it is about to do and what was
 * acknowledged (load.h).  Runs on guest-agent/libos, without a kernel.
 *
 * Command line: seed=N number=N [ops=N] [lie=NAME].  With ops it closes the
 * disk after so many operations and ends with LOAD_EXIT.  A lie is a planted
 * fault, for a judge that must see it:
 *
 *	early	acknowledges before it writes
 *	split	writes a group block by block
 *	trim	acknowledges trims that it does not make
 */
#include "guest-agent/libos/libos.h"
#include "tests/vm/kills/load.h"

#define SECTORS_MAX	(LOAD_COUNT_MAX * LOAD_SECTORS)
#define HOT_BLOCKS	64u

enum lie { LIE_NONE, LIE_EARLY, LIE_SPLIT, LIE_TRIM };

struct op {
	enum load_kind kind;
	uint64_t first, count, number;
};

struct guest {
	struct vd_area area;
	struct vd_geometry geometry;
	struct vd_open_args open;
	struct vdisk *disk;
	uint64_t random;
	uint64_t number;		/* of the next operation */
	enum lie lie;
	uint64_t buffer[SECTORS_MAX * LOAD_WORDS];
};

/* ---- the command line ----------------------------------------------------------- */

/* What stands behind "NAME=" on the command line; NULL: it is not there. */
static const char *word_find(const char *line, const char *name)
{
	while (*line) {
		const char *at = line, *want = name;

		while (*want && *at == *want) {
			at++;
			want++;
		}
		if (!*want && *at == '=')
			return at + 1;
		while (*line && *line != ' ')
			line++;
		while (*line == ' ')
			line++;
	}
	return NULL;
}

static uint64_t number_of(const char *line, const char *name)
{
	const char *digit = word_find(line, name);
	uint64_t number = 0;

	while (digit && *digit >= '0' && *digit <= '9')
		number = number * 10 + (uint64_t)(*digit++ - '0');
	return number;
}

static enum lie lie_of(const char *line)
{
	const char *name = word_find(line, "lie");

	if (!name)
		return LIE_NONE;
	return *name == 'e' ? LIE_EARLY : *name == 's' ? LIE_SPLIT : LIE_TRIM;
}

/* ---- talking ---------------------------------------------------------------------- */

static void say(const char *word, uint64_t number)
{
	serial_text(word);
	serial_number(number);
	serial_text("\n");
}

static void say_op(const struct op *op)
{
	const char kind[2] = { (char)op->kind, 0 };

	serial_text("do ");
	serial_text(kind);
	serial_text(" ");
	serial_number(op->first);
	serial_text(" ");
	serial_number(op->count);
	say(" ", op->number);
}

static int say_failed(const char *what, int err, const struct nvm_fault *fault)
{
	serial_text(what);
	serial_text(": ");
	if (fault->what) {
		serial_text(fault->what);
		serial_text(": ");
	}
	serial_text(nvm_strerror(err));
	serial_text("\n");
	return err;
}

/* ---- the disk --------------------------------------------------------------------- */

static int disk_open(struct guest *guest)
{
	struct nvm_fault fault = { 0 };
	int err;

	serial_text("opening\n");
	err = vd_open(&guest->area, &guest->open, &guest->disk, &fault);
	if (err)
		return say_failed("cannot open the disk", err, &fault);
	say("opened ", guest->geometry.logical_count);
	return 0;
}

static int disk_close(struct guest *guest)
{
	struct nvm_fault fault = { 0 };
	int err = vd_close(guest->disk, &fault);

	return err ? say_failed("cannot close the disk", err, &fault) : 0;
}

static int disk_begin(struct guest *guest)
{
	struct nvm_fault fault = { 0 };
	int err = libos_disk_find(&guest->area, &guest->geometry, &fault);

	if (err)
		return say_failed("cannot find the disk", err, &fault);
	guest->open.lane_count = 1;
	guest->open.mem_bytes = vd_memory_bytes(&guest->geometry, 1);
	guest->open.mem = memory_take(guest->open.mem_bytes, NVM_LINE);
	if (!guest->open.mem)
		return say_failed("no memory", -NVM_ENOMEM, &fault);
	return disk_open(guest);
}

/* ---- operations --------------------------------------------------------------------- */

static enum load_kind kind_choose(struct guest *guest)
{
	static const struct {
		enum load_kind kind;
		unsigned share;		/* of 1000 */
	} kinds[] = {
		{ LOAD_WRITE, 430 }, { LOAD_GROUP, 200 }, { LOAD_PART, 180 },
		{ LOAD_TRIM, 120 }, { LOAD_ZERO, 50 }, { LOAD_LEVEL, 10 },
		{ LOAD_REOPEN, 10 },
	};
	uint64_t draw = load_random(&guest->random, 1000);
	unsigned i = 0;

	while (draw >= kinds[i].share)
		draw -= kinds[i++].share;
	return kinds[i].kind;
}

static struct op op_choose(struct guest *guest)
{
	struct op op = { kind_choose(guest), 0, 0, guest->number++ };
	bool sectors = op.kind == LOAD_PART || op.kind == LOAD_ZERO;
	uint64_t unit = sectors ? LOAD_SECTORS : 1;
	uint64_t count, blocks = guest->geometry.logical_count;

	if (op.kind == LOAD_LEVEL || op.kind == LOAD_REOPEN)
		return op;
	/* Half of it goes to a few blocks, which are written again and again. */
	if (load_random(&guest->random, 2))
		blocks = HOT_BLOCKS;
	count = load_random(&guest->random, 3) ? 1 :
		1 + load_random(&guest->random, LOAD_COUNT_MAX - 1);
	if (op.kind == LOAD_GROUP)
		count++;
	if (sectors)
		count = 1 + load_random(&guest->random, 2 * LOAD_SECTORS);
	op.count = count;
	op.first = load_random(&guest->random, blocks * unit - count + 1);
	return op;
}

static void buffer_fill(struct guest *guest, const struct op *op)
{
	uint64_t unit = op->kind == LOAD_PART ? 1 : LOAD_SECTORS;

	for (uint64_t s = 0; s < op->count * unit; s++)
		load_fill(guest->buffer + s * LOAD_WORDS, op->first * unit + s,
			  op->number);
}

static int group_write(struct guest *guest, const struct op *op)
{
	int err = 0;

	if (guest->lie != LIE_SPLIT)
		return vd_write(guest->disk, 0, op->first, (uint32_t)op->count,
				guest->buffer, VD_WRITE_ATOMIC);
	for (uint64_t i = 0; i < op->count && !err; i++)
		err = vd_write(guest->disk, 0, op->first + i, 1, guest->buffer +
			       i * LOAD_SECTORS * LOAD_WORDS, 0);
	return err;
}

static int op_run(struct guest *guest, const struct op *op)
{
	int err;

	switch (op->kind) {
	case LOAD_WRITE:
		buffer_fill(guest, op);
		return vd_write(guest->disk, 0, op->first, (uint32_t)op->count,
				guest->buffer, 0);
	case LOAD_GROUP:
		buffer_fill(guest, op);
		return group_write(guest, op);
	case LOAD_PART:
		buffer_fill(guest, op);
		return vd_pwrite(guest->disk, 0, op->first * LOAD_SECTOR,
				 op->count * LOAD_SECTOR, guest->buffer, 0);
	case LOAD_TRIM:
		return guest->lie == LIE_TRIM ? 0 :
		       vd_trim(guest->disk, 0, op->first, op->count);
	case LOAD_ZERO:
		return vd_zero(guest->disk, 0, op->first * LOAD_SECTOR,
			       op->count * LOAD_SECTOR);
	case LOAD_LEVEL:
		return vd_level(guest->disk, 0, 512, 16, true, NULL);
	case LOAD_REOPEN:
		err = disk_close(guest);
		return err ? err : disk_open(guest);
	}
	return -NVM_EINVAL;
}

static int op_do(struct guest *guest)
{
	struct op op = op_choose(guest);
	int err;

	say_op(&op);
	if (guest->lie == LIE_EARLY)
		say("ok ", op.number);
	err = op_run(guest, &op);
	if (err) {
		serial_text("no ");
		serial_number(op.number);
		say(" ", (uint64_t)-err);
	} else if (guest->lie != LIE_EARLY) {
		say("ok ", op.number);
	}
	return err;
}

int libos_main(const char *command_line)
{
	struct guest *guest = memory_take(sizeof(*guest), NVM_LINE);
	uint64_t ops = number_of(command_line, "ops");

	if (!guest)
		return 1;
	guest->random = number_of(command_line, "seed");
	guest->number = number_of(command_line, "number");
	guest->lie = lie_of(command_line);
	if (disk_begin(guest))
		return 1;
	for (uint64_t i = 0; !ops || i < ops; i++)
		if (op_do(guest))
			return 1;
	if (disk_close(guest))
		return 1;
	serial_text("end\n");
	return LOAD_EXIT;
}
