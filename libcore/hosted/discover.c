/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * discover.c - NVDIMM namespaces through libndctl (discover.h).
 *
 * Each call opens a library context of its own and closes it again: what it
 * says is a picture of sysfs at that moment, not kept.
 */
#include "hosted/discover.h"

#include <daxctl/libdaxctl.h>
#include <errno.h>
#include <fcntl.h>
#include <ndctl/libndctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What sits between a namespace and its device node. */
struct namespace_stack {
	struct ndctl_namespace *ns;
	struct ndctl_region *region;
	struct ndctl_pfn *pfn;		/* fsdax, or NULL */
	struct ndctl_dax *dax;		/* devdax, or NULL */
	struct ndctl_btt *btt;		/* sector, or NULL */
};

static void stack_of(struct ndctl_namespace *ns, struct namespace_stack *stack)
{
	stack->ns = ns;
	stack->region = ndctl_namespace_get_region(ns);
	stack->pfn = ndctl_namespace_get_pfn(ns);
	stack->dax = ndctl_namespace_get_dax(ns);
	stack->btt = ndctl_namespace_get_btt(ns);
}

/* The kernel's name of the node to open: "pmem0", "dax0.0", or "". */
static const char *stack_device(const struct namespace_stack *stack)
{
	struct daxctl_region *region;
	struct daxctl_dev *dev;
	const char *name = NULL;

	if (stack->dax) {
		region = ndctl_dax_get_daxctl_region(stack->dax);
		dev = region ? daxctl_dev_get_first(region) : NULL;
		name = dev ? daxctl_dev_get_devname(dev) : NULL;
	} else if (stack->btt) {
		name = ndctl_btt_get_block_device(stack->btt);
	} else if (stack->pfn) {
		name = ndctl_pfn_get_block_device(stack->pfn);
	} else {
		name = ndctl_namespace_get_block_device(stack->ns);
	}
	return name ? name : "";
}

static enum namespace_domain domain_of(struct ndctl_region *region)
{
	switch (ndctl_region_get_persistence_domain(region)) {
	case PERSISTENCE_NONE:
		return DOMAIN_NONE;
	case PERSISTENCE_MEM_CTRL:
		return DOMAIN_MEMORY;
	case PERSISTENCE_CPU_CACHE:
		return DOMAIN_CACHE;
	default:
		return DOMAIN_UNKNOWN;
	}
}

static enum namespace_mode mode_of(struct ndctl_namespace *ns)
{
	switch (ndctl_namespace_get_mode(ns)) {
	case NDCTL_NS_MODE_FSDAX:
		return NAMESPACE_FSDAX;
	case NDCTL_NS_MODE_SECTOR:
		return NAMESPACE_SECTOR;
	case NDCTL_NS_MODE_RAW:
		return NAMESPACE_RAW;
	case NDCTL_NS_MODE_DEVDAX:
		return NAMESPACE_DEVDAX;
	default:
		return NAMESPACE_UNKNOWN;
	}
}

static void stack_describe(const struct namespace_stack *stack,
			   struct namespace_info *info)
{
	*info = (struct namespace_info){ .numa_node = -1 };
	snprintf(info->name, sizeof(info->name), "%s",
		 ndctl_namespace_get_devname(stack->ns));
	snprintf(info->region, sizeof(info->region), "%s",
		 ndctl_region_get_devname(stack->region));
	snprintf(info->device, sizeof(info->device), "%s",
		 stack_device(stack));
	info->mode = mode_of(stack->ns);
	info->domain = domain_of(stack->region);
	info->numa_node = ndctl_namespace_get_numa_node(stack->ns);
	info->size_bytes = ndctl_namespace_get_size(stack->ns);
	info->read_only = ndctl_region_get_ro(stack->region) > 0;
	if (stack->dax && ndctl_dax_has_align(stack->dax))
		info->align_bytes = ndctl_dax_get_align(stack->dax);
	else if (stack->pfn && ndctl_pfn_has_align(stack->pfn))
		info->align_bytes = ndctl_pfn_get_align(stack->pfn);
}

/*
 * The region's bad blocks count from the region; the device begins somewhere
 * behind its start (labels, info block, page structs).
 */
static int stack_bad_ranges(const struct namespace_stack *stack,
			    struct pool_range **ret_bad, size_t *ret_count)
{
	unsigned long long region_start, start, size;
	struct pool_range *bad = NULL;
	struct badblock *block;
	size_t count = 0;

	region_start = ndctl_region_get_resource(stack->region);
	if (stack->dax) {
		start = ndctl_dax_get_resource(stack->dax);
		size = ndctl_dax_get_size(stack->dax);
	} else if (stack->pfn) {
		start = ndctl_pfn_get_resource(stack->pfn);
		size = ndctl_pfn_get_size(stack->pfn);
	} else {
		start = ndctl_namespace_get_resource(stack->ns);
		size = ndctl_namespace_get_size(stack->ns);
	}
	if (region_start == ULLONG_MAX || start == ULLONG_MAX ||
	    size == ULLONG_MAX || start < region_start)
		return -EACCES;	/* the kernel shows addresses to root only */
	ndctl_region_badblock_foreach(stack->region, block) {
		uint64_t from = region_start + block->offset * 512;
		uint64_t to = from + (uint64_t)block->len * 512;
		struct pool_range *more;

		from = from < start ? start : from;
		to = to > start + size ? start + size : to;
		if (from >= to)
			continue;
		more = realloc(bad, (count + 1) * sizeof(*bad));
		if (!more) {
			free(bad);
			return -ENOMEM;
		}
		bad = more;
		bad[count++] = (struct pool_range){ from - start, to - from };
	}
	*ret_bad = bad;
	*ret_count = count;
	return 0;
}

/*
 * Visit the namespaces until one has this name ("namespace0.0") or this
 * device ("pmem0").
 */
static bool stack_search(struct ndctl_ctx *ctx, const char *name,
			 const char *device, struct namespace_stack *ret_stack)
{
	struct ndctl_namespace *ns;
	struct ndctl_region *region;
	struct ndctl_bus *bus;

	ndctl_bus_foreach(ctx, bus) {
		ndctl_region_foreach(bus, region) {
			ndctl_namespace_foreach(region, ns) {
				struct namespace_stack stack;

				stack_of(ns, &stack);
				if (name ? strcmp(name,
					ndctl_namespace_get_devname(ns)) :
				    strcmp(device, stack_device(&stack)))
					continue;
				*ret_stack = stack;
				return true;
			}
		}
	}
	return false;
}

int namespace_find(const char *device, struct namespace_info *ret_info,
		   struct pool_range **ret_bad, size_t *ret_bad_count,
		   struct failure *failure)
{
	struct namespace_stack stack;
	struct ndctl_ctx *ctx;
	int err;

	err = ndctl_new(&ctx);
	if (err)
		return failure_errno(failure, err, "cannot use libndctl");
	if (!stack_search(ctx, NULL, device, &stack)) {
		ndctl_unref(ctx);
		return failure_set(failure, -ENOENT,
				   "no NVDIMM namespace is below '%s'", device);
	}
	if (ret_bad) {
		*ret_bad = NULL;
		*ret_bad_count = 0;
		err = stack_bad_ranges(&stack, ret_bad, ret_bad_count);
		if (err && err != -EACCES) {
			ndctl_unref(ctx);
			return failure_errno(failure, err,
				"cannot read the bad blocks of '%s'", device);
		}
	}
	stack_describe(&stack, ret_info);
	ndctl_unref(ctx);
	return 0;
}

/* Give the namespace to the region's idle dax device and start that. */
static int stack_start_dax(const struct namespace_stack *stack,
			   unsigned long align)
{
	struct ndctl_dax *dax = ndctl_region_get_dax_seed(stack->region);
	uuid_t uuid;
	FILE *random;
	int err;

	if (!dax)
		return -EOPNOTSUPP;
	random = fopen("/dev/urandom", "re");
	if (!random)
		return -errno;
	err = fread(uuid, sizeof(uuid), 1, random) == 1 ? 0 : -EIO;
	fclose(random);
	if (err)
		return err;
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	err = ndctl_dax_set_uuid(dax, uuid);
	if (!err)
		err = ndctl_dax_set_location(dax, NDCTL_PFN_LOC_PMEM);
	if (!err && ndctl_dax_has_align(dax))
		err = ndctl_dax_set_align(dax, align);
	if (!err)
		err = ndctl_dax_set_namespace(dax, stack->ns);
	if (!err)
		err = ndctl_dax_enable(dax);
	return err;
}

/*
 * With the namespace raw for a moment, overwrite the info block of its former
 * mode (at +4 KiB), which the kernel would otherwise find again.
 */
static int stack_erase_info(const struct namespace_stack *stack)
{
	static const char zeros[8192];
	char path[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/dev/%s",
		 ndctl_namespace_get_block_device(stack->ns));
	fd = open(path, O_WRONLY | O_CLOEXEC | O_EXCL);
	if (fd < 0)
		return -errno;
	if (pwrite(fd, zeros, sizeof(zeros), 0) != (ssize_t)sizeof(zeros))
		err = errno ? -errno : -EIO;
	if (!err && fsync(fd))
		err = -errno;
	close(fd);
	return err;
}

static int stack_to_devdax(struct namespace_stack *stack,
			   struct failure *failure)
{
	const char *name = ndctl_namespace_get_devname(stack->ns);
	int err;

	/* Refuses when a block device of it is mounted or held. */
	err = ndctl_namespace_disable_safe(stack->ns);
	if (err < 0)
		return failure_errno(failure, err, "cannot stop '%s'", name);
	/* Not every kernel and kind of namespace enforces a mode. */
	ndctl_namespace_set_enforce_mode(stack->ns, NDCTL_NS_MODE_RAW);
	ndctl_namespace_set_raw_mode(stack->ns, 1);
	err = ndctl_namespace_enable(stack->ns);
	if (err >= 0)
		err = stack_erase_info(stack);
	ndctl_namespace_disable_invalidate(stack->ns);
	ndctl_namespace_set_raw_mode(stack->ns, 0);
	if (err < 0)
		return failure_errno(failure, err,
			"cannot erase the info block of '%s'", name);
	ndctl_namespace_set_enforce_mode(stack->ns, NDCTL_NS_MODE_DEVDAX);
	err = stack_start_dax(stack, 2ul << 20);
	if (err)
		return failure_errno(failure, err,
			"cannot make a devdax device of '%s'", name);
	return 0;
}

int namespace_to_devdax(const char *name, char *ret_path,
			size_t ret_path_len, struct failure *failure)
{
	struct namespace_stack stack;
	struct ndctl_ctx *ctx;
	int err;

	err = ndctl_new(&ctx);
	if (err)
		return failure_errno(failure, err, "cannot use libndctl");
	if (!stack_search(ctx, name, NULL, &stack)) {
		err = failure_set(failure, -ENOENT, "no namespace '%s'", name);
	} else if (mode_of(stack.ns) != NAMESPACE_DEVDAX) {
		err = stack_to_devdax(&stack, failure);
		/* What is there now is seen by a new context only. */
		ndctl_unref(ctx);
		if (err)
			return err;
		err = ndctl_new(&ctx);
		if (err)
			return failure_errno(failure, err,
					     "cannot use libndctl");
		if (!stack_search(ctx, name, NULL, &stack) ||
		    !*stack_device(&stack))
			err = failure_set(failure, -EIO,
				"'%s' was made devdax, but has no device",
				name);
	}
	if (!err)
		snprintf(ret_path, ret_path_len, "/dev/%s",
			 stack_device(&stack));
	ndctl_unref(ctx);
	return err;
}

const char *namespace_mode_name(enum namespace_mode mode)
{
	switch (mode) {
	case NAMESPACE_RAW:
		return "raw";
	case NAMESPACE_FSDAX:
		return "fsdax";
	case NAMESPACE_DEVDAX:
		return "devdax";
	case NAMESPACE_SECTOR:
		return "sector";
	case NAMESPACE_UNKNOWN:
		break;
	}
	return "unknown";
}

const char *namespace_domain_name(enum namespace_domain domain)
{
	switch (domain) {
	case DOMAIN_NONE:
		return "none";
	case DOMAIN_MEMORY:
		return "memory controller";
	case DOMAIN_CACHE:
		return "cpu cache";
	case DOMAIN_UNKNOWN:
		break;
	}
	return "unknown";
}
