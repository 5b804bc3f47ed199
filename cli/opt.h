/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opt.h - commands and their options as tables.
 *
 * One table per command is the only source of parsing, --help, the manual
 * page's OPTIONS and the completion of all shells; a difference fails the
 * test run.  A command is one file cli/cmd_<name>.c (vd_<name>.c for nvmvd)
 * that defines a `const struct command cmd_<name>`, declared in commands.h
 * and listed in the tool's table (nvmpool.c).  For example, all there is to a
 * command:
 *
 *	struct carve_opts {
 *		int mode;
 *		uint64_t size;
 *		bool quick;
 *	};
 *
 *	static const char *const modes[] = { "raw", "devdax", "fsdax", NULL };
 *
 *	static const struct opt opts[] = {
 *		OPT_WORD('m', "mode", "MODE", modes, struct carve_opts, mode,
 *			 "how the guest's kernel brings the child up"),
 *		OPT_SIZE(0, "size", struct carve_opts, size, "..."),
 *		OPT_FLAG('q', "quick", struct carve_opts, quick, "..."),
 *		OPT_END
 *	};
 *	static const struct arg args[] = {
 *		{ .name = "NAME", .complete = COMPLETE_NONE },
 *		{ .name = "SIZE", .complete = COMPLETE_SIZE },
 *		{ .name = NULL }
 *	};
 *	static int carve_run(struct cli *cli)
 *	{
 *		const struct carve_opts *o = cli->opts;
 *		struct session s;
 *		int status = session_open(cli, SESSION_WRITE, &s);
 *
 *		if (status)
 *			return status;		(session_open has told why)
 *		... cli->arg[0], cli->arg[1], pool_xxx(s.pool, ...) ...
 *		if (err)
 *			status = session_fail(&s, err, &fault,
 *					      "cannot carve '%s'", name);
 *		else
 *			out_size(cli, "size_bytes", "size", child.size_bytes);
 *		session_close(&s);
 *		return status;
 *	}
 *	const struct command cmd_carve = {
 *		.name = "carve", .summary = "carve a child out of the pool",
 *		.description = "...", .args = args, .opts = opts,
 *		.opts_size = sizeof(struct carve_opts),
 *		.flags = COMMAND_POOL | COMMAND_CHANGES, .run = carve_run,
 *	};
 */
#ifndef NVM_CLI_OPT_H
#define NVM_CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/exit.h"

/* What a shell can offer for an argument or an option's value. */
enum complete_kind {
	COMPLETE_NONE,		/* a new name, free text, a number */
	COMPLETE_CHILD,		/* a child of the pool */
	COMPLETE_VM,		/* a VM that has children in the pool */
	COMPLETE_POOL,		/* a registered pool, or a file */
	COMPLETE_SIZE,		/* digits, then a suffix */
	COMPLETE_FILE,
	COMPLETE_TARGET,	/* a file, or a child of the pool */
	COMPLETE_KERNEL,	/* a virtual disk of this machine's kernel */
	COMPLETE_WORDS,		/* one of .words */
	COMPLETE_COMMAND,	/* a subcommand */
};

enum opt_kind {
	OPT_KIND_FLAG,		/* bool */
	OPT_KIND_TEXT,		/* const char *, NULL when not given */
	OPT_KIND_SIZE,		/* uint64_t bytes, 0 when not given */
	OPT_KIND_NUMBER,	/* uint64_t, 0 when not given */
	OPT_KIND_WORD,		/* int, 1 + index in .words, 0: not given */
	OPT_KIND_LIST,		/* struct opt_list: may be given repeatedly */
};

#define OPT_LIST_MAX 63

/* The values of a repeated option, in their order. */
struct opt_list {
	const char *word[OPT_LIST_MAX];
	size_t count;
};

struct opt {
	const char *name;		/* long name; NULL ends the table */
	char letter;			/* short name, or 0 */
	enum opt_kind kind;
	enum complete_kind complete;	/* of the value */
	const char *value;		/* its placeholder, "SIZE"; flags: NULL */
	const char *const *words;	/* for OPT_KIND_WORD, ends with NULL */
	size_t offset;			/* of the field in the opts struct */
	const char *help;		/* lower case, no full stop */
};

/* The field's place; does not compile when its type is not @ctype. */
#define OPT_FIELD(ctype, type, field)                                       \
	(offsetof(type, field) +                                            \
	 0 * sizeof(&((type *)0)->field == (ctype *)0))

#define OPT_FLAG(letter_, name_, type, field, help_)                        \
	{ .name = name_, .letter = letter_, .kind = OPT_KIND_FLAG,          \
	  .offset = OPT_FIELD(bool, type, field), .help = help_ }
#define OPT_TEXT(letter_, name_, value_, complete_, type, field, help_)     \
	{ .name = name_, .letter = letter_, .kind = OPT_KIND_TEXT,          \
	  .complete = complete_, .value = value_,                           \
	  .offset = OPT_FIELD(const char *, type, field), .help = help_ }
#define OPT_SIZE(letter_, name_, type, field, help_)                        \
	{ .name = name_, .letter = letter_, .kind = OPT_KIND_SIZE,          \
	  .complete = COMPLETE_SIZE, .value = "SIZE",                       \
	  .offset = OPT_FIELD(uint64_t, type, field), .help = help_ }
#define OPT_NUMBER(letter_, name_, value_, type, field, help_)              \
	{ .name = name_, .letter = letter_, .kind = OPT_KIND_NUMBER,        \
	  .value = value_, .offset = OPT_FIELD(uint64_t, type, field),      \
	  .help = help_ }
#define OPT_WORD(letter_, name_, value_, words_, type, field, help_)        \
	{ .name = name_, .letter = letter_, .kind = OPT_KIND_WORD,          \
	  .complete = COMPLETE_WORDS, .value = value_, .words = words_,     \
	  .offset = OPT_FIELD(int, type, field), .help = help_ }
#define OPT_LIST(letter_, name_, value_, complete_, type, field, help_)        \
	{ .name = name_, .letter = letter_, .kind = OPT_KIND_LIST,          \
	  .complete = complete_, .value = value_,                           \
	  .offset = OPT_FIELD(struct opt_list, type, field), .help = help_ }
#define OPT_END { .name = NULL }

struct arg {
	const char *name;		/* "CHILD"; NULL ends the table */
	enum complete_kind complete;
	const char *const *words;	/* for COMPLETE_WORDS */
	bool optional;			/* it and all that follow */
	bool many;			/* the last one: may be given repeatedly */
};

struct example {
	const char *line;		/* without a prompt; NULL ends */
	const char *text;		/* what it does */
};

struct cli;

#define COMMAND_POOL	0x1u	/* works on a pool: has --pool and --wait */
#define COMMAND_CHANGES	0x2u	/* changes something: has -n, --dry-run */
#define COMMAND_ASKS	0x4u	/* may ask: has -y, --yes */
#define COMMAND_HIDDEN	0x8u	/* not in help, manual or completion */
#define COMMAND_RAW	0x10u	/* parses its own arguments; no options */
#define COMMAND_DISK	0x20u	/* its first argument is a disk: has --extent,
				   --pool and --wait */

struct command {
	const char *name;
	const char *summary;		/* one line, lower case, no full stop */
	const char *description;	/* paragraphs parted by \n\n; may be NULL */
	const struct arg *args;		/* may be NULL */
	const char *passes;		/* words behind "--" are handed on, as
					   cli->argv: "ARGUMENT"; may be NULL */
	const struct opt *opts;		/* its own ones; may be NULL */
	size_t opts_size;		/* of the struct they fill */
	const struct example *examples;	/* may be NULL */
	unsigned flags;			/* COMMAND_* */
	int (*run)(struct cli *cli);	/* returns an exit status */
};

struct tool {
	const char *name;
	const char *summary;
	const struct command *const *commands;	/* ends with NULL */
};

#define CLI_ARGS_MAX 64

/* One run of a tool: what was asked, and where the answer is collected. */
struct cli {
	const struct tool *tool;
	const struct command *command;	/* NULL until known */
	void *opts;			/* the command's own struct */
	const char *arg[CLI_ARGS_MAX + 1]; /* ends with NULL */
	int arg_count;			/* within the bounds of the table */
	int argc;			/* COMMAND_RAW: what follows the name;
					   .passes: what follows "--" */
	char **argv;
	/* the options that commands have in common */
	bool help;
	bool json;
	bool dry_run;
	bool yes;
	const char *pool;		/* --pool, or NULL */
	uint64_t wait_s;		/* --wait; CLI_WAIT_DEFAULT */
	struct opt_list extent;		/* --extent: of a disk, beside the first */
	struct out *out;		/* out.h */
};

#define CLI_WAIT_DEFAULT 10u

/*
 * Fill @cli from the words after the command's name.  Returns an exit
 * status; what is wrong has been told.  "-1G" is an argument, not an option.
 */
int opt_parse(struct cli *cli, int argc, char **argv);

/*
 * The option number @i of @command, own ones first, then the common ones
 * that its flags give it; NULL past the end.
 */
const struct opt *opt_at(const struct command *command, size_t i);

/* "carve [OPTION]... NAME SIZE" into @buf. */
void opt_usage(const struct command *command, char *buf, size_t buf_bytes);

/* The table entry of that name, or NULL. */
const struct command *command_find(const struct tool *tool, const char *name);

/* The one of @words (ends with NULL) that @typo is most like, or NULL. */
const char *opt_suggest(const char *typo, const char *const *words);

/* main() of a tool. */
int tool_main(const struct tool *tool, int argc, char **argv);

#endif
