# SPDX-License-Identifier: BSD-3-Clause
#
# exports.awk - what public headers declare, one name a line: the functions and
# variables that libnvmpool exports.  Inline functions, types and macros are
# none.  Relies on the house style: a declaration begins in the first column.
#
#	awk -f exports.awk HEADER...

FNR == 1 { comment = 0; depth = 0; text = "" }

/^[ \t]*#/ || continued {
	continued = /\\$/
	# A comment behind it may go on.
	if (!comment && $0 ~ /\/\*/ && $0 !~ /\*\//)
		comment = 1
	next
}

{
	line = $0
	gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, "", line)
	if (comment) {
		if (line !~ /\*\//)
			next
		sub(/^.*\*\//, "", line)
		comment = 0
	}
	if (line ~ /\/\*/) {
		sub(/\/\*.*$/, "", line)
		comment = 1
	}
	count = split(line, char, "")
	for (i = 1; i <= count; i++) {
		if (char[i] == "{")
			depth++
		else if (char[i] == "}" && !--depth)
			body = 1
		else if (depth)
			continue
		else if (char[i] == ";") {
			declared(text)
			text = ""
		} else {
			# What follows a body is another declaration, but for
			# those of types, which end in a semicolon.
			text = text char[i]
		}
		if (body) {
			text = text ~ /\)[ \t]*$/ ? "" : text "{}"
			body = 0
		}
	}
	text = text " "
}

# A declaration without its semicolon: the name before the first parenthesis,
# or of a variable.
function declared(it) {
	gsub(/__attribute__[ \t]*\(\(.*\)\)/, "", it)
	if (it ~ /^[ \t]*(static|typedef|_Static_assert|FIELD_AT)/ || it ~ /{}/)
		return
	if (it ~ /\(/)
		sub(/[ \t]*\(.*$/, "", it)
	else if (it ~ /^[ \t]*extern/)
		sub(/(\[.*)?[ \t]*$/, "", it)
	else
		return
	sub(/^.*[^A-Za-z0-9_]/, "", it)
	print it
}
