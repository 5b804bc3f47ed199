/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * args_formats.h - what the renderers of args.c share among themselves; of no
 * use outside qemu-glue/.
 */
#ifndef NVM_GLUE_ARGS_FORMATS_H
#define NVM_GLUE_ARGS_FORMATS_H

#include <glib.h>

#include "qemu-glue/args.h"

/*
 * Names of QEMU objects.  The word before the first '-' keeps them apart
 * whatever a child is called; for g_free().
 */
char *id_backend(const struct vm_device *device);
char *id_device(const struct vm_device *device);
char *id_port(const struct vm_port *port);

int args_qmp(const struct vm_plan *plan, const struct args_want *want,
	     char **ret_text, struct failure *failure);
int args_libvirt(const struct vm_plan *plan, const struct args_want *want,
		 char **ret_text, struct failure *failure);

#endif
