/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opt.c - from words on a command line to a filled struct, by the tables of
 * opt.h.  Options and arguments may be mixed; "--" ends the options; long
 * options are never abbreviated, since an abbreviation in a script breaks
 * when a new option comes.  What follows "--" may also be for another program.
 */
#include "cli/opt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/size.h"
#include "cli/talk.h"

/* The options that commands have in common live in struct cli itself. */
static const struct opt common[] = {
	OPT_TEXT('p', "pool", "POOL", COMPLETE_POOL, struct cli, pool,
		 "the pool's path or registered name (default: $NVMPOOL, "
		 "else the default or only registered pool)"),
	OPT_NUMBER('w', "wait", "SECONDS", struct cli, wait_s,
		   "how long to wait for another command to unlock the pool "
		   "(default: 10; 0: do not wait)"),
	OPT_LIST('e', "extent", "PATH", COMPLETE_FILE, struct cli, extent,
		 "one more file or device that the disk lies on; repeated, in "
		 "any order"),
	OPT_TEXT('p', "pool", "POOL", COMPLETE_POOL, struct cli, pool,
		 "the pool that has the child: its path or registered name "
		 "(default: $NVMPOOL, else the default or only registered "
		 "pool)"),
	OPT_NUMBER('w', "wait", "SECONDS", struct cli, wait_s,
		   "how long to wait for another command to be done with the "
		   "disk (default: 10; 0: do not wait)"),
	OPT_FLAG('n', "dry-run", struct cli, dry_run,
		 "do everything on a private copy and change nothing"),
	OPT_FLAG('y', "yes", struct cli, yes, "answer yes to every question"),
	OPT_FLAG('j', "json", struct cli, json, "print JSON"),
	OPT_FLAG('h', "help", struct cli, help, "print this help"),
};

/* Which flags of a command bring each of them; 0: every command has it. */
static const unsigned common_flags[] = {
	COMMAND_POOL, COMMAND_POOL, COMMAND_DISK, COMMAND_DISK, COMMAND_DISK,
	COMMAND_CHANGES, COMMAND_ASKS, 0, 0,
};

#define COMMON_COUNT (sizeof(common) / sizeof(common[0]))
_Static_assert(COMMON_COUNT == sizeof(common_flags) / sizeof(common_flags[0]),
	       "each common option has its flags");

const struct opt *opt_at(const struct command *command, size_t i)
{
	const struct opt *o = command->opts;

	for (; o && o->name; o++)
		if (i-- == 0)
			return o;
	for (size_t k = 0; k < COMMON_COUNT; k++)
		if (!common_flags[k] || command->flags & common_flags[k])
			if (i-- == 0)
				return &common[k];
	return NULL;
}

static void *opt_target(struct cli *cli, const struct opt *opt)
{
	char *base = cli->opts;

	for (size_t k = 0; k < COMMON_COUNT; k++)
		if (opt == &common[k])
			base = (char *)cli;
	return base + opt->offset;
}

/* Edits to get from @a to @b: insert, delete, replace, swap neighbours. */
static size_t edit_distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	size_t la = strlen(a), lb = strlen(b);
	size_t d[MAX + 1][MAX + 1];

	if (la > MAX || lb > MAX)
		return SIZE_MAX;
	for (size_t i = 0; i <= la; i++) {
		for (size_t k = 0; k <= lb; k++) {
			size_t best;

			if (!i || !k) {
				d[i][k] = i + k;
				continue;
			}
			best = d[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
			if (d[i - 1][k] + 1 < best)
				best = d[i - 1][k] + 1;
			if (d[i][k - 1] + 1 < best)
				best = d[i][k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] &&
			    a[i - 2] == b[k - 1] && d[i - 2][k - 2] + 1 < best)
				best = d[i - 2][k - 2] + 1;
			d[i][k] = best;
		}
	}
	return d[la][lb];
}

const char *opt_suggest(const char *typo, const char *const *words)
{
	size_t len = strlen(typo), best = SIZE_MAX;
	const char *ret = NULL;

	for (; *words; words++) {
		size_t d = edit_distance(typo, *words);

		if (len >= 2 && strncmp(typo, *words, len) == 0)
			d = 1;		/* an abbreviation */
		if (d < best) {
			best = d;
			ret = *words;
		}
	}
	return best <= 2 && best < len ? ret : NULL;
}

static int opt_unknown(struct cli *cli, const char *shown, const char *name,
		       size_t len)
{
	const char *names[64];
	const struct opt *o;
	const char *near;
	char typo[64];
	size_t i;

	for (i = 0; i < 63 && (o = opt_at(cli->command, i)); i++)
		names[i] = o->name;
	names[i] = NULL;
	snprintf(typo, sizeof(typo), "%.*s", (int)(len < 63 ? len : 63), name);
	near = opt_suggest(typo, names);
	if (near)
		return cli_fail(cli, EXIT_USAGE,
				"unknown option '%s', did you mean '--%s'?",
				shown, near);
	return cli_fail(cli, EXIT_USAGE,
			"unknown option '%s'; see '%s %s --help'", shown,
			cli->tool->name, cli->command->name);
}

static int opt_word(struct cli *cli, const struct opt *opt, const char *value,
		    int *ret_index)
{
	char list[256];
	size_t used = 0;

	for (int i = 0; opt->words[i]; i++) {
		if (strcmp(value, opt->words[i]) == 0) {
			*ret_index = i + 1;
			return 0;
		}
		if (used < sizeof(list))
			used += (size_t)snprintf(list + used,
						 sizeof(list) - used, "%s%s",
						 i ? ", " : "", opt->words[i]);
	}
	return cli_fail(cli, EXIT_USAGE, "bad value '%s' for --%s, must be "
			"one of: %s", value, opt->name, list);
}

static int opt_list_add(struct cli *cli, const struct opt *opt,
			const char *value, struct opt_list *list)
{
	if (list->count == OPT_LIST_MAX)
		return cli_fail(cli, EXIT_USAGE, "too many --%s, at most %d",
				opt->name, OPT_LIST_MAX);
	list->word[list->count++] = value;
	return 0;
}

static int opt_set(struct cli *cli, const struct opt *opt, const char *value)
{
	void *target = opt_target(cli, opt);
	enum size_error err;
	char *end;

	switch (opt->kind) {
	case OPT_KIND_FLAG:
		*(bool *)target = true;
		break;
	case OPT_KIND_TEXT:
		*(const char **)target = value;
		break;
	case OPT_KIND_SIZE:
		err = size_parse(value, target);
		if (err)
			return cli_fail(cli, EXIT_USAGE,
					"bad size '%s' for --%s: %s", value,
					opt->name, size_strerror(err));
		if (!*(uint64_t *)target)
			return cli_fail(cli, EXIT_USAGE, "bad size '%s' for "
					"--%s: must not be 0", value,
					opt->name);
		break;
	case OPT_KIND_NUMBER:
		errno = 0;
		*(uint64_t *)target = strtoull(value, &end, 10);
		if (*value < '0' || *value > '9' || *end || errno)
			return cli_fail(cli, EXIT_USAGE,
					"bad number '%s' for --%s", value,
					opt->name);
		break;
	case OPT_KIND_WORD:
		return opt_word(cli, opt, value, target);
	case OPT_KIND_LIST:
		return opt_list_add(cli, opt, value, target);
	}
	return 0;
}

/* "--name", "--name=value" or "--name value"; *i is moved past a value. */
static int parse_long(struct cli *cli, int argc, char **argv, int *i)
{
	const char *word = argv[*i], *name = word + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : NULL;
	const struct opt *o;

	for (size_t k = 0; (o = opt_at(cli->command, k)); k++)
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			break;
	if (!o)
		return opt_unknown(cli, word, name, len);
	if (o->kind == OPT_KIND_FLAG && value)
		return cli_fail(cli, EXIT_USAGE, "option '--%s' takes no value",
				o->name);
	if (o->kind != OPT_KIND_FLAG && !value) {
		if (*i + 1 >= argc)
			return cli_fail(cli, EXIT_USAGE, "option '--%s' needs "
					"a value: %s", o->name, o->value);
		value = argv[++*i];
	}
	return opt_set(cli, o, value);
}

/* "-j", "-jn", "-mraw" or "-m raw". */
static int parse_short(struct cli *cli, int argc, char **argv, int *i)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const char *value = NULL;
		const struct opt *o;
		int status;

		for (size_t k = 0; (o = opt_at(cli->command, k)); k++)
			if (o->letter == *p)
				break;
		if (!o) {
			char shown[3] = { '-', *p };

			return opt_unknown(cli, shown, "", 0);
		}
		if (o->kind != OPT_KIND_FLAG) {
			value = p + 1;
			if (!*value && *i + 1 >= argc)
				return cli_fail(cli, EXIT_USAGE, "option '-%c' "
						"needs a value: %s", *p,
						o->value);
			if (!*value)
				value = argv[++*i];
		}
		status = opt_set(cli, o, value);
		if (status || value)
			return status;
	}
	return 0;
}

/* An argument may begin with "-" when a digit follows: "resize vm1 -1G". */
static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9');
}

static int args_check(struct cli *cli)
{
	const struct arg *a = cli->command->args;
	bool many = false;
	int i = 0;

	for (; a && a->name; many = a->many, a++, i++)
		if (i >= cli->arg_count && !a->optional)
			return cli_fail(cli, EXIT_USAGE,
					"missing %s; see '%s %s --help'",
					a->name, cli->tool->name,
					cli->command->name);
	if (cli->arg_count > i && !many)
		return cli_fail(cli, EXIT_USAGE,
				"unexpected argument '%s'; see '%s %s --help'",
				cli->arg[i], cli->tool->name,
				cli->command->name);
	return 0;
}

int opt_parse(struct cli *cli, int argc, char **argv)
{
	bool options = true;

	/* so that even a wrong option is answered in JSON */
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "-j") || !strcmp(argv[i], "--json"))
			cli->json = true;
	for (int i = 0; i < argc; i++) {
		int status = 0;

		if (options && strcmp(argv[i], "--") == 0) {
			if (cli->command->passes) {
				cli->argc = argc - i - 1;
				cli->argv = argv + i + 1;
				break;
			}
			options = false;
		} else if (!options || !is_option(argv[i])) {
			if (cli->arg_count == CLI_ARGS_MAX)
				return cli_fail(cli, EXIT_USAGE,
						"too many arguments");
			cli->arg[cli->arg_count++] = argv[i];
		} else if (argv[i][1] == '-') {
			status = parse_long(cli, argc, argv, &i);
		} else {
			status = parse_short(cli, argc, argv, &i);
		}
		if (status)
			return status;
	}
	return cli->help ? 0 : args_check(cli);
}
