// SPDX-License-Identifier: BSD-3-Clause
/*
 * torture_select.c - see torture_select.h.
 *
 * Groups, which share work, are dealt out to shards whole and in turn, so that
 * every shard gets some of each workload.
 */
#include "cli/torture_select.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/out.h"
#include "cli/talk.h"

const char *const torture_workloads[] = {
	"pool", "pool-sequence", "pool-random", "pool-kill", "pool-mutants",
	"pool-faults", "vdisk", "vdisk-sequence", "vdisk-threads", "vdisk-pairs",
	"vdisk-random", "vdisk-kill", "vdisk-mutants", "vdisk-faults", NULL
};

const char *const torture_models[] = {
	"intel", "paranoid", "pagecache", "eadr", NULL
};
_Static_assert(sizeof(torture_models) / sizeof(*torture_models) ==
	       MODEL_COUNT + 1, "a name for each model");

static bool word_matches(const char *word, const struct torture_case *c)
{
	char name[160];
	size_t len = strlen(word);

	snprintf(name, sizeof(name), "%s/%s", c->suite->name, c->name);
	return !strcmp(word, c->suite->name) || !fnmatch(word, name, 0) ||
	       (!strncmp(word, name, len) && (name[len] == ':' || !name[len]));
}

static bool is_selected(struct cli *cli, const struct torture_case *c,
			enum torture_kind kind, int model, bool *used)
{
	bool selected = !cli->arg_count &&
			(kind != TORTURE_RUN || !c->suite->mutants);
	bool asked = kind == TORTURE_ANY;

	if (kind == TORTURE_MUTANTS && !c->suite->mutants)
		return false;
	for (int i = 0; i < cli->arg_count; i++) {
		if (!word_matches(cli->arg[i], c))
			continue;
		used[i] = selected = true;
		asked |= !!strstr(cli->arg[i], model_name(c->model));
	}
	return selected && (model ? (int)c->model == model - 1
				  : !c->extra || asked);
}

static int words_check(struct cli *cli, const bool *used)
{
	for (int i = 0; i < cli->arg_count; i++) {
		const char *near;

		if (used[i])
			continue;
		near = opt_suggest(cli->arg[i], torture_workloads);
		if (near)
			return cli_fail(cli, EXIT_NOT_FOUND, "no case is called "
					"'%s', did you mean '%s'?", cli->arg[i],
					near);
		return cli_fail(cli, EXIT_NOT_FOUND, "no case is called '%s'; "
				"see '%s list'", cli->arg[i], cli->tool->name);
	}
	return 0;
}

static int shard_parse(struct cli *cli, const char *shard, unsigned *ret_index,
		       unsigned *ret_of)
{
	char rest;

	*ret_index = *ret_of = 1;
	if (shard && (sscanf(shard, "%u/%u%c", ret_index, ret_of, &rest) != 2 ||
		      !*ret_index || *ret_index > *ret_of))
		return cli_fail(cli, EXIT_USAGE, "bad shard '%s': I/N, from 1/N "
				"to N/N", shard);
	return 0;
}

int torture_select(struct cli *cli, enum torture_kind kind, int model,
		   const char *shard, struct torture_selection *ret_selection)
{
	struct torture_selection s = { .count = 0 };
	const struct torture_case *last = NULL;
	bool used[CLI_ARGS_MAX] = { false };
	unsigned index, of, group = 0;
	int status = shard_parse(cli, shard, &index, &of);

	if (status)
		return status;
	case_list_all(&s.all);
	s.item = out_must(calloc(s.all.count + 1, sizeof(*s.item)));
	for (size_t i = 0; i < s.all.count; i++) {
		const struct torture_case *c = &s.all.item[i];

		if (!is_selected(cli, c, kind, model, used))
			continue;
		if (!last || last->suite != c->suite || last->group != c->group)
			group++;
		last = c;
		if ((group - 1) % of == index - 1)
			s.item[s.count++] = c;
	}
	status = words_check(cli, used);
	if (!status && !last)
		status = cli_fail(cli, EXIT_NOT_FOUND, "no case is of that "
				  "model; see '%s list'", cli->tool->name);
	if (status)
		torture_selection_free(&s);
	else
		*ret_selection = s;
	return status;
}

void torture_selection_free(struct torture_selection *selection)
{
	free(selection->item);
	case_list_free(&selection->all);
	*selection = (struct torture_selection){ .count = 0 };
}
