/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wear_plot.c - hands figures to gnuplot: a script on its standard input, the
 * picture from its standard output, so that no file name needs quoting.  The
 * file gets its bytes when they are all there.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/talk.h"
#include "cli/wear_plot.h"

#define HEIGHT_MAX	4.0	/* what goes beyond is cut off */

extern char **environ;

void wear_curve_make(const uint32_t *count, uint64_t block_count, double mean,
		     struct wear_curve *ret_curve)
{
	for (uint64_t i = 0; i <= WEAR_CURVE_STEPS; i++) {
		uint64_t block = i * (block_count - 1) / WEAR_CURVE_STEPS;

		ret_curve->at[i] = mean > 0 ? count[block] / mean : 0;
	}
}

int wear_plot_ready(struct cli *cli)
{
	char *path = g_find_program_in_path("gnuplot");
	bool found = path != NULL;

	g_free(path);
	return found ? 0 : cli_fail(cli, EXIT_UNSUPPORTED, "cannot plot: there "
		"is no gnuplot; Debian has it in the package gnuplot-nox");
}

struct curves {
	const struct wear_curve *curve;
	size_t count;
};

static void curves_write(FILE *script, const void *what)
{
	const struct curves *curves = what;
	const struct wear_curve *curve = curves->curve;
	size_t curve_count = curves->count;
	double height = 1.2;

	for (size_t i = 0; i < curve_count; i++)
		if (curve[i].at[WEAR_CURVE_STEPS] * 1.1 > height)
			height = curve[i].at[WEAR_CURVE_STEPS] * 1.1;
	if (height > HEIGHT_MAX)
		height = HEIGHT_MAX;
	fprintf(script, "set terminal svg size 800,500 background 'white'\n"
		"set title 'Wear of the blocks, the least worn first'\n"
		"set xlabel 'blocks (%%)'\n"
		"set ylabel 'writes of a block / mean'\n"
		"set yrange [0:%g]\nset xrange [0:100]\n"
		"set key outside right\nset grid\n", height);
	for (size_t i = 0; i < curve_count; i++) {
		fprintf(script, "$d%zu << EOD\n", i);
		for (unsigned k = 0; k <= WEAR_CURVE_STEPS; k++)
			fprintf(script, "%g %g\n", 100.0 * k / WEAR_CURVE_STEPS,
				curve[i].at[k]);
		fputs("EOD\n", script);
	}
	for (size_t i = 0; i < curve_count; i++)
		fprintf(script, "%s $d%zu with lines lw 2 title '%s'",
			i ? "," : "plot", i, curve[i].name);
	fputs("\n", script);
}

/* One square a cell, dark where it is worn. */
static void heat_write(FILE *script, const void *what)
{
	const struct wear_heat *heat = what;

	fputs("set terminal svg size 900,600 background 'white'\n"
	      "set title 'Writes of the blocks, in the order of the area'\n"
	      "set xlabel 'cells of a row'\nset ylabel 'row'\n"
	      "set cblabel 'mean writes of a cell'\n"
	      "set palette defined (0 '#ffffcc', 1 '#fd8d3c', 2 '#800026')\n"
	      "set yrange [*:*] reverse\nset key off\n$d << EOD\n", script);
	for (uint64_t i = 0; i < heat->cell_count; i++)
		fprintf(script, "%" PRIu64 " %" PRIu64 " %g\n", i % heat->width,
			i / heat->width, heat->cell[i]);
	fputs("EOD\nplot $d using 1:2:3 with points pointtype 5 "
	      "pointsize 1.1 palette\n", script);
}

/* Its exit status, or a negative errno. */
static int gnuplot_run(int script, int picture)
{
	char *const argv[] = { (char[]){ "gnuplot" }, (char[]){ "-" }, NULL };
	posix_spawn_file_actions_t files;
	int status, err;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, script, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, picture, STDOUT_FILENO);
	err = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

static int picture_save(struct cli *cli, const char *file, int picture)
{
	GError *error = NULL;
	GMappedFile *bytes = g_mapped_file_new_from_fd(picture, FALSE, &error);
	int status = 0;

	if (bytes)
		g_file_set_contents_full(file, g_mapped_file_get_contents(bytes),
			(gssize)g_mapped_file_get_length(bytes),
			G_FILE_SET_CONTENTS_CONSISTENT, 0666, &error);
	if (error)
		status = cli_fail(cli, EXIT_FAILED, "cannot write '%s': %s",
				  file, error->message);
	g_clear_error(&error);
	if (bytes)
		g_mapped_file_unref(bytes);
	return status;
}

static int plot(struct cli *cli, const char *file,
		void (*write)(FILE *script, const void *what), const void *what)
{
	FILE *script = tmpfile(), *picture = tmpfile();
	struct stat st = { 0 };
	int status = 0, err;

	if (!script || !picture) {
		status = cli_fail(cli, EXIT_FAILED, "cannot plot: %s",
				  strerror(errno));
	} else {
		write(script, what);
		rewind(script);
		err = gnuplot_run(fileno(script), fileno(picture));
		if (err || fstat(fileno(picture), &st) || !st.st_size)
			status = cli_fail(cli, EXIT_FAILED, err < 0 ?
				"cannot plot: gnuplot: %s" :
				"cannot plot: gnuplot has failed%s",
				err < 0 ? strerror(-err) : "");
		else
			status = picture_save(cli, file, fileno(picture));
	}
	if (script)
		fclose(script);
	if (picture)
		fclose(picture);
	return status;
}

int wear_plot(struct cli *cli, const char *file,
	      const struct wear_curve *curve, size_t curve_count)
{
	const struct curves curves = { curve, curve_count };

	return plot(cli, file, curves_write, &curves);
}

int wear_plot_heat(struct cli *cli, const char *file,
		   const struct wear_heat *heat)
{
	return plot(cli, file, heat_write, heat);
}
