/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * complete_fish.c - completion for fish, from the tables: one `complete` line
 * per option and argument, with conditions that count the arguments.
 */
#include "cli/complete.h"

static const char head[] =
"# fish completion for TOOL\n"
"# Made from the option tables by 'TOOL __generate fish'; do not edit.\n"
"\n"
"# The names of a kind (children, vms, pools, disks), in the pool on the line.\n"
"function __TOOL_names\n"
"    set -l words (commandline -opc)\n"
"    set -l pool\n"
"    set -l next 0\n"
"    for word in $words\n"
"        if test $next = 1\n"
"            set pool --pool $word\n"
"            set next 0\n"
"            continue\n"
"        end\n"
"        switch $word\n"
"            case -p --pool\n"
"                set next 1\n"
"            case '--pool=*'\n"
"                set pool --pool (string replace -- --pool= '' $word)\n"
"        end\n"
"    end\n"
"    TOOL __names $argv[1] $pool 2>/dev/null\n"
"end\n"
"\n"
"function __TOOL_sizes\n"
"    set -l word (commandline -ct | string replace -r -- '^--?[a-z-]*=?' '')\n"
"    if string match -qr -- '^[-+]?[0-9]+([.][0-9]+)?$' $word\n"
"        printf '%s\\n' $word{K,M,G,T}\n"
"    end\n"
"end\n"
"\n"
"# The cursor is behind no command yet.\n"
"function __TOOL_begin\n"
"    test (count (commandline -opc)) = 1\n"
"end\n"
"\n"
"# __TOOL_in COMMAND: that is the command on the line.\n"
"function __TOOL_in\n"
"    set -l words (commandline -opc)\n"
"    test (count $words) -gt 1; and test $words[2] = $argv[1]\n"
"end\n"
"\n"
"# __TOOL_at COMMAND NUMBER: the cursor is at this argument of it.\n"
"function __TOOL_at\n"
"    __TOOL_in $argv[1]; or return 1\n"
"    set -l words (commandline -opc)\n"
"    set -e words[1..2]\n"
"    set -l number 1\n"
"    set -l skip 0\n"
"    for word in $words\n"
"        if test $skip = 1\n"
"            set skip 0\n"
"        else if string match -qr -- '^-[^0-9]' $word\n"
"            __TOOL_takes_value $argv[1] $word; and set skip 1\n"
"        else\n"
"            set number (math $number + 1)\n"
"        end\n"
"    end\n"
"    test $number = $argv[2]\n"
"end\n"
"\n"
"# __TOOL_takes_value COMMAND OPTION: its value is the next word.\n"
"function __TOOL_takes_value\n"
"    switch \"$argv[1]:$argv[2]\"\n";

static const char tail[] =
"            return 0\n"
"    end\n"
"    return 1\n"
"end\n"
"\n"
"complete -c TOOL -f\n"
"complete -c TOOL -n __TOOL_begin -s h -l help -d 'print help'\n"
"complete -c TOOL -n __TOOL_begin -s V -l version -d 'print the version'\n"
"complete -c TOOL -n __TOOL_begin -a help -d 'tell how to use a command'\n";

static void kind_print(const struct tool *tool, FILE *stream,
		       enum complete_kind kind, const char *const *words)
{
	switch (kind) {
	case COMPLETE_NONE:
	case COMPLETE_COMMAND:
		fputs(" -x", stream);
		break;
	case COMPLETE_CHILD:
		complete_emit(tool, stream, " -x -a '(__TOOL_names children)'");
		break;
	case COMPLETE_VM:
		complete_emit(tool, stream, " -x -a '(__TOOL_names vms)'");
		break;
	case COMPLETE_POOL:
		complete_emit(tool, stream, " -rF -a '(__TOOL_names pools)'");
		break;
	case COMPLETE_SIZE:
		complete_emit(tool, stream, " -x -a '(__TOOL_sizes)'");
		break;
	case COMPLETE_FILE:
		fputs(" -rF", stream);
		break;
	case COMPLETE_TARGET:
		complete_emit(tool, stream, " -rF -a '(__TOOL_names children)'");
		break;
	case COMPLETE_KERNEL:
		complete_emit(tool, stream, " -x -a '(__TOOL_names disks)'");
		break;
	case COMPLETE_WORDS:
		fputs(" -x -a '", stream);
		for (size_t i = 0; words[i]; i++)
			fprintf(stream, "%s%s", i ? " " : "", words[i]);
		fputs("'", stream);
		break;
	}
}

static void values_print(const struct tool *tool, FILE *stream)
{
	const struct command *c;
	size_t cursor = 0;

	fputs("        case ''", stream);
	while ((c = complete_command(tool, &cursor))) {
		const struct opt *o;

		for (size_t i = 0; (o = opt_at(c, i)); i++) {
			if (!o->value)
				continue;
			fprintf(stream, " %s:--%s", c->name, o->name);
			if (o->letter)
				fprintf(stream, " %s:-%c", c->name, o->letter);
		}
	}
	fputc('\n', stream);
}

static void command_print(const struct tool *tool, FILE *stream,
			  const struct command *c)
{
	const struct opt *o;

	fprintf(stream, "\ncomplete -c %s -n __%s_begin -a %s -d ", tool->name,
		tool->name, c->name);
	complete_quoted(stream, c->summary);
	fputc('\n', stream);
	for (size_t i = 0; (o = opt_at(c, i)); i++) {
		fprintf(stream, "complete -c %s -n '__%s_in %s'", tool->name,
			tool->name, c->name);
		if (o->letter)
			fprintf(stream, " -s %c", o->letter);
		fprintf(stream, " -l %s", o->name);
		if (o->value)
			kind_print(tool, stream, o->complete, o->words);
		fputs(" -d ", stream);
		complete_quoted(stream, o->help);
		fputc('\n', stream);
	}
	for (int i = 0; c->args && c->args[i].name; i++) {
		if (c->args[i].complete == COMPLETE_NONE)
			continue;
		if (c->args[i].many)
			fprintf(stream, "complete -c %s -n '__%s_in %s'",
				tool->name, tool->name, c->name);
		else
			fprintf(stream, "complete -c %s -n '__%s_at %s %d'",
				tool->name, tool->name, c->name, i + 1);
		kind_print(tool, stream, c->args[i].complete, c->args[i].words);
		fputc('\n', stream);
	}
}

void complete_fish(const struct tool *tool, FILE *stream)
{
	const struct command *c;
	size_t cursor = 0;

	complete_emit(tool, stream, head);
	values_print(tool, stream);
	complete_emit(tool, stream, tail);
	while ((c = complete_command(tool, &cursor)))
		fprintf(stream, "complete -c %s -n '__%s_at help 1' -a %s\n",
			tool->name, tool->name, c->name);
	cursor = 0;
	while ((c = complete_command(tool, &cursor)))
		command_print(tool, stream, c);
}
