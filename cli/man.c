/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * man.c - the part of the manual page that comes from the tables: for each
 * command its synopsis, description, options and examples, in mdoc(7).
 */
#include "cli/complete.h"

#include <string.h>

#include "cli/help.h"

#define LINE_MAX_BYTES 78u

/*
 * Print @text as text lines: a new line after each sentence, as roff wants
 * it, and before 78 columns; what roff would take for a request is escaped.
 */
static void text_print(FILE *stream, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " \n");

		if (column && column + 1 + len > LINE_MAX_BYTES) {
			fputc('\n', stream);
			column = 0;
		} else if (column) {
			fputc(' ', stream);
			column++;
		}
		if (!column && (*text == '.' || *text == '\''))
			fputs("\\&", stream);
		for (size_t i = 0; i < len; i++)
			if (text[i] == '\\')
				fputs("\\e", stream);
			else if (text[i] == '-')
				fputs("\\-", stream);
			else
				fputc(text[i], stream);
		column += len;
		text += len;
		if (strncmp(text, "\n\n", 2) == 0) {
			fputs("\n.Pp\n", stream);
			column = 0;
		} else if (*text == ' ' && strchr(".?!", text[-1])) {
			fputc('\n', stream);
			column = 0;
		}
		text += strspn(text, " \n");
	}
	if (column)
		fputc('\n', stream);
}

static void synopsis_print(const struct tool *tool, FILE *stream,
			   const struct command *c)
{
	int open = 0;

	fprintf(stream, ".Ss %s\n.Nm %s %s\n.Op Ar OPTION ...\n", c->name,
		tool->name, c->name);
	for (const struct arg *a = c->args; a && a->name; a++) {
		if (a->optional)
			fputs(".Oo\n", stream);
		open += a->optional;
		fprintf(stream, ".Ar %s%s\n", a->name, a->many ? " ..." : "");
	}
	while (open--)
		fputs(".Oc\n", stream);
	if (c->passes)
		fprintf(stream, ".Op \\-\\- Ar %s ...\n", c->passes);
	fputs(".Pp\n", stream);
}

static void option_print(FILE *stream, const struct opt *o)
{
	char text[512];

	fputs(".It ", stream);
	if (o->letter)
		fprintf(stream, "Fl %c , ", o->letter);
	fprintf(stream, "Fl \\-%s", o->name);
	if (o->value)
		fprintf(stream, " Ns = Ns Ar %s", o->value);
	fputc('\n', stream);
	help_opt_text(o, text, sizeof(text));
	if (text[0] >= 'a' && text[0] <= 'z')
		text[0] = (char)(text[0] - 'a' + 'A');
	strncat(text, ".", sizeof(text) - strlen(text) - 1);
	text_print(stream, text);
}

static void command_print(const struct tool *tool, FILE *stream,
			  const struct command *c)
{
	const struct opt *o;
	char summary[128];

	synopsis_print(tool, stream, c);
	snprintf(summary, sizeof(summary), "%s.", c->summary);
	if (summary[0] >= 'a' && summary[0] <= 'z')
		summary[0] = (char)(summary[0] - 'a' + 'A');
	text_print(stream, summary);
	if (c->description) {
		fputs(".Pp\n", stream);
		text_print(stream, c->description);
	}
	fputs(".Bl -tag -width Ds\n", stream);
	for (size_t i = 0; (o = opt_at(c, i)); i++)
		option_print(stream, o);
	fputs(".El\n", stream);
	for (const struct example *e = c->examples; e && e->line; e++) {
		fprintf(stream, ".Pp\nExample: ");
		text_print(stream, e->text);
		fputs(".Dl ", stream);
		for (const char *p = e->line; *p; p++)
			if (*p == '\\')
				fputs("\\e", stream);
			else if (*p == '-')
				fputs("\\-", stream);
			else if (*p == '"')
				fputs("\\(dq", stream);
			else if (*p == '\'')
				fputs("\\(aq", stream);
			else if (*p == '|' || *p == '[' || *p == ']' ||
				 *p == '(' || *p == ')')
				fprintf(stream, "\\&%c", *p);
			else
				fputc(*p, stream);
		fputc('\n', stream);
	}
}

void man_commands(const struct tool *tool, FILE *stream)
{
	const struct command *c;
	size_t cursor = 0;

	while ((c = complete_command(tool, &cursor)))
		command_print(tool, stream, c);
}
