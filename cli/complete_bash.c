/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * complete_bash.c - completion for bash, from the tables.  The script needs
 * nothing beside bash itself (no bash-completion package).
 */
#include "cli/complete.h"

#include <string.h>

static const char head[] =
"# bash completion for TOOL                              -*- shell-script -*-\n"
"# Made from the option tables by 'TOOL __generate bash'; do not edit.\n"
"\n"
"# Add the names of a kind (children, vms, pools, disks) that begin with $cur.\n"
"_TOOL_names() {\n"
"\tlocal names\n"
"\n"
"\tnames=$(TOOL __names \"$1\" \"${pool[@]}\" 2>/dev/null)\n"
"\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W \"$names\" -- \"$cur\")\n"
"}\n"
"\n"
"_TOOL_files() {\n"
"\tcompopt -o filenames 2>/dev/null\n"
"\tmapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$cur\")\n"
"}\n"
"\n"
"# Complete $cur as a thing of this kind.\n"
"_TOOL_complete() {\n"
"\tcase $1 in\n"
"\tchildren | vms | disks) _TOOL_names \"$1\" ;;\n"
"\tpools) _TOOL_names pools; _TOOL_files ;;\n"
"\tfiles) _TOOL_files ;;\n"
"\ttargets) _TOOL_names children; _TOOL_files ;;\n"
"\tsizes)\n"
"\t\tif [[ $cur =~ ^[-+]?[0-9]+([.][0-9]+)?$ ]]; then\n"
"\t\t\tCOMPREPLY=(\"$cur\"{K,M,G,T})\n"
"\t\tfi\n"
"\t\t;;\n"
"\twords*) mapfile -t COMPREPLY < <(compgen -W \"${1#words}\" -- \"$cur\") ;;\n"
"\tesac\n"
"}\n"
"\n";

static const char tail[] =
"_TOOL() {\n"
"\tlocal cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} kind word\n"
"\tlocal -i i position=0 ended=0\n"
"\tlocal -a pool=()\n"
"\n"
"\tCOMPREPLY=()\n"
"\tif ((COMP_CWORD == 1)); then\n"
"\t\t_TOOL_complete \"words $(_TOOL_commands)\"\n"
"\t\treturn\n"
"\tfi\n"
"\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
"\t\tword=${COMP_WORDS[i]}\n"
"\t\tif ((ended)) || [[ $word != -[!0-9]* ]]; then\n"
"\t\t\tposition+=1\n"
"\t\t\tcontinue\n"
"\t\tfi\n"
"\t\t[[ $word != -- ]] || ended=1\n"
"\t\t_TOOL_option \"$command\" \"$word\"\n"
"\t\t[[ $kind ]] || continue\n"
"\t\t# bash makes three words of --opt=value\n"
"\t\t[[ ${COMP_WORDS[i + 1]} != = ]] || i+=1\n"
"\t\tif ((i + 1 >= COMP_CWORD)); then\n"
"\t\t\t[[ $cur != = ]] || cur=\n"
"\t\t\t_TOOL_complete \"$kind\"\n"
"\t\t\treturn\n"
"\t\tfi\n"
"\t\ti+=1\n"
"\t\tcase $word in\n"
"\t\t--pool | -p) pool=(--pool \"${COMP_WORDS[i]/#\\~\\//$HOME/}\") ;;\n"
"\t\tesac\n"
"\tdone\n"
"\tif [[ $cur == -* && $cur != -[0-9]* ]] && ! ((ended)); then\n"
"\t\t_TOOL_complete \"words $(_TOOL_options \"$command\")\"\n"
"\telse\n"
"\t\t_TOOL_argument \"$command:$position\"\n"
"\t\t_TOOL_complete \"$kind\"\n"
"\tfi\n"
"}\n"
"\n"
"complete -F _TOOL TOOL\n";

static void kind_print(FILE *stream, enum complete_kind kind,
		       const char *const *words)
{
	switch (kind) {
	case COMPLETE_NONE:
	case COMPLETE_COMMAND:
		fputs("nothing", stream);
		break;
	case COMPLETE_CHILD:
		fputs("children", stream);
		break;
	case COMPLETE_VM:
		fputs("vms", stream);
		break;
	case COMPLETE_POOL:
		fputs("pools", stream);
		break;
	case COMPLETE_SIZE:
		fputs("sizes", stream);
		break;
	case COMPLETE_FILE:
		fputs("files", stream);
		break;
	case COMPLETE_TARGET:
		fputs("targets", stream);
		break;
	case COMPLETE_KERNEL:
		fputs("disks", stream);
		break;
	case COMPLETE_WORDS:
		fputs("'words", stream);
		for (; *words; words++)
			fprintf(stream, " %s", *words);
		fputs("'", stream);
		break;
	}
}

static void commands_print(const struct tool *tool, FILE *stream)
{
	const struct command *c;
	size_t cursor = 0;

	complete_emit(tool, stream, "_TOOL_commands() {\n\techo ");
	while ((c = complete_command(tool, &cursor)))
		fprintf(stream, "%s ", c->name);
	fputs("help --help --version\n}\n\n", stream);
	complete_emit(tool, stream, "# The options of a command.\n"
		      "_TOOL_options() {\n\tcase $1 in\n");
	cursor = 0;
	while ((c = complete_command(tool, &cursor))) {
		const struct opt *o;

		fprintf(stream, "\t%s) echo", c->name);
		for (size_t i = 0; (o = opt_at(c, i)); i++)
			fprintf(stream, " --%s", o->name);
		fputs(" ;;\n", stream);
	}
	fputs("\tesac\n}\n\n", stream);
}

static void values_print(const struct tool *tool, FILE *stream)
{
	const struct command *c;
	size_t cursor = 0;

	complete_emit(tool, stream, "# The kind of an option's value; empty "
		      "when it has none.\n"
		      "_TOOL_option() {\n\tkind=\n\tcase $1:$2 in\n");
	while ((c = complete_command(tool, &cursor))) {
		const struct opt *o;

		for (size_t i = 0; (o = opt_at(c, i)); i++) {
			if (!o->value)
				continue;
			fprintf(stream, "\t%s:--%s", c->name, o->name);
			if (o->letter)
				fprintf(stream, " | %s:-%c", c->name,
					o->letter);
			fputs(") kind=", stream);
			kind_print(stream, o->complete, o->words);
			fputs(" ;;\n", stream);
		}
	}
	fputs("\tesac\n}\n\n", stream);
}

static void arguments_print(const struct tool *tool, FILE *stream)
{
	const struct command *c;
	size_t cursor = 0;

	complete_emit(tool, stream, "# The kind of a command's argument, "
		      "counted from 0.\n"
		      "_TOOL_argument() {\n\tkind=nothing\n\tcase $1 in\n");
	while ((c = complete_command(tool, &cursor)))
		for (int i = 0; c->args && c->args[i].name; i++) {
			if (c->args[i].many)
				fprintf(stream, "\t%s:*) kind=", c->name);
			else
				fprintf(stream, "\t%s:%d) kind=", c->name, i);
			kind_print(stream, c->args[i].complete,
				   c->args[i].words);
			fputs(" ;;\n", stream);
		}
	complete_emit(tool, stream, "\thelp:0) kind=\"words "
		      "$(_TOOL_commands)\" ;;\n");
	fputs("\tesac\n}\n\n", stream);
}

void complete_bash(const struct tool *tool, FILE *stream)
{
	complete_emit(tool, stream, head);
	commands_print(tool, stream);
	values_print(tool, stream);
	arguments_print(tool, stream);
	complete_emit(tool, stream, tail);
}
