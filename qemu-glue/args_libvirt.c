/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * args_libvirt.c - a plan as a complete, minimal libvirt domain.
 *
 * libvirt's <memory> element knows no offset into its file, so the devices
 * are handed through in <qemu:commandline>, with the same words as on QEMU's
 * own command line.  What libvirt must know is in its own elements: name,
 * RAM, machine.  -machine and -m are merged by QEMU with what libvirt writes
 * itself: nvdimm=on, slots and maxmem are added there.
 */
#include "qemu-glue/args_formats.h"

#include <errno.h>
#include <inttypes.h>
#include <libxml/xmlwriter.h>
#include <string.h>

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

#define X(text) ((const xmlChar *)(text))

static void element_text(xmlTextWriterPtr xml, const char *name,
			 const char *text)
{
	xmlTextWriterWriteElement(xml, X(name), X(text));
}

static void element_begin(xmlTextWriterPtr xml, const char *name)
{
	xmlTextWriterStartElement(xml, X(name));
}

static void element_end(xmlTextWriterPtr xml)
{
	xmlTextWriterEndElement(xml);
}

static void attribute(xmlTextWriterPtr xml, const char *name,
		      const char *value)
{
	xmlTextWriterWriteAttribute(xml, X(name), X(value));
}

static void write_os(xmlTextWriterPtr xml, const struct vm_plan *plan)
{
	element_begin(xml, "os");
	element_begin(xml, "type");
	attribute(xml, "arch", "x86_64");
	attribute(xml, "machine", plan->machine);
	xmlTextWriterWriteString(xml, X("hvm"));
	element_end(xml);
	element_end(xml);
	/* Without ACPI no guest would see an NVDIMM. */
	element_begin(xml, "features");
	element_begin(xml, "acpi");
	element_end(xml);
	element_end(xml);
}

static void write_commandline(xmlTextWriterPtr xml, const struct vm_plan *plan)
{
	char **words = args_words(plan, true);

	element_begin(xml, "qemu:commandline");
	for (char **word = words; *word; word++) {
		bool machine = word > words && !strcmp(word[-1], "-machine");

		/* The type is libvirt's; only what it does not say is ours. */
		if (machine && !plan->nvdimm)
			continue;
		if (!strcmp(*word, "-machine") && !plan->nvdimm)
			continue;
		element_begin(xml, "qemu:arg");
		attribute(xml, "value", machine ? "nvdimm=on" : *word);
		element_end(xml);
	}
	element_end(xml);
	g_strfreev(words);
}

static void write_domain(xmlTextWriterPtr xml, const struct vm_plan *plan,
			 bool kvm)
{
	char ram[32];

	element_begin(xml, "domain");
	attribute(xml, "type", kvm ? "kvm" : "qemu");
	attribute(xml, "xmlns:qemu", QEMU_NAMESPACE);
	element_text(xml, "name", plan->spec->name);
	snprintf(ram, sizeof(ram), "%" PRIu64, plan->ram_bytes >> 10);
	element_begin(xml, "memory");
	attribute(xml, "unit", "KiB");
	xmlTextWriterWriteString(xml, X(ram));
	element_end(xml);
	element_text(xml, "vcpu", "1");
	write_os(xml, plan);
	element_begin(xml, "devices");
	element_begin(xml, "console");
	attribute(xml, "type", "pty");
	element_end(xml);
	element_end(xml);
	write_commandline(xml, plan);
	element_end(xml);
}

int args_libvirt(const struct vm_plan *plan, const struct args_want *want,
		 char **ret_text, struct failure *failure)
{
	xmlBufferPtr buffer = xmlBufferCreate();
	xmlTextWriterPtr xml = buffer ? xmlNewTextWriterMemory(buffer, 0)
				      : NULL;
	int err = 0;

	if (!xml) {
		xmlBufferFree(buffer);
		return failure_set(failure, -ENOMEM, "out of memory");
	}
	xmlTextWriterSetIndent(xml, 1);
	xmlTextWriterSetIndentString(xml, X("  "));
	write_domain(xml, plan, want->kvm);
	if (xmlTextWriterEndDocument(xml) < 0)
		err = failure_set(failure, -ENOMEM,
				  "cannot write the domain's XML");
	xmlFreeTextWriter(xml);
	if (!err) {
		*ret_text = g_strdup((const char *)xmlBufferContent(buffer));
		g_strchomp(*ret_text);
	}
	xmlBufferFree(buffer);
	return err;
}
