/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_serve_place.c - where clients find a served disk (socket, URI), and where
 * we find the plugin.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/vd_serve.h"
#include "hosted/served.h"

#define RUN_ROOT	"/run/nvmpool"
/* Of the target's name in that of the socket, whose path has to be short. */
#define NAME_MAX_BYTES	32

/* ---- the socket -------------------------------------------------------------- */

/*
 * The folder of sockets, made if it is not there.  Who may connect is decided
 * by the socket itself: its owner.
 */
static int run_folder(struct serving *s, char **ret_path)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	char *path;
	int err;

	if (run && *run == '/')
		path = g_strdup_printf("%s/nvmpool", run);
	else if (geteuid() == 0)
		path = g_strdup(RUN_ROOT);
	else
		return cli_fail(s->cli, EXIT_USAGE, "cannot choose a socket: "
				"XDG_RUNTIME_DIR is not set; name one with "
				"--socket");
	if (!mkdir(path, 0755) || errno == EEXIST) {
		*ret_path = path;
		return 0;
	}
	err = errno;
	cli_fail(s->cli, fail_status(-err), "cannot make '%s': %s; name a "
		 "socket elsewhere with --socket", path, strerror(err));
	g_free(path);
	return fail_status(-err);
}

/* The same name for the same disk each time, and for no other. */
static int socket_choose(struct serving *s, const struct disk *disk,
			 char **ret_path)
{
	bool child = cli_disk_is_child(disk);
	const char *path = backing_info(child ? disk->pool.backing :
					area_backing(disk->area, 0))->path;
	const char *name = child ? disk->name : strrchr(path, '/') + 1;
	uint32_t crc = cli_disk_crc32c(disk, 0, path, strlen(path));
	char shown[NAME_MAX_BYTES + 1];
	char *folder = NULL;
	size_t len = 0;
	int status = run_folder(s, &folder);

	if (status)
		return status;
	if (child)
		crc = cli_disk_crc32c(disk, crc, name, strlen(name) + 1);
	for (; name[len] && len < NAME_MAX_BYTES; len++)
		shown[len] = g_ascii_isalnum(name[len]) ||
			     strchr("._-", name[len]) ? name[len] : '_';
	shown[len] = '\0';
	*ret_path = g_strdup_printf("%s/%s-%08x.sock", folder, shown, crc);
	g_free(folder);
	return 0;
}

/* 0: somebody listens; else an errno value. */
static int socket_try(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err = 0, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err = errno;
	close(fd);
	return err;
}

/* nbdkit leaves its socket behind, and binds to no name that is there. */
static int socket_free(struct serving *s)
{
	char *folder = g_path_get_dirname(s->socket);
	int err = access(folder, W_OK | X_OK) ? errno : 0;
	struct stat st;

	g_free(folder);
	if (err)
		return cli_fail(s->cli, fail_status(-err), "cannot make socket "
				"'%s': %s", s->socket, strerror(err));
	if (lstat(s->socket, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return cli_fail(s->cli, EXIT_EXISTS, "cannot make socket '%s': "
				"there is something else of that name",
				s->socket);
	err = socket_try(s->socket);
	if (!err)
		return cli_fail(s->cli, EXIT_BUSY, "cannot serve on socket "
				"'%s': another server does", s->socket);
	if (err == ECONNREFUSED && !unlink(s->socket))
		return 0;
	return cli_fail(s->cli, fail_status(-err), "cannot use socket '%s': %s",
			s->socket, strerror(err));
}

int serve_socket(struct serving *s, const struct disk *disk, const char *path)
{
	const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	char *here = NULL;
	int status = 0;

	if (path && !*path)
		return cli_fail(s->cli, EXIT_USAGE, "bad socket '': it is empty");
	if (path && *path == '/')
		s->socket = g_strdup(path);
	else if (!path)
		status = socket_choose(s, disk, &s->socket);
	else if ((here = getcwd(NULL, 0)))
		s->socket = g_strdup_printf("%s/%s", here, path);
	else
		status = cli_fail(s->cli, EXIT_FAILED, "cannot find out where "
				  "this is: %s", strerror(errno));
	free(here);
	if (status)
		return status;
	if (strlen(s->socket) > most)
		return cli_fail(s->cli, EXIT_USAGE, "bad socket '%s': the path "
				"is longer than %zu bytes", s->socket, most);
	return socket_free(s);
}

/* ---- the URI -------------------------------------------------------------------- */

void serve_uri(struct serving *s)
{
	const char *scheme = s->tls ? "nbds" : "nbd";
	char *path;

	if (!s->socket) {
		s->uri = g_strdup_printf("%s://" SERVE_ADDRESS ":%u", scheme,
					 s->port);
		return;
	}
	path = g_uri_escape_string(s->socket, "/", FALSE);
	s->uri = g_strdup_printf("%s+unix:///?socket=%s", scheme, path);
	g_free(path);
}

/* ---- the plugin ----------------------------------------------------------------- */

int serve_plugin(struct serving *s)
{
	static const char *const places[] = { "", SERVED_LIBRARY "/" };
	char *tool = g_file_read_link("/proc/self/exe", NULL);
	char *folder = tool ? g_path_get_dirname(tool) : g_strdup(".");

	for (size_t i = 0; i < G_N_ELEMENTS(places) && !s->plugin; i++) {
		s->plugin = g_strdup_printf("%s/%s" SERVED_PLUGIN, folder,
					    places[i]);
		if (access(s->plugin, R_OK) == 0)
			break;
		g_free(s->plugin);
		s->plugin = NULL;
	}
	g_free(tool);
	g_free(folder);
	if (s->plugin)
		return 0;
	return cli_fail(s->cli, EXIT_UNSUPPORTED, "cannot serve '%s': "
			SERVED_PLUGIN " is neither beside this program nor in "
			SERVED_LIBRARY " from there", s->target);
}
