/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_serve.c - `nvmvd serve`: a disk by the NBD protocol, from nbdkit with our
 * plugin (guest-agent/export_nbd.c).
 *
 * The disk is looked at first, for refusals in our own words, and given back;
 * the plugin opens it.  Then this process stays as nbdkit's parent: it says
 * where clients find the disk once they do, hands signals on, and tells how it
 * ended.  nbdkit ends with its parent, however that ends.
 *
 * Crash story: that of the core.  What had been flushed when nbdkit was killed
 * is there, and the next command recovers the disk.
 */
#include <string.h>

#include "cli/vd_commands.h"
#include "cli/vd_serve.h"
#include "hosted/served.h"

struct serve_opts {
	const char *socket;
	uint64_t port;
	bool read_only;
	bool no_verify;
	int guard;
};

static const struct opt opts[] = {
	OPT_TEXT('s', "socket", "PATH", COMPLETE_FILE, struct serve_opts, socket,
		 "the Unix domain socket (default: in $XDG_RUNTIME_DIR/nvmpool, "
		 "or /run/nvmpool for root, named for the target)"),
	OPT_NUMBER(0, "port", "PORT", struct serve_opts, port,
		   "serve on this TCP port of the local host instead"),
	OPT_FLAG('r', "read-only", struct serve_opts, read_only,
		 "store nothing: neither clients nor recovery"),
	OPT_FLAG(0, "no-verify", struct serve_opts, no_verify,
		 "do not compare the data with their checksums: damaged blocks "
		 "are read as they are"),
	DISK_OPT_GUARD(struct serve_opts, guard),
	OPT_END
};

static const struct arg args[] = {
	{ .name = "TARGET", .complete = COMPLETE_TARGET },
	{ .name = NULL }
};

/* What the arguments for nbdkit mean to us. */
static void arguments_look(struct serving *s)
{
	const struct cli *cli = s->cli;

	for (int i = 0; i < cli->argc; i++) {
		const char *word = cli->argv[i];

		if (!strcmp(word, "--run") || !strncmp(word, "--run=", 6))
			s->captive = true;
		if (!strcmp(word, "--tls=require") ||
		    (i && !strcmp(cli->argv[i - 1], "--tls") &&
		     !strcmp(word, "require")))
			s->tls = true;
	}
}

/* nbdkit and the place where it serves, before what is served. */
static void server_words(const struct serving *s, GPtrArray *words)
{
	g_ptr_array_add(words, g_strdup("nbdkit"));
	g_ptr_array_add(words, g_strdup("--foreground"));
	g_ptr_array_add(words, g_strdup("--exit-with-parent"));
	if (s->socket) {
		g_ptr_array_add(words, g_strdup_printf("--unix=%s", s->socket));
	} else {
		g_ptr_array_add(words, g_strdup("--ipaddr=" SERVE_ADDRESS));
		g_ptr_array_add(words, g_strdup_printf("--port=%u", s->port));
	}
}

/* Parameters of the plugin. */
static void disk_words(const struct disk *disk, const struct serve_opts *o,
		       GPtrArray *words)
{
	for (size_t i = 0; i < disk->path_count; i++)
		g_ptr_array_add(words, g_strdup_printf("extent=%s",
						       disk->path[i]));
	if (cli_disk_is_child(disk)) {
		g_ptr_array_add(words, g_strdup_printf("pool=%s",
						       disk->pool.path));
		g_ptr_array_add(words, g_strdup_printf("child=%s", disk->name));
	}
	if (o->read_only)
		g_ptr_array_add(words, g_strdup("read-only=true"));
	if (o->no_verify)
		g_ptr_array_add(words, g_strdup("verify=false"));
	g_ptr_array_add(words, g_strdup_printf("guard=%s",
					       stray_guard_names[disk->guard]));
	g_ptr_array_add(words, g_strdup_printf("wait=%llu", (unsigned long long)
					       disk->cli->wait_s));
}

/* While the disk is open here, to be looked at. */
static int serve_prepare(struct serving *s, const struct serve_opts *o,
			 struct disk *disk)
{
	int status = o->port ? 0 : serve_socket(s, disk, o->socket);

	if (!status)
		status = serve_plugin(s);
	if (status)
		return status;
	s->port = (unsigned)o->port;
	s->size_bytes = cli_disk_bytes(disk);
	arguments_look(s);
	serve_uri(s);
	server_words(s, s->words);
	g_ptr_array_add(s->words, g_strdup(s->plugin));
	disk_words(disk, o, s->words);
	g_ptr_array_add(s->words, g_strdup_printf(SERVED_CONTROL_KEY "=%d",
						  SERVE_CONTROL_FD));
	for (int i = 0; i < s->cli->argc; i++)
		g_ptr_array_add(s->words, g_strdup(s->cli->argv[i]));
	g_ptr_array_add(s->words, NULL);
	return 0;
}

static int options_check(struct cli *cli, const struct serve_opts *o)
{
	if (o->port && o->socket)
		return cli_fail(cli, EXIT_USAGE, "--socket and --port are two "
				"places: say one of them");
	if (o->port > UINT16_MAX)
		return cli_fail(cli, EXIT_USAGE, "bad number '%llu' for "
				"--port: at most %u",
				(unsigned long long)o->port, UINT16_MAX);
	return 0;
}

static int serve_run(struct cli *cli)
{
	const struct serve_opts *o = cli->opts;
	struct serving s = { .cli = cli, .target = cli->arg[0] };
	struct disk disk;
	int status = options_check(cli, o);

	if (status)
		return status;
	s.words = g_ptr_array_new_with_free_func(g_free);
	status = cli_disk_open(cli, o->read_only ? DISK_READ : DISK_WRITE,
			       o->guard, &disk);
	if (!status)
		status = serve_prepare(&s, o, &disk);
	status = cli_disk_close(&disk, status);
	if (!status)
		status = serve_nbdkit(&s);
	g_ptr_array_free(s.words, TRUE);
	g_free(s.socket);
	g_free(s.plugin);
	g_free(s.uri);
	return status;
}

static const struct example examples[] = {
	{ "nvmvd serve disk.img", "until Ctrl-C, on a Unix domain socket" },
	{ "uri=$(nvmvd serve vm1 &) && nbdcopy backup.img \"$uri\"",
	  "in the background of a script; the URI comes when it is there" },
	{ "nvmvd serve disk.img -- --run 'qemu-img convert -O qcow2 \"$uri\" "
	  "backup.qcow2'", "for as long as one command takes" },
	{ "nvmvd serve disk.img --read-only -- --filter=cow",
	  "clients write, the disk stays as it is" },
	{ "nvmvd serve disk.img --port 10809 -- --ipaddr=0.0.0.0 --tls=require",
	  "to other machines, encrypted" },
	{ NULL, NULL }
};

const struct command vd_cmd_serve = {
	.name = "serve",
	.summary = "serve a disk by the NBD protocol, with nbdkit",
	.description = "Runs nbdkit with a plugin for the disk, so that QEMU, "
		"nbdcopy, qemu-img, nbd-client and other clients can use it; "
		"many of them at once, and each by several connections. Trimmed "
		"and never written blocks are holes to them. The one line on "
		"standard output is the URI that they want; it is printed when "
		"they can connect, and standard output is then closed.\n\n"
		"Serves until SIGINT (Ctrl-C) or SIGTERM, closes the disk and "
		"ends with 0. If it is killed the next command recovers the "
		"disk: what clients have flushed is there.\n\n"
		"What follows -- is for nbdkit: options (TLS, filters), and "
		"parameters of filters. With nbdkit's --run nothing is "
		"printed: the command has the URI as $uri. The plugin's own "
		"parameter level=false stops levelling in the background.",
	.args = args,
	.passes = "NBDKIT-ARGUMENT",
	.opts = opts,
	.opts_size = sizeof(struct serve_opts),
	.examples = examples,
	.flags = COMMAND_DISK,
	.run = serve_run,
};
