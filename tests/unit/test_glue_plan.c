/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_glue_plan.c - where a plan puts the children of a VM, what it refuses,
 * and how it is written down.  That QEMU agrees is test_glue_qemu.c's matter.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <glib.h>
#include <json-c/json.h>

#include "qemu-glue/args.h"

#define MIB	(1ull << 20)
#define GIB	(1ull << 30)

static struct failure failure;

static const struct pool_range four_gib[] = { { 258 * MIB, 4 * GIB } };
static const struct pool_range scattered[] = {
	{ 8 * GIB, 128 * MIB }, { 2 * GIB, 64 * MIB }, { 16 * GIB, GIB },
};

static struct vm_child child_of(const struct pool_range *extent, size_t count,
				enum pool_mode mode)
{
	return (struct vm_child){
		.name = "data", .extent = extent, .extent_count = count,
		.mode = mode,
	};
}

static struct vm_spec spec_of(const struct vm_child *child, size_t count,
			      enum vm_reach reach)
{
	return (struct vm_spec){
		.name = "vm1", .child = child, .child_count = count,
		.backing = { "/srv/pool.img", reach, 0 },
	};
}

static char *render(const struct vm_spec *spec, struct args_want want)
{
	struct vm_plan plan;
	char *text = NULL;

	if (vm_plan_make(spec, &plan, &failure) ||
	    args_render(&plan, &want, &text, &failure))
		fail_msg("%s", failure.text);
	vm_plan_free(&plan);
	return text;
}

static void assert_line(const struct vm_spec *spec, const char *expected)
{
	char *line = render(spec, (struct args_want){ 0 });

	assert_string_equal(line, expected);
	g_free(line);
}

static void assert_refused(const struct vm_spec *spec, int err,
			   const char *reason)
{
	struct vm_plan plan;

	assert_int_equal(vm_plan_make(spec, &plan, &failure), err);
	if (!strstr(failure.text, reason))
		fail_msg("'%s' does not say '%s'", failure.text, reason);
}

static void a_plain_file_becomes_a_virtio_pmem(void **state)
{
	struct vm_child child = child_of(four_gib, 1, POOL_MODE_FSDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);

	(void)state;
	assert_line(&spec, "-machine q35 -m 1G,maxmem=5G "
		"-object memory-backend-file,id=mem-data-0,"
		"mem-path=/srv/pool.img,offset=258M,size=4G,share=on,align=2M "
		"-device virtio-pmem-pci,memdev=mem-data-0,id=nvm-data-0,"
		"memaddr=0x100000000");
}

static void devdax_and_dax_files_become_nvdimms_with_pmem_on(void **state)
{
	struct vm_child child = child_of(four_gib, 1, POOL_MODE_DEVDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_DEVDAX);

	(void)state;
	spec.backing.path = "/dev/dax0.0";
	assert_line(&spec, "-machine q35,nvdimm=on -m 1G,slots=1,maxmem=5G "
		"-object memory-backend-file,id=mem-data-0,"
		"mem-path=/dev/dax0.0,offset=258M,size=4G,share=on,align=2M,"
		"pmem=on -device nvdimm,memdev=mem-data-0,id=nvm-data-0,"
		"addr=0x100000000");
	spec.backing = (struct vm_backing){ "/dax/p", VM_REACH_FSDAX, 4096 };
	assert_line(&spec, "-machine q35,nvdimm=on -m 1G,slots=1,maxmem=5G "
		"-object memory-backend-file,id=mem-data-0,mem-path=/dax/p,"
		"offset=258M,size=4G,share=on,align=2M,pmem=on "
		"-device nvdimm,memdev=mem-data-0,id=nvm-data-0,"
		"addr=0x100000000");
}

static void pmem_on_never_stands_with_the_page_cache(void **state)
{
	static const enum vm_reach cached[] = {
		VM_REACH_FILE, VM_REACH_TMPFS, VM_REACH_BLOCK,
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct vm_child child = child_of(four_gib, 1,
						 POOL_MODE_DEVDAX);
		struct vm_spec spec = spec_of(&child, 1, cached[i]);
		struct vm_plan plan;
		char text[512], *line;

		child.device = POOL_DEVICE_NVDIMM;
		line = render(&spec, (struct args_want){ 0 });
		assert_non_null(strstr(line, "-device nvdimm,"));
		assert_null(strstr(line, "pmem=on"));
		g_free(line);
		assert_int_equal(vm_plan_make(&spec, &plan, NULL), 0);
		assert_non_null(vm_plan_warning(&plan, 0, text, sizeof(text)));
		assert_non_null(strstr(text, "not of the host"));
		vm_plan_free(&plan);
	}
}

static void what_is_truthful_needs_no_warning(void **state)
{
	struct vm_child child = child_of(four_gib, 1, POOL_MODE_FSDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);
	struct vm_plan plan;
	char text[512];

	(void)state;
	assert_int_equal(vm_plan_make(&spec, &plan, NULL), 0);
	assert_null(vm_plan_warning(&plan, 0, text, sizeof(text)));
	vm_plan_free(&plan);
	spec.backing.reach = VM_REACH_TMPFS;
	assert_int_equal(vm_plan_make(&spec, &plan, NULL), 0);
	assert_non_null(vm_plan_warning(&plan, 0, text, sizeof(text)));
	assert_non_null(strstr(text, "tmpfs"));
	assert_null(vm_plan_warning(&plan, 1, text, sizeof(text)));
	vm_plan_free(&plan);
}

static void read_only_is_an_unarmed_nvdimm_on_any_backing(void **state)
{
	struct vm_child child = child_of(four_gib, 1, POOL_MODE_FSDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);
	struct vm_plan plan;
	char text[512];

	(void)state;
	child.read_only = true;
	assert_line(&spec, "-machine q35,nvdimm=on -m 1G,slots=1,maxmem=5G "
		"-object memory-backend-file,id=mem-data-0,"
		"mem-path=/srv/pool.img,offset=258M,size=4G,share=on,align=2M,"
		"readonly=on -device nvdimm,memdev=mem-data-0,id=nvm-data-0,"
		"addr=0x100000000,unarmed=on");
	assert_int_equal(vm_plan_make(&spec, &plan, NULL), 0);
	assert_null(vm_plan_warning(&plan, 0, text, sizeof(text)));
	vm_plan_free(&plan);
	child.device = POOL_DEVICE_VIRTIO_PMEM;
	assert_refused(&spec, -ENOTSUP, "--device nvdimm");
}

static void extents_follow_each_other_and_children_too(void **state)
{
	struct vm_child child[2] = {
		child_of(scattered, 3, POOL_MODE_FSDAX),
		child_of(four_gib, 1, POOL_MODE_RAW),
	};
	struct vm_spec spec = spec_of(child, 2, VM_REACH_FILE);
	struct vm_plan plan;
	uint64_t at = 4 * GIB;

	(void)state;
	child[1].name = "log";
	assert_int_equal(vm_plan_make(&spec, &plan, &failure), 0);
	assert_int_equal(plan.device_count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(plan.device[i].address, at);
		at += plan.device[i].size_bytes;
	}
	assert_int_equal(plan.device[1].offset_bytes, 2 * GIB);
	assert_int_equal(plan.maxmem_bytes, GIB + (at - 4 * GIB));
	vm_plan_free(&plan);
}

static void room_to_grow_stays_free_behind_a_child(void **state)
{
	struct vm_child child[2] = {
		child_of(four_gib, 1, POOL_MODE_FSDAX),
		child_of(scattered, 1, POOL_MODE_FSDAX),
	};
	struct vm_spec spec = spec_of(child, 2, VM_REACH_FILE);
	char *line;

	(void)state;
	child[0].grow_to_bytes = 6 * GIB;
	child[1].name = "log";
	line = render(&spec, (struct args_want){ 0 });
	assert_non_null(strstr(line, "id=nvm-log-0,memaddr=0x280000000"));
	assert_non_null(strstr(line, "-m 1G,maxmem=7296M "));
	for (unsigned i = 1; i <= VM_SPARE_MAX; i++) {
		char *port = g_strdup_printf("pcie-root-port,id=port-data-%u,",
					     i);

		assert_non_null(strstr(line, port));
		g_free(port);
	}
	assert_null(strstr(line, "port-data-5"));
	assert_null(strstr(line, "port-log"));
	g_free(line);

	/* As NVDIMMs they need slots, and no ports. */
	spec.backing.reach = VM_REACH_DEVDAX;
	line = render(&spec, (struct args_want){ 0 });
	assert_non_null(strstr(line, "slots=6,maxmem=7296M "));
	assert_null(strstr(line, "pcie-root-port"));
	g_free(line);
}

static void a_little_room_gets_one_spare_extent(void **state)
{
	struct vm_child child = child_of(four_gib, 1, POOL_MODE_FSDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_DEVDAX);
	char *line;

	(void)state;
	child.grow_to_bytes = 4 * GIB + 2 * MIB;
	line = render(&spec, (struct args_want){ 0 });
	assert_non_null(strstr(line, "slots=2,maxmem=5122M "));
	g_free(line);
	child.grow_to_bytes = 4 * GIB;	/* has it already */
	line = render(&spec, (struct args_want){ 0 });
	assert_non_null(strstr(line, "slots=1,maxmem=5G "));
	g_free(line);
}

static void many_virtio_pmem_share_ports(void **state)
{
	struct pool_range extent[16];
	struct vm_child child = child_of(extent, 16, POOL_MODE_FSDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);
	char *line;

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		extent[i] = (struct pool_range){ (2 + i * 2) * GIB, 64 * MIB };
	line = render(&spec, (struct args_want){ 0 });
	assert_non_null(strstr(line, "pcie-root-port,id=ports-0,chassis=200"));
	assert_non_null(strstr(line, "pcie-root-port,id=ports-1,chassis=201"));
	assert_null(strstr(line, "id=ports-2"));
	assert_non_null(strstr(line, "id=nvm-data-15,memaddr=0x13c000000,"
			       "bus=ports-1,addr=0.7,multifunction=on"));
	g_free(line);
	spec.machine = "pc";
	line = render(&spec, (struct args_want){ 0 });
	assert_null(strstr(line, "bus="));
	g_free(line);
}

static void what_no_machine_has_is_refused(void **state)
{
	static struct pool_range extent[16];
	static struct vm_child child[20];
	static char name[20][8];
	struct vm_spec spec = spec_of(child, 20, VM_REACH_FILE);

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		extent[i] = (struct pool_range){ (2 + i * 2) * GIB, 64 * MIB };
	for (unsigned i = 0; i < 20; i++) {
		child[i] = child_of(extent, 16, POOL_MODE_FSDAX);
		g_snprintf(name[i], sizeof(name[i]), "c%u", i);
		child[i].name = name[i];
	}
	assert_refused(&spec, -ERANGE, "needs 40 PCI ports");
	spec.machine = "pc";
	assert_refused(&spec, -ENOTSUP, "use --machine q35");
	spec.machine = NULL;
	spec.backing.reach = VM_REACH_DEVDAX;
	assert_refused(&spec, -ERANGE, "320 NVDIMM slots");
	spec.child_count = 16;
	free(render(&spec, (struct args_want){ 0 }));
}

static void impossible_children_are_refused(void **state)
{
	static struct pool_range seventeen[17];
	struct pool_range odd = { 257 * MIB, 64 * MIB };
	struct vm_child child = child_of(scattered, 3, POOL_MODE_RAW);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);

	(void)state;
	assert_refused(&spec, -ERANGE, "raw and has 3 extents");
	child = child_of(&odd, 1, POOL_MODE_FSDAX);
	assert_refused(&spec, -ERANGE, "not aligned to 0x200000");
	odd = (struct pool_range){ 256 * MIB, 63 * MIB };
	assert_refused(&spec, -ERANGE, "not aligned to 0x200000");
	odd = (struct pool_range){ 256 * MIB, 64 * MIB };
	spec.backing = (struct vm_backing){ "/dev/dax0.0", VM_REACH_DEVDAX,
					    GIB };
	assert_refused(&spec, -ERANGE, "not aligned to 0x40000000");
	for (unsigned i = 0; i < 17; i++)
		seventeen[i] = (struct pool_range){ (i + 2) * GIB, 64 * MIB };
	child = child_of(seventeen, 17, POOL_MODE_FSDAX);
	assert_refused(&spec, -ERANGE, "has 17 extents");
	child.extent_count = 0;
	assert_refused(&spec, -ERANGE, "has 0 extents");
}

static void devices_that_lie_are_refused_with_the_way_out(void **state)
{
	struct vm_child child = child_of(four_gib, 1, POOL_MODE_DEVDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);

	(void)state;
	assert_refused(&spec, -ENOTSUP, "use --mode fsdax");
	child.mode = POOL_MODE_FSDAX;
	child.device = POOL_DEVICE_VIRTIO_PMEM;
	spec.backing.reach = VM_REACH_DEVDAX;
	assert_refused(&spec, -ENOTSUP, "use --device nvdimm");
}

static void odd_machines_paths_and_ram_are_refused(void **state)
{
	struct vm_child child = child_of(four_gib, 1, POOL_MODE_FSDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);

	(void)state;
	spec.machine = "microvm";
	assert_refused(&spec, -ENOTSUP, "use q35 or pc");
	spec.machine = "q35,accel=kvm";
	assert_refused(&spec, -ENOTSUP, "use q35 or pc");
	spec.machine = "pc-q35-9.0";
	free(render(&spec, (struct args_want){ 0 }));
	spec.backing.path = "/srv/a\nb";
	assert_refused(&spec, -EINVAL, "rename it");
	spec.backing.path = "pool.img";
	assert_refused(&spec, -EINVAL, "not absolute");
	spec.backing.path = "/srv/pool.img";
	spec.ram_bytes = MIB + 1;
	assert_refused(&spec, -EINVAL, "whole MiB");
	spec.ram_bytes = 1ull << 60;
	assert_refused(&spec, -EINVAL, "at most 2048 TiB");
}

static void vmms_without_an_offset_are_refused(void **state)
{
	struct vm_child child = child_of(four_gib, 1, POOL_MODE_FSDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);
	struct vm_plan plan;
	char *text;

	(void)state;
	assert_int_equal(vm_plan_make(&spec, &plan, NULL), 0);
	for (enum vm_format f = VM_FORMAT_CLOUD_HYPERVISOR;
	     vm_format_names[f]; f++) {
		struct args_want want = { .format = f };

		assert_int_equal(args_render(&plan, &want, &text, &failure),
				 -ENOTSUP);
		assert_non_null(strstr(failure.text, vm_format_names[f]));
		assert_non_null(strstr(failure.text, "nvmpool export"));
	}
	vm_plan_free(&plan);
}

/* What a shell makes of the line is what QEMU must get. */
static void odd_paths_survive_the_shells_quoting(void **state)
{
	static const char *const paths[] = {
		"/srv/a b/pool", "/srv/it's", "/srv/a\"b", "/srv/$HOME`id`",
		"/srv/a\\b", "/srv/a,b,,c", "/srv/\xc3\xa4", "/srv/a;b|c&d#*?",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct vm_child child = child_of(four_gib, 1, POOL_MODE_FSDAX);
		struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);
		struct vm_plan plan;
		char *line, **words, **parsed;
		int count;

		spec.backing.path = paths[i];
		line = render(&spec, (struct args_want){ 0 });
		assert_null(strchr(line, '\n'));
		assert_int_equal(vm_plan_make(&spec, &plan, NULL), 0);
		words = args_words(&plan, false);
		assert_true(g_shell_parse_argv(line, &count, &parsed, NULL));
		assert_int_equal(g_strv_equal(
				(const char *const *)(uintptr_t)words,
				(const char *const *)(uintptr_t)parsed), 1);
		g_strfreev(words);
		g_strfreev(parsed);
		g_free(line);
		vm_plan_free(&plan);
	}
}

static void qmp_lines_are_json_and_plug_only_what_is_asked(void **state)
{
	struct vm_child child = child_of(scattered, 3, POOL_MODE_FSDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);
	struct args_want want = { VM_FORMAT_QMP, "data", 2, false };
	char *text, **lines;

	(void)state;
	spec.backing.path = "/srv/a \"b\",c";
	text = render(&spec, want);
	lines = g_strsplit(text, "\n", -1);
	assert_int_equal(g_strv_length(lines), 3);
	assert_string_equal(lines[0], "{\"execute\":\"qmp_capabilities\"}");
	assert_string_equal(lines[1], "{\"execute\":\"object-add\","
		"\"arguments\":{\"qom-type\":\"memory-backend-file\","
		"\"id\":\"mem-data-2\",\"mem-path\":\"/srv/a \\\"b\\\",c\","
		"\"offset\":17179869184,\"size\":1073741824,\"share\":true,"
		"\"align\":2097152}}");
	assert_string_equal(lines[2], "{\"execute\":\"device_add\","
		"\"arguments\":{\"driver\":\"virtio-pmem-pci\","
		"\"id\":\"nvm-data-2\",\"memdev\":\"mem-data-2\","
		"\"memaddr\":4496293888,\"bus\":\"port-data-2\"}}");
	g_strfreev(lines);
	g_free(text);

	struct vm_plan plan;

	want.from_extent = 3;
	assert_int_equal(vm_plan_make(&spec, &plan, NULL), 0);
	assert_int_equal(args_render(&plan, &want, &text, &failure), -ENOENT);
	vm_plan_free(&plan);
}

static void a_path_that_is_not_utf8_is_refused_for_json_and_xml(void **state)
{
	struct vm_child child = child_of(four_gib, 1, POOL_MODE_FSDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);
	struct args_want want = { .format = VM_FORMAT_QMP };
	struct vm_plan plan;
	char *text;

	(void)state;
	spec.backing.path = "/srv/\xff";
	assert_int_equal(vm_plan_make(&spec, &plan, NULL), 0);
	assert_int_equal(args_render(&plan, &want, &text, &failure), -EINVAL);
	want.format = VM_FORMAT_LIBVIRT;
	assert_int_equal(args_render(&plan, &want, &text, &failure), -EINVAL);
	want.format = VM_FORMAT_QEMU;
	assert_int_equal(args_render(&plan, &want, &text, &failure), 0);
	g_free(text);
	vm_plan_free(&plan);
}

static void the_same_spec_gives_the_same_text(void **state)
{
	struct vm_child child = child_of(scattered, 3, POOL_MODE_FSDAX);
	struct vm_spec spec = spec_of(&child, 1, VM_REACH_FILE);

	(void)state;
	for (enum vm_format f = VM_FORMAT_QEMU; f <= VM_FORMAT_LIBVIRT; f++) {
		char *one = render(&spec, (struct args_want){ .format = f });
		char *two = render(&spec, (struct args_want){ .format = f });

		assert_string_equal(one, two);
		g_free(one);
		g_free(two);
	}
}

static void a_line_longer_than_xargs_takes_is_known_as_such(void **state)
{
	char *line = g_strnfill(100000, 'x');

	(void)state;
	assert_false(args_too_long(line));
	g_free(line);
	line = g_strnfill(127 << 10, 'x');
	assert_true(args_too_long(line));
	g_free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_file_becomes_a_virtio_pmem),
		cmocka_unit_test(
			devdax_and_dax_files_become_nvdimms_with_pmem_on),
		cmocka_unit_test(pmem_on_never_stands_with_the_page_cache),
		cmocka_unit_test(what_is_truthful_needs_no_warning),
		cmocka_unit_test(read_only_is_an_unarmed_nvdimm_on_any_backing),
		cmocka_unit_test(extents_follow_each_other_and_children_too),
		cmocka_unit_test(room_to_grow_stays_free_behind_a_child),
		cmocka_unit_test(a_little_room_gets_one_spare_extent),
		cmocka_unit_test(many_virtio_pmem_share_ports),
		cmocka_unit_test(what_no_machine_has_is_refused),
		cmocka_unit_test(impossible_children_are_refused),
		cmocka_unit_test(devices_that_lie_are_refused_with_the_way_out),
		cmocka_unit_test(odd_machines_paths_and_ram_are_refused),
		cmocka_unit_test(vmms_without_an_offset_are_refused),
		cmocka_unit_test(odd_paths_survive_the_shells_quoting),
		cmocka_unit_test(qmp_lines_are_json_and_plug_only_what_is_asked),
		cmocka_unit_test(
			a_path_that_is_not_utf8_is_refused_for_json_and_xml),
		cmocka_unit_test(the_same_spec_gives_the_same_text),
		cmocka_unit_test(a_line_longer_than_xargs_takes_is_known_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
