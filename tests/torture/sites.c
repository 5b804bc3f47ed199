// SPDX-License-Identifier: BSD-3-Clause
/*
 * sites.c - see sites.h.  libdw reads the program's own debugging information;
 * where that was stripped off, an offset in the program is left.
 */
#include "tests/torture/sites.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Dwfl *dwfl_open(void)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);

	if (!dwfl)
		return NULL;
	if (!dwfl_linux_proc_report(dwfl, getpid()) &&
	    !dwfl_report_end(dwfl, NULL, NULL))
		return dwfl;
	dwfl_end(dwfl);
	return NULL;
}

/* The part of a path that is the same on each machine. */
static const char *source_part(const char *path)
{
	static const char *const room[] = { "libcore/", "tests/" };

	for (size_t i = 0; i < sizeof(room) / sizeof(*room); i++) {
		const char *at = strstr(path, room[i]);

		if (at)
			return at;
	}
	return path;
}

/*
 * Where the function that is really there calls what is inlined in it down to
 * @addr; false: nothing is.
 */
static bool inlined_at(Dwfl_Module *module, Dwarf_Addr addr,
		       const char **ret_path, int *ret_line)
{
	Dwarf_Addr bias;
	Dwarf_Die *unit = dwfl_module_addrdie(module, addr, &bias);
	Dwarf_Die *inner = NULL, *scope = NULL;
	bool found = false;
	int count = 0;

	/* The innermost scope, then what is really around it. */
	if (unit && dwarf_getscopes(unit, addr - bias, &inner) > 0)
		count = dwarf_getscopes_die(&inner[0], &scope);

	for (int i = 0; i < count; i++) {
		Dwarf_Attribute attr;
		Dwarf_Word line, file;
		Dwarf_Files *files;

		if (dwarf_tag(&scope[i]) != DW_TAG_inlined_subroutine ||
		    dwarf_formudata(dwarf_attr(&scope[i], DW_AT_call_line,
					       &attr), &line) ||
		    dwarf_formudata(dwarf_attr(&scope[i], DW_AT_call_file,
					       &attr), &file) ||
		    dwarf_getsrcfiles(unit, &files, NULL))
			continue;
		*ret_path = dwarf_filesrc(files, file, NULL, NULL);
		*ret_line = (int)line;
		found = *ret_path;
	}
	free(inner);
	free(scope);
	return found;
}

void site_text(const void *site, char *ret_text, size_t room)
{
	/* A return address: the call is before it. */
	Dwarf_Addr addr = (uintptr_t)site - 1;
	Dwfl *dwfl = site ? dwfl_open() : NULL;
	Dwfl_Module *module = dwfl ? dwfl_addrmodule(dwfl, addr) : NULL;
	const char *name = module ? dwfl_module_addrname(module, addr) : NULL;
	const char *path = NULL;
	Dwfl_Line *line;
	Dl_info info;
	int number = 0;

	if (module && !inlined_at(module, addr, &path, &number)) {
		line = dwfl_module_getsrc(module, addr);
		path = line ? dwfl_lineinfo(line, NULL, &number, NULL, NULL,
					    NULL) : NULL;
	}
	if (path)
		snprintf(ret_text, room, "%s:%d %s", source_part(path), number,
			 name ? name : "");
	else if (name)
		snprintf(ret_text, room, "%s", name);
	else if (site && dladdr(site, &info))
		snprintf(ret_text, room, "+%#jx",
			 (uintmax_t)((uintptr_t)site -
				     (uintptr_t)info.dli_fbase));
	else
		snprintf(ret_text, room, "?");
	if (dwfl)
		dwfl_end(dwfl);
}
