/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fail.c - from what the core and the hosted layer return to one clear line
 * and an exit status.  The only place that knows which error is which status.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/size.h"
#include "cli/talk.h"
#include "hosted/failure.h"

int fail_status(int err)
{
	switch (-err) {
	case ENOENT:
	case ENXIO:
	case ENODEV:
		return EXIT_NOT_FOUND;
	case NVM_EINTR:
		return signals_caught() ? EXIT_SIGNAL + signals_caught() :
					  EXIT_FAILED;
	case NVM_EBUSY:
	case ETXTBSY:
	case EAGAIN:
		return EXIT_BUSY;
	case NVM_EEXIST:
		return EXIT_EXISTS;
	case NVM_EINVAL:
		return EXIT_USAGE;
	case NVM_ENOSPC:
	case NVM_ERANGE:
	case NVM_EFRAG:
	case EDQUOT:
	case EFBIG:
		return EXIT_NO_SPACE;
	case NVM_EPERM:
	case NVM_EROFS:
	case EACCES:
		return EXIT_DENIED;
	case NVM_EPROTO:
	case NVM_EMEDIUM:
		return EXIT_NOT_POOL;
	case NVM_EBADMSG:
		return EXIT_DAMAGED;
	case EOPNOTSUPP:
		return EXIT_UNSUPPORTED;
	}
	return EXIT_FAILED;
}

void fault_text(const struct nvm_fault *fault, char *buf, size_t buf_bytes)
{
	if (!fault || !fault->what)
		snprintf(buf, buf_bytes, "metadata");
	else
		snprintf(buf, buf_bytes, "%s %" PRIu64 " at byte 0x%" PRIx64,
			 fault->what, fault->index, fault->offset);
}

/* The part behind "cannot ...: ". */
static void reason_text(int err, const struct nvm_fault *fault, char *buf,
			size_t buf_bytes)
{
	char where[128], a[SIZE_TEXT_BYTES], b[SIZE_TEXT_BYTES];
	bool has_fault = fault && fault->what;
	bool counts = has_fault && fault->expected && fault->expected >
		      fault->found;

	fault_text(fault, where, sizeof(where));
	switch (-err) {
	case NVM_EINTR:
		if (signals_caught())
			snprintf(buf, buf_bytes, "interrupted by signal %d (%s)",
				 signals_caught(),
				 sigdescr_np(signals_caught()));
		else
			snprintf(buf, buf_bytes, "interrupted");
		return;
	case NVM_ENOSPC:
		if (has_fault && strcmp(fault->what, "NAT") == 0)
			snprintf(buf, buf_bytes, "the pool has no room for "
				 "another child");
		else if (counts)
			snprintf(buf, buf_bytes, "no space: %s needed, %s free",
				 size_text(fault->expected, a),
				 size_text(fault->found, b));
		else
			snprintf(buf, buf_bytes, "no space left on the pool or "
				 "the file system below it");
		return;
	case NVM_EFRAG:
		snprintf(buf, buf_bytes, "there is enough free space, but in "
			 "too many pieces; 'nvmpool compact' joins them");
		return;
	case NVM_EMEDIUM:
		snprintf(buf, buf_bytes, "not a pool; 'nvmpool format' makes "
			 "one");
		return;
	case NVM_EPROTO:
		if (has_fault && strcmp(fault->what, "ro-compat features") == 0)
			snprintf(buf, buf_bytes, "the pool has features newer "
				 "than this program knows (%s: 0x%" PRIx64
				 "), which allow reading only", fault->what,
				 fault->found);
		else if (has_fault)
			snprintf(buf, buf_bytes, "the pool's format is newer "
				 "than this program knows (%s: %" PRIu64
				 ", known: %" PRIu64 ")", fault->what,
				 fault->found, fault->expected);
		else
			snprintf(buf, buf_bytes, "the pool's format is newer "
				 "than this program knows");
		return;
	case NVM_EBADMSG:
		if (has_fault && strcmp(fault->what, "journal") == 0)
			snprintf(buf, buf_bytes, "the journal is damaged, the "
				 "pool can only be read; 'nvmpool check "
				 "--repair' mends it");
		else if (has_fault && strcmp(fault->what, "GMB") == 0)
			snprintf(buf, buf_bytes, "%s is damaged in every copy, "
				 "and with it the pool; bring a backup of it "
				 "back, or 'nvmpool format --force' makes a "
				 "new one", where);
		else
			snprintf(buf, buf_bytes, "%s is damaged in every copy; "
				 "'nvmpool check' tells what is left", where);
		return;
	case NVM_EIO:
		if (has_fault)
			snprintf(buf, buf_bytes, "cannot read or write %s "
				 "(bad block, or the file was cut short)",
				 where);
		else
			snprintf(buf, buf_bytes, "the media could not be read "
				 "or written (bad block, or the file was cut "
				 "short)");
		return;
	}
	snprintf(buf, buf_bytes, "%s%s%s%s", nvm_strerror(err),
		 has_fault ? " (" : "", has_fault ? where : "",
		 has_fault ? ")" : "");
}

int fail_nvm(struct cli *cli, int err, const struct nvm_fault *fault,
	     const char *fmt, ...)
{
	char what[512], reason[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	reason_text(err, fault, reason, sizeof(reason));
	return cli_fail(cli, fail_status(err), "%s: %s", what, reason);
}

int fail_hosted(struct cli *cli, int err, const struct failure *failure)
{
	return cli_fail(cli, fail_status(err), "%s", failure->text);
}
