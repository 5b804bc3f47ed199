// SPDX-License-Identifier: BSD-3-Clause
/*
 * suite.c - the list of suites, and what they have in common: lists of cases,
 * results, tokens.
 */
#include "tests/torture/suite.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/torture/sites.h"
#include "tests/torture/suites.h"

const struct suite *const suites[] = {
	&suite_pool,
	&suite_pool_sequence,
	&suite_pool_random,
	&suite_pool_kill,
	&suite_pool_mutants,
	&suite_pool_faults,
	&suite_vdisk,
	&suite_vdisk_sequence,
	&suite_vdisk_threads,
	&suite_vdisk_pairs,
	&suite_vdisk_random,
	&suite_vdisk_kill,
	&suite_vdisk_mutants,
	&suite_vdisk_faults,
	NULL
};

/* ---- lists ---------------------------------------------------------------- */

struct torture_case *case_add(struct case_list *list, const struct suite *suite,
			      unsigned group, enum explore_model model,
			      const char *format, ...)
{
	struct torture_case *c;
	va_list args;

	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 256;
		list->item = realloc(list->item,
				     list->room * sizeof(*list->item));
		if (!list->item)
			abort();
	}
	c = &list->item[list->count++];
	*c = (struct torture_case){ .suite = suite, .group = group,
				    .model = model };
	va_start(args, format);
	vsnprintf(c->name, sizeof(c->name), format, args);
	va_end(args);
	return c;
}

void case_list_all(struct case_list *ret_list)
{
	*ret_list = (struct case_list){ 0 };
	for (const struct suite *const *s = suites; *s; s++)
		(*s)->list(*s, ret_list);
}

void case_list_free(struct case_list *list)
{
	free(list->item);
	*list = (struct case_list){ 0 };
}

/* ---- what cases share -------------------------------------------------------- */

struct vbase *suite_vbase(struct suite_memory *memory, enum vstate state,
			  enum nvm_durability durability,
			  struct torture_result *result)
{
	struct verdict verdict = { "" };

	if (memory->has_vbase)
		return &memory->vbase;
	memory->has_vbase = true;
	if (vbase_begin(&memory->vbase, state, durability, &verdict))
		return &memory->vbase;
	snprintf(result->why, sizeof(result->why), "building the disk: %.200s",
		 verdict.why);
	vbase_end(&memory->vbase);
	memory->has_vbase = false;
	return NULL;
}

void suite_forget_disk(struct suite_memory *memory)
{
	if (memory->has_vbase)
		vbase_end(&memory->vbase);
	memory->has_vbase = false;
}

void suite_forget(struct suite_memory *memory)
{
	suite_forget_disk(memory);
	seen_free(&memory->seen);
	marks_free(&memory->killed);
	marks_free(&memory->looked);
}

void trace_keep(struct suite_memory *memory, const struct domain_trace *trace)
{
	if (!memory->trace)
		return;
	trace_reset(memory->trace);
	trace_append(memory->trace, trace, 0, trace->count);
}

/* ---- results ------------------------------------------------------------------ */

/* Where it was, and of which store. */
static void crash_print(const struct explore_where *where, char *ret_text,
			size_t room)
{
	char site[120];

	if (!where->picks[0]) {
		snprintf(ret_text, room, "crash before event %zu, %s",
			 where->event, where->family);
		return;
	}
	site_text(where->guilty, site, sizeof(site));
	snprintf(ret_text, room, "crash before event %zu, %s%s%s", where->event,
		 where->picks[0] == 'a' ? "everything arrived"
					: "nothing arrived",
		 where->guilty ? " but what was stored at " : "",
		 where->guilty ? site : "");
}

void result_fail(struct torture_result *result, const struct verdict *verdict,
		 const struct explore_where *path, unsigned depth)
{
	size_t used = 0;

	snprintf(result->why, sizeof(result->why), "%s", verdict->why);
	result->image[0] = 0;
	for (unsigned i = 0; i < depth && used < sizeof(result->image); i++)
		used += (size_t)snprintf(result->image + used,
					 sizeof(result->image) - used,
					 "%s%u.%u%s", i ? "/" : "",
					 path[i].point, path[i].image,
					 path[i].picks);
	if (depth)
		crash_print(&path[0], result->crash, sizeof(result->crash));
}

/* ---- tokens --------------------------------------------------------------------- */

unsigned image_parse(const char *image, struct explore_where *ret_path,
		     unsigned max)
{
	unsigned count = 0;

	while (image && count < max) {
		struct explore_where *where = &ret_path[count];
		size_t len;
		int used;

		if (sscanf(image, "%u.%u%n", &where->point, &where->image,
			   &used) != 2)
			break;
		len = strcspn(image + used, "/");
		if (len >= sizeof(where->picks))
			break;
		memcpy(where->picks, image + used, len);
		where->picks[len] = 0;
		count++;
		image = strchr(image, '/');
		if (image)
			image++;
	}
	return count;
}

void token_print(const struct torture_case *c, const struct torture_how *how,
		 const struct torture_result *result, char *ret_token,
		 size_t room)
{
	snprintf(ret_token, room, "%s/%s%s%s%s%s,s%" PRIu64 ",e%u",
		 c->suite->name, c->name, result->what[0] ? "+" : "",
		 result->what, result->image[0] ? "@" : "", result->image,
		 how->seed, how->effort);
}

/* From behind the last @sep on; cut off.  "" if there is none. */
static void part_take(char *text, char sep, char *ret_part, size_t room)
{
	char *at = strrchr(text, sep);

	ret_part[0] = 0;
	if (!at)
		return;
	snprintf(ret_part, room, "%s", at + 1);
	*at = 0;
}

bool token_parse(const char *token, struct torture_token *ret_token)
{
	char text[TORTURE_TOKEN_MAX], number[32], *end;

	*ret_token = (struct torture_token){ 0 };
	if (strlen(token) >= sizeof(text))
		return false;
	strcpy(text, token);
	part_take(text, ',', number, sizeof(number));
	ret_token->effort = number[0] == 'e'
		? (uint32_t)strtoul(number + 1, &end, 10) : 0;
	if (!ret_token->effort || *end)
		return false;
	part_take(text, ',', number, sizeof(number));
	if (number[0] != 's' || !number[1])
		return false;
	ret_token->seed = strtoull(number + 1, &end, 10);
	if (*end)
		return false;
	part_take(text, '@', ret_token->image, sizeof(ret_token->image));
	part_take(text, '+', ret_token->what, sizeof(ret_token->what));
	snprintf(ret_token->name, sizeof(ret_token->name), "%.159s", text);
	return strchr(ret_token->name, '/');
}
