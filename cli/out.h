/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * out.h - what goes to standard output: the command's data, once as text for
 * people (aligned by libsmartcols), once as JSON (json-c) with -j.
 *
 * A command says each thing once, by a key for JSON and a label for text.
 * Nothing reaches standard output before the command is done, so data on it
 * is whole or absent.  With -j standard output is exactly one line, the
 * envelope:
 *
 *	{"schema":1,"command":"list","ok":true,"data":{...},"warnings":[...]}
 *	{"schema":1,"command":"list","ok":false,"data":{...},"warnings":[],
 *	 "error":{"status":3,"code":"not-found","message":"..."}}
 *
 * Sizes and offsets are bytes in JSON (keys end in _bytes), and IEC units in
 * text.
 */
#ifndef NVM_CLI_OUT_H
#define NVM_CLI_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/opt.h"

struct json_object;

/* ---- single values: "label:  value" lines, or members of "data" ---------- */

/* A NULL label: JSON only.  A NULL key: text only. */
void out_text(struct cli *cli, const char *key, const char *label,
	      const char *value);
void out_size(struct cli *cli, const char *key, const char *label,
	      uint64_t bytes);
void out_number(struct cli *cli, const char *key, const char *label,
		uint64_t number);
/* With so many decimals, in text followed by @unit (may be ""). */
void out_real(struct cli *cli, const char *key, const char *label,
	      double value, unsigned decimals, const char *unit);
void out_bool(struct cli *cli, const char *key, const char *label, bool value);
void out_uuid(struct cli *cli, const char *key, const char *label,
	      const uint8_t uuid[16]);
/* Seconds since 1970: JSON number, local date and time in text. */
void out_time(struct cli *cli, const char *key, const char *label,
	      uint64_t seconds);

#define OUT_UUID_BYTES 37
#define OUT_TIME_BYTES 32

/* The forms that those two have in text, into @buf; they return it. */
const char *out_uuid_text(const uint8_t uuid[16], char buf[OUT_UUID_BYTES]);
const char *out_time_text(uint64_t seconds, char buf[OUT_TIME_BYTES]);

/* A line of plain text; nothing in JSON. */
void out_line(struct cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The stream of the text, to print on directly; NULL with -j. */
FILE *out_stream(struct cli *cli);

/* "data" itself, to add what the functions above cannot say; NULL in text. */
struct json_object *out_data(struct cli *cli);

/* JSON is UTF-8: what is not becomes the replacement character. */
struct json_object *out_json_text(const char *text);

/* ---- tables: a heading and rows, or an array of objects ----------------- */

enum out_kind {
	OUT_TEXT,		/* left-aligned */
	OUT_SIZE,		/* right-aligned, bytes in JSON */
	OUT_NUMBER,		/* right-aligned */
	OUT_OFFSET,		/* right-aligned, hexadecimal in text */
	OUT_BOOL,		/* "yes" or empty */
	OUT_TIME,
};

struct out_column {
	const char *key;	/* in JSON; NULL: only in text; also the end */
	const char *title;	/* in text; NULL: only in JSON */
	enum out_kind kind;
};

struct out_table;

/* @columns ends with an entry without key and title. */
struct out_table *out_table_begin(struct cli *cli, const char *key,
				  const struct out_column *columns);
void out_row(struct out_table *table);
/* The row's cells from left to right; a NULL text is JSON null. */
void out_cell_text(struct out_table *table, const char *text);
void out_cell_number(struct out_table *table, uint64_t number);	/* the others */
void out_cell_real(struct out_table *table, double value, unsigned decimals);
void out_cell_none(struct out_table *table);
/* Text: prints the table, or @if_empty (may be NULL) when it has no row. */
void out_table_end(struct out_table *table, const char *if_empty);

/* ---- the tool's side -------------------------------------------------------- */

struct out *out_new(struct cli *cli);
void out_warning_add(struct cli *cli, const char *message);
void out_error_set(struct cli *cli, int status, const char *message);
/*
 * Print it all and make sure that it arrived.  Returns the exit status:
 * @status, or EXIT_FAILED when standard output could not be written (told on
 * standard error), or does not return where the reader has gone (SIGPIPE).
 */
int out_finish(struct cli *cli, int status);

/*
 * The same for a command that has said all it has to say and goes on for long:
 * print it now.  From then on the reader sees the end of it, and what is said
 * later goes nowhere.  An exit status.
 */
int out_now(struct cli *cli);

/* True where standard output is a terminal that shows colours. */
bool out_colour(void);
/*
 * Characters in a row of a picture behind a margin: of @columns, or where that
 * is 0 of the terminal, else of 80.
 */
unsigned out_picture_width(uint64_t columns, unsigned margin);

/* @pointer, or the end of the program where there is no memory. */
void *out_must(void *pointer);

/* The word for a status in the envelope: "not-found". */
const char *out_status_code(int status);

#endif
