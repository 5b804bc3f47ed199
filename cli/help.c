/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * help.c - the text of --help, laid out for 80 columns.
 */
#include "cli/help.h"

#include <string.h>

#define WIDTH 79u

/* Print @text filled between @indent and WIDTH; the cursor is at @column. */
static void fill(FILE *stream, const char *text, size_t indent, size_t column)
{
	while (*text) {
		size_t len = strcspn(text, " \n");

		if (column > indent && column + 1 + len > WIDTH) {
			fprintf(stream, "\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', stream);
			column++;
		} else if (column < indent) {
			fprintf(stream, "%*s", (int)(indent - column), "");
			column = indent;
		}
		fprintf(stream, "%.*s", (int)len, text);
		column += len;
		text += len;
		if (text[0] == '\n' && text[1] == '\n') {
			fprintf(stream, "\n\n%*s", (int)indent, "");
			column = indent;
		}
		text += strspn(text, " \n");
	}
	fputc('\n', stream);
}

void opt_usage(const struct command *command, char *buf, size_t buf_bytes)
{
	size_t used = (size_t)snprintf(buf, buf_bytes, "%s [OPTION]...",
				       command->name);
	int open = 0;

	for (const struct arg *a = command->args; a && a->name; a++) {
		if (used >= buf_bytes)
			return;
		open += a->optional;
		used += (size_t)snprintf(buf + used, buf_bytes - used,
					 a->optional ? " [%s%s" : " %s%s",
					 a->name, a->many ? "..." : "");
	}
	while (open-- && used < buf_bytes - 1) {
		buf[used++] = ']';
		buf[used] = '\0';
	}
	if (command->passes && used < buf_bytes)
		snprintf(buf + used, buf_bytes - used, " [-- %s...]",
			 command->passes);
}

void help_opt_text(const struct opt *opt, char *buf, size_t buf_bytes)
{
	size_t used = (size_t)snprintf(buf, buf_bytes, "%s", opt->help);

	for (size_t i = 0; opt->kind == OPT_KIND_WORD && opt->words[i] &&
	     used < buf_bytes; i++)
		used += (size_t)snprintf(buf + used, buf_bytes - used, "%s%s%s",
					 i ? ", " : " (one of ", opt->words[i],
					 opt->words[i + 1] ? "" : ")");
}

void help_tool(const struct tool *tool, FILE *stream)
{
	fprintf(stream, "Usage: %s COMMAND [OPTION]... [ARGUMENT]...\n%s\n\n"
		"Commands:\n", tool->name, tool->summary);
	for (const struct command *const *c = tool->commands; *c; c++)
		if (!((*c)->flags & COMMAND_HIDDEN))
			fprintf(stream, "  %-10s %s\n", (*c)->name,
				(*c)->summary);
	fprintf(stream, "\n'%s COMMAND --help' tells the rest, '%s --version' "
		"the version.\n", tool->name, tool->name);
}

void help_command(const struct tool *tool, const struct command *command,
		  FILE *stream)
{
	const struct opt *o;
	char text[512];

	opt_usage(command, text, sizeof(text));
	fprintf(stream, "Usage: %s %s\n", tool->name, text);
	snprintf(text, sizeof(text), "%s.", command->summary);
	if (text[0] >= 'a' && text[0] <= 'z')
		text[0] = (char)(text[0] - 'a' + 'A');
	fprintf(stream, "%s\n", text);
	if (command->description) {
		fputc('\n', stream);
		fill(stream, command->description, 0, 0);
	}
	fprintf(stream, "\nOptions:\n");
	for (size_t i = 0; (o = opt_at(command, i)); i++) {
		int used = o->letter ?
			fprintf(stream, "  -%c, --%s", o->letter, o->name) :
			fprintf(stream, "      --%s", o->name);

		if (o->value)
			used += fprintf(stream, "=%s", o->value);
		if (used > 25) {
			fputc('\n', stream);
			used = 0;
		}
		help_opt_text(o, text, sizeof(text));
		fill(stream, text, 27, (size_t)used);
	}
	for (const struct example *e = command->examples; e && e->line; e++) {
		fprintf(stream, "%s  %s\n", e == command->examples ?
			"\nExamples:\n" : "", e->line);
		fprintf(stream, "      ");
		fill(stream, e->text, 6, 6);
	}
}
