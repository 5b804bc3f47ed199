# SPDX-License-Identifier: BSD-3-Clause
#
# tap.awk - judge what one test program said (TAP on standard input).
#
# Variables: suite, its name; status, how it ended.  Prints a line per failure
# (with what was said before or behind it) and per skip (with its reason), then
#
#	COUNT passed failed skipped
#
# A program without TAP is one test by its exit status.  One that stops before
# its plan is fulfilled, or ends badly after nothing but "ok", has failed.
function fail(text) { failed++; print "FAIL " suite ": " text; }
/^1\.\.[0-9]+/ { split($1, p, /\.\./); plan = p[2]; planned = 1; next }
/^(not )?ok( |$)/ {
	seen++; bad = /^not /
	name = $0; sub(/^(not )?ok *[0-9]* *-? */, "", name)
	if (match(tolower(name), /# skip/)) {
		skipped++
		reason = substr(name, RSTART + 7); name = substr(name, 1, RSTART - 2)
		if (name == "") { name = reason; reason = last }	# cmocka
		sub(/^[# ]*(skipped|SKIP): */, "", reason)
		print "SKIP " suite ": " name ": " (reason == "" ? "no reason given" : reason)
		before = last = ""; show = 0; next
	}
	if (bad) {
		fail(name)
		printf "%s", before
	} else {
		passed++
	}
	before = last = ""; show = bad; next
}
/^Bail out!/ { fail($0); next }
show { print "     " $0; next }
{ before = before "     " $0 "\n"; last = $0 }
END {
	if (!seen && !planned) {
		if (status == 0) passed = 1; else fail("ended with status " status)
	} else {
		if (!planned) fail("no plan: it may have stopped early")
		else if (plan != seen) fail("planned " plan " tests, ran " seen)
		if (status != 0 && !failed) fail("ended with status " status)
	}
	printf "COUNT %d %d %d\n", passed, failed, skipped
}
