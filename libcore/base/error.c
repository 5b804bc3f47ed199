// SPDX-License-Identifier: BSD-3-Clause
/*
 * error.c - the texts of enum nvm_err.  Static, lower case, no full stop.
 */
#include "base/error.h"

const char *nvm_strerror(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:			return "success";
	case NVM_EPERM:		return "not allowed on a pool open for reading";
	case NVM_ENOENT:	return "no such child";
	case NVM_EINTR:		return "interrupted";
	case NVM_EIO:		return "the media could not be read or written";
	case NVM_ENOMEM:	return "not enough memory";
	case NVM_EBUSY:		return "in use";
	case NVM_EEXIST:	return "the name is taken";
	case NVM_EINVAL:	return "invalid argument";
	case NVM_ENOSPC:	return "not enough space";
	case NVM_EROFS:		return "the media is read-only";
	case NVM_ERANGE:	return "a size that is not possible here";
	case NVM_EPROTO:	return "a newer format than this version knows";
	case NVM_EBADMSG:	return "damaged metadata";
	case NVM_EMEDIUM:	return "neither a pool nor a virtual disk";
	case NVM_EFRAG:		return "free space is in too many pieces";
	default:		return "unknown error";
	}
}
