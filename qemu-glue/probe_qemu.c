/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe_qemu.c - which QEMU is here and what it was built with (probe.h).
 *
 * Asked over QMP, once, of a QEMU that has no machine: its version, the
 * properties of memory-backend-file, its device types.  Whether pmem=on works
 * cannot be asked, so it is tried on a scratch file: a build without libpmem
 * refuses it.
 */
#include "qemu-glue/probe.h"

#include <errno.h>
#include <glib.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "qemu-glue/run.h"

#define QEMU_MS		10000u
#define SCRATCH_BYTES	(2u << 20)

static const char *const qemu_names[] = {
	"qemu-system-x86_64", "qemu-kvm", "/usr/libexec/qemu-kvm", NULL
};

static int qemu_find(const char *qemu, struct qemu_facts *facts,
		     struct failure *failure)
{
	const char *const named[] = { qemu, NULL };
	const char *const *name = qemu ? named : qemu_names;

	for (; *name; name++) {
		char *path = g_find_program_in_path(*name);

		if (!path)
			continue;
		snprintf(facts->path, sizeof(facts->path), "%s", path);
		g_free(path);
		return 0;
	}
	return failure_set(failure, -ENOENT, "there is no '%s' in PATH: "
			   "install QEMU 8.1 or newer",
			   qemu ? qemu : qemu_names[0]);
}

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value;
}

/* Is there an element with this name in a list that QMP returned? */
static bool list_has(struct json_object *list, const char *name)
{
	if (!json_object_is_type(list, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		const char *text = json_object_get_string(member(item, "name"));

		if (text && !strcmp(text, name))
			return true;
	}
	return false;
}

static unsigned number(struct json_object *object, const char *key)
{
	return (unsigned)json_object_get_int(member(object, key));
}

/* One line of QMP: the greeting, or the answer to the command it names. */
static void facts_learn(struct qemu_facts *facts, struct json_object *line)
{
	struct json_object *greeting = member(line, "QMP");
	struct json_object *answer = member(line, "return");
	const char *id = json_object_get_string(member(line, "id"));

	if (greeting) {
		struct json_object *version = member(member(greeting,
							    "version"), "qemu");

		facts->major = number(version, "major");
		facts->minor = number(version, "minor");
		facts->micro = number(version, "micro");
	}
	if (!id || !answer)
		return;
	if (!strcmp(id, "file"))
		facts->offset = list_has(answer, "offset");
	else if (!strcmp(id, "devices")) {
		facts->nvdimm = list_has(answer, "nvdimm");
		facts->virtio_pmem = list_has(answer, "virtio-pmem-pci");
	} else if (!strcmp(id, "pmem"))
		facts->pmem = true;
}

int probe_qemu(const char *qemu, struct qemu_facts *ret_facts,
	       struct failure *failure)
{
	struct qemu_facts facts = { 0 };
	const char *const argv[] = {
		facts.path, "-machine", "none", "-nodefaults",
		"-no-user-config", "-display", "none", "-qmp", "stdio", NULL
	};
	struct run_result result;
	char *script, *save = NULL;
	int fd, err = qemu_find(qemu, &facts, failure);

	if (err)
		return err;
	fd = memfd_create("nvmpool-scratch", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, SCRATCH_BYTES)) {
		err = failure_errno(failure, -errno, "no scratch memory");
		if (fd >= 0)
			close(fd);
		return err;
	}
	script = g_strdup_printf(
		"{'execute':'qmp_capabilities'}\n"
		"{'execute':'qom-list-properties','id':'file',"
		"'arguments':{'typename':'memory-backend-file'}}\n"
		"{'execute':'qom-list-types','id':'devices',"
		"'arguments':{'implements':'device'}}\n"
		"{'execute':'object-add','id':'pmem','arguments':{"
		"'qom-type':'memory-backend-file','id':'scratch',"
		"'mem-path':'/proc/%d/fd/%d','size':%u,'share':true,"
		"'pmem':true}}\n"
		"{'execute':'quit'}\n", (int)getpid(), fd, SCRATCH_BYTES);
	err = run_program(argv, script, QEMU_MS, &result, failure);
	g_free(script);
	close(fd);
	if (err)
		return err;
	for (char *text = strtok_r(result.output, "\r\n", &save); text;
	     text = strtok_r(NULL, "\r\n", &save)) {
		struct json_object *line = json_tokener_parse(text);

		facts_learn(&facts, line);
		json_object_put(line);
	}
	if (!facts.major) {
		result.errors[strcspn(result.errors, "\n")] = 0;
		err = failure_set(failure, -EIO, "'%s' does not answer: %s",
				  facts.path, *result.errors ? result.errors :
				  result.timed_out ? "it hangs" :
				  "it ended at once");
	}
	run_result_free(&result);
	if (err)
		return err;
	facts.recent = facts.major > 8 || (facts.major == 8 && facts.minor >= 1);
	*ret_facts = facts;
	return 0;
}

bool qemu_usable(const struct qemu_facts *facts)
{
	return facts->offset && (facts->nvdimm || facts->virtio_pmem);
}
