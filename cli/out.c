/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * out.c - the answer of a command: single values, the JSON envelope, and the
 * one place that writes standard output and makes sure that it arrived.
 *
 * Everything is collected first and written by out_finish(), after the
 * pool's transaction: a reader that goes away, or a full disk below standard
 * output, cannot stop an operation half-way, and is noticed.  Only a server
 * says what it has to say before it is done: out_now().
 */
#include "cli/out.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <libsmartcols.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/out_private.h"
#include "cli/size.h"
#include "cli/talk.h"
#include "hosted/failure.h"

void *out_must(void *pointer)
{
	if (!pointer) {
		fputs("out of memory\n", stderr);
		_exit(EXIT_FAILED);
	}
	return pointer;
}

struct out *out_new(struct cli *cli)
{
	struct out *out = out_must(calloc(1, sizeof(*out)));

	cli->out = out;
	out->warnings = out_must(json_object_new_array());
	out->data = out_must(json_object_new_object());
	out->stream = out_must(open_memstream(&out->text, &out->text_bytes));
	return out;
}

struct json_object *out_json_text(const char *text)
{
	char *valid = g_utf8_make_valid(text, -1);
	struct json_object *ret = out_must(json_object_new_string(valid));

	g_free(valid);
	return ret;
}

struct json_object *out_data(struct cli *cli)
{
	return cli->json ? cli->out->data : NULL;
}

FILE *out_stream(struct cli *cli)
{
	if (cli->json)
		return NULL;
	out_values_end(cli->out);
	return cli->out->stream;
}

void out_line(struct cli *cli, const char *fmt, ...)
{
	FILE *stream = out_stream(cli);
	va_list ap;

	if (!stream)
		return;
	va_start(ap, fmt);
	vfprintf(stream, fmt, ap);
	va_end(ap);
	fputc('\n', stream);
}

/* ---- single values -------------------------------------------------------- */

static void value_add(struct cli *cli, const char *key, const char *label,
		      struct json_object *json, const char *text)
{
	struct out *out = cli->out;
	struct libscols_line *line;
	char shown[128];

	if (cli->json && key) {
		json_object_object_add(out->data, key, json);
		return;
	}
	json_object_put(json);
	if (cli->json || !label)
		return;
	if (!out->values) {
		out->values = out_scols_new();
		scols_table_enable_noheadings(out->values, 1);
		out_must(scols_table_new_column(out->values, "label", 0, 0));
		out_must(scols_table_new_column(out->values, "value", 0, 0));
	}
	line = out_must(scols_table_new_line(out->values, NULL));
	snprintf(shown, sizeof(shown), "%s:", label);
	scols_line_set_data(line, 0, shown);
	scols_line_set_data(line, 1, text);
}

void out_values_end(struct out *out)
{
	if (out->values)
		out_scols_print(out, out->values);
	out->values = NULL;
}

void out_text(struct cli *cli, const char *key, const char *label,
	      const char *value)
{
	value_add(cli, key, label, value ? out_json_text(value) : NULL,
		  value ? value : "-");
}

void out_size(struct cli *cli, const char *key, const char *label,
	      uint64_t bytes)
{
	char text[SIZE_TEXT_BYTES];

	value_add(cli, key, label, json_object_new_uint64(bytes),
		  size_text(bytes, text));
}

void out_number(struct cli *cli, const char *key, const char *label,
		uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	value_add(cli, key, label, json_object_new_uint64(number), text);
}

void out_real(struct cli *cli, const char *key, const char *label,
	      double value, unsigned decimals, const char *unit)
{
	char text[64], shown[96];

	snprintf(text, sizeof(text), "%.*f", (int)decimals, value);
	snprintf(shown, sizeof(shown), "%s%s", text, unit);
	value_add(cli, key, label,
		  out_must(json_object_new_double_s(value, text)), shown);
}

void out_bool(struct cli *cli, const char *key, const char *label, bool value)
{
	value_add(cli, key, label, json_object_new_boolean(value),
		  value ? "yes" : "no");
}

void out_uuid(struct cli *cli, const char *key, const char *label,
	      const uint8_t uuid[16])
{
	char text[OUT_UUID_BYTES];

	out_uuid_text(uuid, text);
	out_text(cli, key, label, text);
}

void out_time(struct cli *cli, const char *key, const char *label,
	      uint64_t seconds)
{
	char text[OUT_TIME_BYTES];

	out_time_text(seconds, text);
	value_add(cli, key, label, json_object_new_uint64(seconds), text);
}

const char *out_uuid_text(const uint8_t uuid[16], char buf[OUT_UUID_BYTES])
{
	char *p = buf;

	for (int i = 0; i < 16; i++)
		p += sprintf(p, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ?
			     "-" : "", uuid[i]);
	return buf;
}

const char *out_time_text(uint64_t seconds, char buf[OUT_TIME_BYTES])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	/* the number is from the media: any 64 bits */
	if (seconds > INT32_MAX * 4096ull || !localtime_r(&t, &tm) ||
	    !strftime(buf, OUT_TIME_BYTES, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, OUT_TIME_BYTES, "?");
	return buf;
}

/* ---- the end ---------------------------------------------------------------- */

const char *out_status_code(int status)
{
	static const char *const codes[] = {
		[EXIT_OK] = "ok",
		[EXIT_FAILED] = "failed",
		[EXIT_USAGE] = "usage",
		[EXIT_NOT_FOUND] = "not-found",
		[EXIT_EXISTS] = "exists",
		[EXIT_NO_SPACE] = "no-space",
		[EXIT_BUSY] = "busy",
		[EXIT_DAMAGED] = "damaged",
		[EXIT_DENIED] = "denied",
		[EXIT_NOT_POOL] = "not-a-pool",
		[EXIT_UNSUPPORTED] = "unsupported",
		[EXIT_PARTIAL] = "partial",
	};

	if (status > EXIT_SIGNAL)
		return "interrupted";
	return status >= 0 && status <= EXIT_PARTIAL ? codes[status] : "failed";
}

void out_warning_add(struct cli *cli, const char *message)
{
	json_object_array_add(cli->out->warnings, out_json_text(message));
}

void out_error_set(struct cli *cli, int status, const char *message)
{
	struct json_object *error;

	if (cli->out->error)
		return;			/* the first is the cause */
	error = out_must(json_object_new_object());
	json_object_object_add(error, "status", json_object_new_int(status));
	json_object_object_add(error, "code",
			       out_json_text(out_status_code(status)));
	json_object_object_add(error, "message", out_json_text(message));
	cli->out->error = error;
}

static void envelope_print(struct cli *cli, int status)
{
	struct out *out = cli->out;
	struct json_object *top = out_must(json_object_new_object());

	if (status && !out->error)
		out_error_set(cli, status, "see standard error");
	json_object_object_add(top, "schema", json_object_new_int(1));
	json_object_object_add(top, "command", cli->command ?
			       out_json_text(cli->command->name) : NULL);
	json_object_object_add(top, "ok", json_object_new_boolean(!status));
	json_object_object_add(top, "data", json_object_get(out->data));
	json_object_object_add(top, "warnings", json_object_get(out->warnings));
	if (status)
		json_object_object_add(top, "error",
				       json_object_get(out->error));
	fprintf(out->stream, "%s\n",
		json_object_to_json_string_ext(top, JSON_C_TO_STRING_PLAIN |
					       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(top);
}

/* Let standard output have all of it; 0, or an errno value. */
static int text_write(struct cli *cli, int status)
{
	struct out *out = cli->out;
	bool failed;

	if (cli->json)
		envelope_print(cli, status);
	else
		out_values_end(out);
	fflush(out->stream);
	errno = 0;
	failed = out->text_bytes &&
		 fwrite(out->text, 1, out->text_bytes, stdout) !=
			 out->text_bytes;
	failed = fflush(stdout) || failed;
	/* some file systems tell only now that there was no space */
	failed = (out->text_bytes && close(STDOUT_FILENO)) || failed;
	return !failed ? 0 : errno ? errno : EIO;
}

static void write_fail(struct cli *cli, int err)
{
	char text[128];

	fprintf(stderr, "%s: cannot write standard output: %s\n",
		cli->tool->name, failure_strerror(err, text, sizeof(text)));
}

int out_now(struct cli *cli)
{
	int err = text_write(cli, EXIT_OK);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (null >= 0 && null != STDOUT_FILENO) {
		dup2(null, STDOUT_FILENO);
		close(null);
	}
	if (err && err != EPIPE)
		write_fail(cli, err);
	return !err ? 0 : err == EPIPE ? EXIT_SIGNAL + SIGPIPE : EXIT_FAILED;
}

int out_finish(struct cli *cli, int status)
{
	struct out *out = cli->out;
	int err = text_write(cli, status);

	fclose(out->stream);
	json_object_put(out->data);
	json_object_put(out->warnings);
	json_object_put(out->error);
	free(out->text);
	free(out);
	cli->out = NULL;
	if (err == EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	if (err)
		write_fail(cli, err);
	return err && !status ? EXIT_FAILED : status;
}

unsigned out_picture_width(uint64_t columns, unsigned margin)
{
	struct winsize ws;

	if (!columns && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0)
		columns = ws.ws_col;
	if (!columns)
		columns = 80;
	if (columns < margin + 16)
		columns = margin + 16;
	return (columns > 1000 ? 1000 : (unsigned)columns) - margin;
}

bool out_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (!no || !*no) && term &&
	       strcmp(term, "dumb") != 0;
}
