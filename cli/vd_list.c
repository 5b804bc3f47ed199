/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vd_list.c - `nvmvd list`: the virtual disks of this machine's kernel.
 */
#include <stdlib.h>

#include "cli/kernel.h"
#include "cli/vd_commands.h"

static int list_run(struct cli *cli)
{
	struct kdisk *disks;
	size_t count;
	int status = kernel_ready(cli);

	if (!status)
		status = kernel_disks(cli, &disks, &count);
	if (status)
		return status;
	kernel_table(cli, disks, count, "no disk is attached");
	free(disks);
	return 0;
}

static const struct example examples[] = {
	{ "nvmvd list -j | jq -r '.data.disks[].device'",
	  "their devices, in a script" },
	{ NULL, NULL }
};

const struct command vd_cmd_list = {
	.name = "list",
	.summary = "list the disks of this machine's kernel",
	.description = "Those that the kernel's module nvmvd has attached, "
		"by itself or by 'nvmvd attach'. The state is recovered where "
		"a disk had not been closed before it was attached, and errors "
		"where damaged blocks were met: 'nvmvd info' tells how many.",
	.examples = examples,
	.run = list_run,
};
