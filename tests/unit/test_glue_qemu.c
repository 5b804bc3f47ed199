/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_glue_qemu.c - the real QEMU, started through xargs with exactly the
 * line that a plan gives, has each extent where the plan says; at the edges
 * too: RAM around the PCI hole, many children, many extents, hot-plug.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <glib.h>
#include <json-c/json.h>

#include "qemu-glue/args.h"
#include "qemu-glue/probe.h"
#include "qemu-glue/run.h"

#define MIB	(1ull << 20)
#define GIB	(1ull << 30)
#define TIB	(1ull << 40)
#define QEMU	"qemu-system-x86_64"
#define QMP_ASK "{\"execute\":\"query-memory-devices\",\"id\":\"mem\"}\n" \
		"{\"execute\":\"quit\"}\n"

static char *directory, *pool;	/* a sparse file of 4 TiB */

/* The @n-th of many extents, none beside another. */
static struct pool_range extent_at(unsigned n, uint64_t size)
{
	return (struct pool_range){ 2 * GIB + n * 2 * GIB, size };
}

static struct vm_spec spec_of(const struct vm_child *child, size_t count)
{
	return (struct vm_spec){
		.name = "vm1", .child = child, .child_count = count,
		.backing = { pool, VM_REACH_FILE, 0 },
	};
}

/* Start QEMU on @line through xargs, speak @qmp with it, return its words. */
static struct run_result qemu_run(const char *line, const char *cpu,
				  const char *qmp)
{
	char *file = g_build_filename(directory, "line", NULL);
	const char *const argv[] = {
		"xargs", "-x", "-a", file, QEMU, "-S", "-accel", "tcg", "-cpu",
		cpu, "-nodefaults", "-display", "none", "-qmp", "stdio", NULL
	};
	struct failure failure;
	struct run_result result;

	assert_true(g_file_set_contents(file, line, -1, NULL));
	if (run_program(argv, qmp, 30000, &result, &failure))
		fail_msg("%s", failure.text);
	if (result.status || result.timed_out)
		fail_msg("QEMU: status %d, %s", result.status, result.errors);
	g_free(file);
	return result;
}

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(object, key, &value);
	return value;
}

/* The answer to query-memory-devices. */
static struct json_object *memory_devices(char *output)
{
	struct json_object *answer = NULL;
	char *save = NULL;

	for (char *text = strtok_r(output, "\r\n", &save); text;
	     text = strtok_r(NULL, "\r\n", &save)) {
		struct json_object *line = json_tokener_parse(text);
		const char *id = json_object_get_string(member(line, "id"));

		if (member(line, "error"))
			fail_msg("QEMU says %s", text);
		if (id && !strcmp(id, "mem"))
			answer = json_object_get(member(line, "return"));
		json_object_put(line);
	}
	assert_non_null(answer);
	return answer;
}

static void assert_devices(const struct vm_plan *plan,
			   struct json_object *devices)
{
	assert_int_equal(json_object_array_length(devices),
			 plan->device_count);
	for (size_t i = 0; i < plan->device_count; i++) {
		const struct vm_device *want = &plan->device[i];
		bool found = false;

		for (size_t k = 0; k < plan->device_count; k++) {
			struct json_object *item =
				json_object_array_get_idx(devices, k);
			struct json_object *data = member(item, "data");
			bool nvdimm = want->device == POOL_DEVICE_NVDIMM;

			if (json_object_get_uint64(member(data,
					nvdimm ? "addr" : "memaddr")) !=
			    want->address)
				continue;
			found = true;
			assert_string_equal(
				json_object_get_string(member(item, "type")),
				nvdimm ? "nvdimm" : "virtio-pmem");
			assert_int_equal(
				json_object_get_uint64(member(data, "size")),
				want->size_bytes);
		}
		assert_true(found);
	}
}

static void assert_qemu_agrees_on(const struct vm_spec *spec, const char *cpu)
{
	struct args_want want = { 0 };
	struct run_result result;
	struct json_object *devices;
	struct failure failure;
	struct vm_plan plan;
	char *line = NULL;

	if (vm_plan_make(spec, &plan, &failure) ||
	    args_render(&plan, &want, &line, &failure))
		fail_msg("%s", failure.text);
	result = qemu_run(line, cpu, "{\"execute\":\"qmp_capabilities\"}\n"
			  QMP_ASK);
	devices = memory_devices(result.output);
	assert_devices(&plan, devices);
	json_object_put(devices);
	run_result_free(&result);
	g_free(line);
	vm_plan_free(&plan);
}

static void assert_qemu_agrees(const struct vm_spec *spec)
{
	assert_qemu_agrees_on(spec, "qemu64");
}

static void every_device_and_mode_starts(void **state)
{
	static const struct {
		enum pool_mode mode;
		enum pool_device device;
		bool read_only;
	} ways[] = {
		{ POOL_MODE_FSDAX, POOL_DEVICE_AUTO, false },
		{ POOL_MODE_RAW, POOL_DEVICE_AUTO, false },
		{ POOL_MODE_DEVDAX, POOL_DEVICE_NVDIMM, false },
		{ POOL_MODE_FSDAX, POOL_DEVICE_NVDIMM, false },
		{ POOL_MODE_FSDAX, POOL_DEVICE_AUTO, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct pool_range extent = extent_at(i == 3 ? 0 : 7, 128 * MIB);
		struct vm_child child = {
			.name = "data", .extent = &extent, .extent_count = 1,
			.mode = ways[i].mode, .device = ways[i].device,
			.read_only = ways[i].read_only,
		};
		struct vm_spec spec = spec_of(&child, 1);

		assert_qemu_agrees(&spec);
	}
}

static void ram_around_the_pci_hole_moves_the_addresses(void **state)
{
	static const uint64_t ram_mib[] = {
		512, 2048, 2815, 2816, 3072, 3583, 3584, 4096, 4097, 9000,
	};
	static const char *const machine[] = { "q35", "pc" };
	struct pool_range extent[2] = {
		extent_at(3, 64 * MIB), extent_at(1, 128 * MIB),
	};
	struct vm_child child = {
		.name = "data", .extent = extent, .extent_count = 2,
		.mode = POOL_MODE_DEVDAX, .device = POOL_DEVICE_NVDIMM,
	};
	struct vm_spec spec = spec_of(&child, 1);

	(void)state;
	for (size_t m = 0; m < 2; m++)
		for (size_t i = 0; i < sizeof(ram_mib) / sizeof(*ram_mib);
		     i++) {
			spec.machine = machine[m];
			spec.ram_bytes = ram_mib[i] * MIB;
			assert_qemu_agrees(&spec);
		}
}

static void one_to_sixteen_extents_start(void **state)
{
	struct pool_range extent[16];
	struct vm_child child = {
		.name = "data", .extent = extent, .mode = POOL_MODE_FSDAX,
	};

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		extent[i] = extent_at(16 - i, (64 + 2 * i) * MIB);
	for (unsigned count = 1; count <= 16; count += 3) {
		struct vm_spec spec = spec_of(&child, 1);

		child.extent_count = count;
		child.device = POOL_DEVICE_AUTO;
		assert_qemu_agrees(&spec);
		child.device = POOL_DEVICE_NVDIMM;
		assert_qemu_agrees(&spec);
	}
}

static void many_children_of_both_kinds_boot(void **state)
{
	static char name[24][16];
	static struct pool_range extent[24][2];
	static struct vm_child child[24];
	struct vm_spec spec = spec_of(child, 24);
	struct failure failure;
	struct vm_plan plan;
	char **words;

	(void)state;
	for (unsigned i = 0; i < 24; i++) {
		snprintf(name[i], sizeof(name[i]), "%u-c.%u", i, i % 3);
		extent[i][0] = extent_at(2 * i, 64 * MIB);
		extent[i][1] = extent_at(2 * i + 1, 66 * MIB);
		child[i] = (struct vm_child){
			.name = name[i], .extent = extent[i],
			.extent_count = 2, .mode = POOL_MODE_FSDAX,
			.device = i % 4 ? POOL_DEVICE_VIRTIO_PMEM
					: POOL_DEVICE_NVDIMM,
			.grow_to_bytes = i < 2 ? GIB : 0,
		};
	}
	assert_qemu_agrees(&spec);
	/* And the firmware finds room for all the ports. */
	assert_int_equal(vm_plan_make(&spec, &plan, &failure), 0);
	assert_int_equal(plan.port_count, 5 + VM_SPARE_MAX);
	words = args_words(&plan, false);
	if (probe_guest(QEMU, "tcg", words, 60000, &failure))
		fail_msg("%s", failure.text);
	g_strfreev(words);
	vm_plan_free(&plan);
}

static void the_most_ports_boot(void **state)
{
	static char name[4][8];
	static struct pool_range extent[4];
	static struct vm_child child[4];
	struct vm_spec spec = spec_of(child, 4);
	struct failure failure;
	struct vm_plan plan;
	char **words;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		snprintf(name[i], sizeof(name[i]), "c%u", i);
		extent[i] = extent_at(i, 64 * MIB);
		child[i] = (struct vm_child){
			.name = name[i], .extent = &extent[i],
			.extent_count = 1, .mode = POOL_MODE_FSDAX,
			.grow_to_bytes = GIB,
		};
	}
	assert_int_equal(vm_plan_make(&spec, &plan, &failure), 0);
	assert_int_equal(plan.port_count, 16);
	words = args_words(&plan, false);
	if (probe_guest(QEMU, "tcg", words, 60000, &failure))
		fail_msg("%s", failure.text);
	g_strfreev(words);
	vm_plan_free(&plan);
}

static void all_slots_of_a_machine_can_be_filled(void **state)
{
	static char name[16][8];
	static struct pool_range extent[16][16];
	static struct vm_child child[16];
	struct vm_spec spec = spec_of(child, 16);

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		snprintf(name[i], sizeof(name[i]), "c%u", i);
		for (unsigned k = 0; k < 16; k++)
			extent[i][k] = extent_at(16 * i + k, 64 * MIB);
		child[i] = (struct vm_child){
			.name = name[i], .extent = extent[i],
			.extent_count = 16, .mode = POOL_MODE_DEVDAX,
			.device = POOL_DEVICE_NVDIMM,
		};
	}
	assert_qemu_agrees(&spec);
}

/* The addresses hold on a processor of AMD's, where QEMU moves memory. */
static void beyond_a_tebibyte_addresses_hold_on_any_processor(void **state)
{
	struct pool_range extent[2] = {
		{ 2 * GIB, TIB }, { 2 * TIB, 64 * MIB },
	};
	struct vm_child child = {
		.name = "data", .extent = extent, .extent_count = 2,
		.mode = POOL_MODE_FSDAX,
	};
	struct vm_spec spec = spec_of(&child, 1);
	struct vm_plan plan;
	char text[256];

	(void)state;
	spec.ram_bytes = 4 * GIB;
	assert_qemu_agrees_on(&spec, "max,phys-bits=46,vendor=AuthenticAMD");
	assert_qemu_agrees_on(&spec, "max,phys-bits=46,vendor=GenuineIntel");
	assert_int_equal(vm_plan_make(&spec, &plan, NULL), 0);
	assert_non_null(vm_plan_warning(&plan, 0, text, sizeof(text)));
	assert_non_null(strstr(text, "phys-bits"));
	vm_plan_free(&plan);
}

static void a_path_with_commas_and_blanks_is_opened(void **state)
{
	struct pool_range extent = extent_at(0, 64 * MIB);
	struct vm_child child = {
		.name = "data", .extent = &extent, .extent_count = 1,
		.mode = POOL_MODE_FSDAX,
	};
	struct vm_spec spec = spec_of(&child, 1);
	char *path = g_build_filename(directory, "a b,c,,d'e\"f\\g$h", NULL);

	(void)state;
	assert_int_equal(symlink(pool, path), 0);
	spec.backing.path = path;
	assert_qemu_agrees(&spec);
	unlink(path);
	g_free(path);
}

static void grown_extents_are_plugged_into_a_running_vm(void **state)
{
	static const enum pool_device devices[] = {
		POOL_DEVICE_VIRTIO_PMEM, POOL_DEVICE_NVDIMM,
	};
	struct pool_range extent[3] = {
		extent_at(0, 128 * MIB), extent_at(4, 64 * MIB),
		extent_at(2, 256 * MIB),
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vm_child child = {
			.name = "data", .extent = extent, .extent_count = 1,
			.mode = POOL_MODE_FSDAX, .device = devices[i],
			.grow_to_bytes = GIB,
		};
		struct vm_spec spec = spec_of(&child, 1);
		struct args_want want = { 0 };
		struct vm_plan before, after;
		struct run_result result;
		struct json_object *found;
		char *line, *lines, *qmp;

		assert_int_equal(vm_plan_make(&spec, &before, NULL), 0);
		assert_int_equal(args_render(&before, &want, &line, NULL), 0);
		child.extent_count = 3;
		want = (struct args_want){ VM_FORMAT_QMP, "data", 1, false };
		assert_int_equal(vm_plan_make(&spec, &after, NULL), 0);
		assert_int_equal(args_render(&after, &want, &lines, NULL), 0);
		qmp = g_strconcat(lines, "\n", QMP_ASK, NULL);
		result = qemu_run(line, "qemu64", qmp);
		found = memory_devices(result.output);
		assert_devices(&after, found);
		json_object_put(found);
		run_result_free(&result);
		g_free(line);
		g_free(lines);
		g_free(qmp);
		vm_plan_free(&before);
		vm_plan_free(&after);
	}
}

static int setup(void **state)
{
	int fd;

	(void)state;
	directory = g_dir_make_tmp("nvmpool-glue-XXXXXX", NULL);
	pool = g_build_filename(directory, "pool.img", NULL);
	fd = creat(pool, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)(4 * TIB)))
		return -1;
	return close(fd);
}

static int teardown(void **state)
{
	char *line = g_build_filename(directory, "line", NULL);

	(void)state;
	unlink(line);
	unlink(pool);
	rmdir(directory);
	g_free(line);
	g_free(pool);
	g_free(directory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_device_and_mode_starts),
		cmocka_unit_test(ram_around_the_pci_hole_moves_the_addresses),
		cmocka_unit_test(one_to_sixteen_extents_start),
		cmocka_unit_test(many_children_of_both_kinds_boot),
		cmocka_unit_test(the_most_ports_boot),
		cmocka_unit_test(all_slots_of_a_machine_can_be_filled),
		cmocka_unit_test(
			beyond_a_tebibyte_addresses_hold_on_any_processor),
		cmocka_unit_test(a_path_with_commas_and_blanks_is_opened),
		cmocka_unit_test(grown_extents_are_plugged_into_a_running_vm),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
