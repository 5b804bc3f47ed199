// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only
/*
 * attach.c - disks come and go: when told to, through the driver's attributes
 * attach and detach (/sys/bus/nd/drivers/nvmvd), and by itself when something
 * new has come (watch.c asks for a scan).
 *
 * A disk that was detached by hand stays detached until it is attached by hand.
 */
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "nvmvd.h"

struct left_alone {
	struct list_head list;
	uuid_t uuid;
};

/* Disks come and go; taken before any device's lock. */
DEFINE_MUTEX(nvmvd_attach_lock);
static LIST_HEAD(disks);
static LIST_HEAD(alone);
static bool leaving;		/* all of them under nvmvd_attach_lock */

/* ---- leaving alone ------------------------------------------------------------- */

static struct left_alone *alone_find(const uuid_t *uuid)
{
	struct left_alone *one;

	list_for_each_entry(one, &alone, list)
		if (uuid_equal(&one->uuid, uuid))
			return one;
	return NULL;
}

static void alone_set(const uuid_t *uuid)
{
	struct left_alone *one = alone_find(uuid);

	if (!one)
		one = kzalloc(sizeof(*one), GFP_KERNEL);
	else
		return;
	if (!one)
		return;
	one->uuid = *uuid;
	list_add(&one->list, &alone);
}

static void alone_clear(const uuid_t *uuid)
{
	struct left_alone *one = alone_find(uuid);

	if (!one)
		return;
	list_del(&one->list);
	kfree(one);
}

/* ---- attach ---------------------------------------------------------------------- */

static struct nvmvd *disk_find(const uuid_t *uuid)
{
	struct nvmvd *disk;

	list_for_each_entry(disk, &disks, list)
		if (uuid_equal(&disk->uuid, uuid))
			return disk;
	return NULL;
}

/* All of them or none. */
static int places_claim(struct nvmvd_place **place, u32 count)
{
	u32 i;
	int err = 0;

	for (i = 0; i < count && !err; i++) {
		err = nvmvd_place_claim(place[i]);
		if (err)
			pr_info("%s: cannot be had: %s\n", place[i]->name,
				err == -EBUSY ? "in use" : "no");
	}
	if (!err)
		return 0;
	while (i--)
		nvmvd_place_release(place[i]);
	return err;
}

static int places_attach(struct nvmvd_place **place, u32 count)
{
	struct nvmvd *disk;
	u32 i;
	int err = places_claim(place, count);

	if (err)
		return err;
	disk = nvmvd_disk_new(place, count);
	if (IS_ERR(disk)) {
		for (i = 0; i < count; i++)
			nvmvd_place_release(place[i]);
		return PTR_ERR(disk);
	}
	for (i = 0; i < count; i++)
		place[i]->taken = true;
	list_add_tail(&disk->list, &disks);
	return 0;
}

/*
 * -ENODEV: no such disk; -ENOENT: a part of it is missing; -ENOTUNIQ: a copy of
 * a part is there, too.
 */
static int uuid_attach(const struct nvmvd_finds *finds, const uuid_t *uuid)
{
	struct nvmvd_place *place[VD_EXTENTS_MAX];
	u32 whole = 0;
	int count, err;

	if (disk_find(uuid))
		return -EEXIST;
	count = nvmvd_find_disk(finds, uuid, place);
	if (count <= 0)
		return count ? count : -ENODEV;
	err = nvmvd_find_whole(place, count, &whole);
	return err ? err : places_attach(place, whole);
}

static int names_attach(const struct nvmvd_finds *finds, char *words)
{
	struct nvmvd_place *place[VD_EXTENTS_MAX];
	u32 count = 0, whole, i;
	char *word;
	int err;

	while ((word = strsep(&words, " \t\n"))) {
		if (!*word)
			continue;
		for (i = 0; i < finds->count; i++)
			if (nvmvd_place_named(finds->found[i].place, word))
				break;
		if (i == finds->count)
			return -ENODEV;
		if (count == VD_EXTENTS_MAX)
			return -E2BIG;
		place[count++] = finds->found[i].place;
	}
	if (!count)
		return -EINVAL;
	err = nvmvd_find_whole(place, count, &whole);
	if (!err && whole != count)
		err = -NVM_EMEDIUM;
	return err ? err : places_attach(place, count);
}

/* A uuid, or the names of all devices of one disk. */
int nvmvd_attach(const char *words)
{
	char *copy = kstrdup(words, GFP_KERNEL), *text;
	struct nvmvd_finds finds;
	uuid_t uuid;
	int err;

	if (!copy)
		return -ENOMEM;
	text = strim(copy);
	mutex_lock(&nvmvd_attach_lock);
	err = nvmvd_find_all(&finds);
	if (leaving)
		err = -ESHUTDOWN;
	if (!err && strlen(text) == UUID_STRING_LEN &&
	    !uuid_parse(text, &uuid)) {
		err = uuid_attach(&finds, &uuid);
		if (!err)
			alone_clear(&uuid);
	} else if (!err) {
		err = names_attach(&finds, text);
	}
	nvmvd_finds_free(&finds);
	mutex_unlock(&nvmvd_attach_lock);
	kfree(copy);
	return err;
}

/* All disks of which everything is there, nothing is in use. */
void nvmvd_scan(void)
{
	struct nvmvd_finds finds;
	u32 i;

	mutex_lock(&nvmvd_attach_lock);
	nvmvd_find_all(&finds);
	for (i = 0; i < finds.count; i++) {
		const uuid_t *uuid = &finds.found[i].uuid;

		if (!finds.found[i].extent && !finds.found[i].place->taken &&
		    !alone_find(uuid))
			uuid_attach(&finds, uuid);
	}
	nvmvd_finds_free(&finds);
	mutex_unlock(&nvmvd_attach_lock);
}

/* ---- detach ----------------------------------------------------------------------- */

/* Down already, or going down now. */
static int disk_detach(struct nvmvd *disk)
{
	int err;
	u32 i;

	mutex_lock(&nvmvd_disk_lock);
	nvmvd_disk_down(disk);
	mutex_unlock(&nvmvd_disk_lock);
	list_del(&disk->list);
	err = disk->close_err;
	for (i = 0; i < disk->extent_count; i++) {
		nvmvd_place_release(disk->place[i]);
		nvmvd_place_free(disk->place[i]);
	}
	pr_info("%s: detached\n", disk->name);
	nvmvd_disk_put(disk);
	return err;
}

static bool disk_named(const struct nvmvd *disk, const char *word)
{
	uuid_t uuid;

	if (!strncmp(word, "/dev/", 5))
		word += 5;
	return !strcmp(word, disk->name) ||
	       (strlen(word) == UUID_STRING_LEN && !uuid_parse(word, &uuid) &&
		uuid_equal(&uuid, &disk->uuid));
}

/* -EBUSY: it is open. */
int nvmvd_detach(const char *word)
{
	char *copy = kstrdup(word, GFP_KERNEL), *text;
	struct nvmvd *disk;
	int err = -ENODEV;

	if (!copy)
		return -ENOMEM;
	text = strim(copy);
	mutex_lock(&nvmvd_attach_lock);
	list_for_each_entry(disk, &disks, list) {
		if (!disk_named(disk, text))
			continue;
		err = nvmvd_disk_hold(disk);
		if (!err) {
			alone_set(&disk->uuid);
			err = disk_detach(disk);
		}
		break;
	}
	mutex_unlock(&nvmvd_attach_lock);
	kfree(copy);
	return err;
}

/* The module goes, so nothing is open; and nothing is attached any more. */
void nvmvd_detach_last(void)
{
	struct nvmvd *disk, *next;
	struct left_alone *one, *after;

	mutex_lock(&nvmvd_attach_lock);
	leaving = true;
	list_for_each_entry_safe(disk, next, &disks, list)
		disk_detach(disk);
	list_for_each_entry_safe(one, after, &alone, list) {
		list_del(&one->list);
		kfree(one);
	}
	mutex_unlock(&nvmvd_attach_lock);
}

/* ---- what was torn from us ----------------------------------------------------------- */

static void reap(struct work_struct *work)
{
	struct nvmvd *disk, *next;

	mutex_lock(&nvmvd_attach_lock);
	list_for_each_entry_safe(disk, next, &disks, list)
		if (READ_ONCE(disk->down))
			disk_detach(disk);
	mutex_unlock(&nvmvd_attach_lock);
}

static DECLARE_WORK(reap_work, reap);

/* Called with the lock of a device: the rest is for somebody else to do. */
void nvmvd_disk_lost(struct nvmvd *disk)
{
	pr_err("%s: its memory is taken away\n", disk->name);
	nvmvd_disk_down(disk);
	schedule_work(&reap_work);
}

void nvmvd_reap_flush(void)
{
	flush_work(&reap_work);
}
