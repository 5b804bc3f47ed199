/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * complete_zsh.c - completion for zsh, from the tables, as specifications for
 * its _arguments.
 */
#include "cli/complete.h"

#include <glib.h>
#include <string.h>

static const char head[] =
"#compdef TOOL\n"
"# zsh completion for TOOL\n"
"# Made from the option tables by 'TOOL __generate zsh'; do not edit.\n"
"\n"
"# _TOOL_names KIND: those (children, vms, pools, disks) of the pool on the line.\n"
"_TOOL_names() {\n"
"\tlocal -a names pool\n"
"\tlocal -i i\n"
"\tlocal kind=$1\n"
"\n"
"\tshift\n"
"\tfor ((i = 1; i < CURRENT; i++)); do\n"
"\t\tcase $words[i] in\n"
"\t\t(-p|--pool) pool=(--pool ${(Q)words[i+1]}) ;;\n"
"\t\t(--pool=*) pool=(--pool ${(Q)words[i]#--pool=}) ;;\n"
"\t\tesac\n"
"\tdone\n"
"\tnames=(${(f)\"$(TOOL __names $kind $pool 2>/dev/null)\"})\n"
"\tcompadd \"$@\" -a names\n"
"}\n"
"\n"
"_TOOL_children() { _TOOL_names children \"$@\" }\n"
"_TOOL_vms() { _TOOL_names vms \"$@\" }\n"
"_TOOL_disks() { _TOOL_names disks \"$@\" }\n"
"_TOOL_registered() { _TOOL_names pools \"$@\" }\n"
"_TOOL_targets() {\n"
"\t_alternative 'children:child:_TOOL_children' 'files:file:_files'\n"
"}\n"
"_TOOL_pools() {\n"
"\t_alternative 'pools:pool:_TOOL_registered' 'files:file:_files'\n"
"}\n"
"\n"
"_TOOL_sizes() {\n"
"\tif [[ $PREFIX =~ '^[-+]?[0-9]+([.][0-9]+)?$' ]]; then\n"
"\t\tcompadd -- ${PREFIX}{K,M,G,T}\n"
"\telse\n"
"\t\t_message 'size, as in 4G'\n"
"\tfi\n"
"}\n"
"\n"
"_TOOL() {\n"
"\tlocal curcontext=$curcontext state state_descr line\n"
"\tlocal -A opt_args\n"
"\n"
"\t_arguments -C \\\n"
"\t\t'(- : *)'{-h,--help}'[print help]' \\\n"
"\t\t'(- : *)'{-V,--version}'[print the version]' \\\n"
"\t\t'1:command:->command' \\\n"
"\t\t'*::argument:->argument' && return\n"
"\tcase $state in\n"
"\t(command)\n"
"\t\tlocal -a commands\n"
"\t\tcommands=(\n";

static const char middle[] =
"\t\t\t'help:tell how to use a command'\n"
"\t\t)\n"
"\t\t_describe -t commands command commands\n"
"\t\t;;\n"
"\t(argument)\n"
"\t\tcase $line[1] in\n";

static const char tail[] =
"\t\tesac\n"
"\t\t;;\n"
"\tesac\n"
"}\n"
"\n"
"if [[ $funcstack[1] == _TOOL ]]; then\n"
"\t_TOOL \"$@\"\n"
"else\n"
"\tcompdef _TOOL TOOL\n"
"fi\n";

/* What may stand in a specification: brackets and colons with a backslash. */
static void spec_escape(GString *spec, const char *text)
{
	for (; *text; text++) {
		if (strchr("[]:\\", *text))
			g_string_append_c(spec, '\\');
		g_string_append_c(spec, *text);
	}
}

/* ":MESSAGE:ACTION" */
static void spec_action(const struct tool *tool, GString *spec,
			const char *message, enum complete_kind kind,
			const char *const *words)
{
	static const char *const functions[] = {
		[COMPLETE_CHILD] = "children",
		[COMPLETE_VM] = "vms",
		[COMPLETE_POOL] = "pools",
		[COMPLETE_SIZE] = "sizes",
		[COMPLETE_TARGET] = "targets",
		[COMPLETE_KERNEL] = "disks",
	};

	g_string_append_c(spec, ':');
	spec_escape(spec, message);
	g_string_append_c(spec, ':');
	switch (kind) {
	case COMPLETE_NONE:
	case COMPLETE_COMMAND:
		g_string_append(spec, " ");
		break;
	case COMPLETE_FILE:
		g_string_append(spec, "_files");
		break;
	case COMPLETE_WORDS:
		for (size_t i = 0; words[i]; i++)
			g_string_append_printf(spec, "%s%s", i ? " " : "(",
					       words[i]);
		g_string_append_c(spec, ')');
		break;
	case COMPLETE_CHILD:
	case COMPLETE_VM:
	case COMPLETE_POOL:
	case COMPLETE_SIZE:
	case COMPLETE_TARGET:
	case COMPLETE_KERNEL:
		g_string_append_printf(spec, "_%s_%s", tool->name,
				       functions[kind]);
		break;
	}
}

static void option_print(const struct tool *tool, FILE *stream,
			 const struct opt *o)
{
	GString *spec = g_string_new("[");

	spec_escape(spec, o->help);
	g_string_append_c(spec, ']');
	if (o->value)
		spec_action(tool, spec, o->value, o->complete, o->words);
	fputs("\t\t\t\t", stream);
	if (o->kind == OPT_KIND_LIST && o->letter)
		fprintf(stream, "'*'{-%c+,--%s=}", o->letter, o->name);
	else if (o->kind == OPT_KIND_LIST)
		fprintf(stream, "'*'--%s=", o->name);
	else if (o->letter)
		fprintf(stream, "'(-%c --%s)'{-%c%s,--%s%s}", o->letter,
			o->name, o->letter, o->value ? "+" : "", o->name,
			o->value ? "=" : "");
	else
		fprintf(stream, "--%s%s", o->name, o->value ? "=" : "");
	complete_quoted(stream, spec->str);
	g_string_free(spec, TRUE);
}

static void command_print(const struct tool *tool, FILE *stream,
			  const struct command *c)
{
	const struct opt *o;

	fprintf(stream, "\t\t(%s)\n\t\t\t_arguments -s -S", c->name);
	for (size_t i = 0; (o = opt_at(c, i)); i++) {
		fputs(" \\\n", stream);
		option_print(tool, stream, o);
	}
	for (int i = 0; c->args && c->args[i].name; i++) {
		const struct arg *a = &c->args[i];
		GString *spec = g_string_new(NULL);

		if (a->many)
			g_string_assign(spec, "*");
		else
			g_string_printf(spec, "%d%s", i + 1,
					a->optional ? ":" : "");
		spec_action(tool, spec, a->name, a->complete, a->words);
		fputs(" \\\n\t\t\t\t", stream);
		complete_quoted(stream, spec->str);
		g_string_free(spec, TRUE);
	}
	fputs("\n\t\t\t;;\n", stream);
}

void complete_zsh(const struct tool *tool, FILE *stream)
{
	const struct command *c;
	size_t cursor = 0;

	complete_emit(tool, stream, head);
	while ((c = complete_command(tool, &cursor))) {
		GString *spec = g_string_new(c->name);

		g_string_append_c(spec, ':');
		spec_escape(spec, c->summary);
		fputs("\t\t\t", stream);
		complete_quoted(stream, spec->str);
		fputc('\n', stream);
		g_string_free(spec, TRUE);
	}
	complete_emit(tool, stream, middle);
	cursor = 0;
	while ((c = complete_command(tool, &cursor)))
		command_print(tool, stream, c);
	fputs("\t\t(help)\n\t\t\t_arguments '1:command:(", stream);
	cursor = 0;
	while ((c = complete_command(tool, &cursor)))
		fprintf(stream, "%s%s", cursor > 1 ? " " : "", c->name);
	fputs(")'\n\t\t\t;;\n", stream);
	complete_emit(tool, stream, tail);
}
