#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# What all commands have in common: help, options, output, exit statuses.

load common
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "without arguments there is a short help on standard error, and status 2" {
	run --separate-stderr nvmpool
	[ "$status" = 2 ]
	[ -z "$output" ]
	[[ $stderr == "Usage: nvmpool COMMAND"* ]]
}

@test "--version and --help go to standard output" {
	works nvmpool --version
	[[ $output =~ ^nvmpool\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	works nvmpool --help
	[[ $output == "Usage: nvmpool COMMAND"* ]]
	[ -z "$stderr" ]
	works nvmpool help
	[[ $output == "Usage: nvmpool COMMAND"* ]]
}

@test "every command that the help lists has a help of its own" {
	local command count=0

	for command in $(nvmpool --help | awk '/^Commands:/ { on = 1; next }
						!NF { on = 0 } on { print $1 }'); do
		works nvmpool "$command" --help
		[[ $output == "Usage: nvmpool $command "* ]]
		[[ $output == *--help* ]]
		works nvmpool help "$command"
		[[ $output == "Usage: nvmpool $command "* ]]
		run ! grep -nE '.{81}' <<<"$output"
		count=$((count + 1))
	done
	[ "$count" -ge 8 ]
}

@test "a mistyped command or option is met with what was meant" {
	fails 2 "unknown command 'shwo', did you mean 'show'?" nvmpool shwo
	fails 2 "unknown command 'quux'" nvmpool quux
	fails 2 "unknown option '--jsno', did you mean '--json'?" nvmpool list --jsno
	fails 2 "unknown option '-Z'" nvmpool list -Z
	fails 2 "unknown option '--json'; options follow the command" nvmpool --json list
}

@test "missing and superfluous arguments and values are usage errors" {
	fails 2 "missing SIZE" nvmpool carve vm1
	fails 2 "unexpected argument 'more'" nvmpool list more
	fails 2 "option '--pool' needs a value" nvmpool list --pool
	fails 2 "option '-p' needs a value" nvmpool list -p
	fails 2 "option '--json' takes no value" nvmpool list --json=yes
	fails 2 "bad number 'soon' for --wait" nvmpool list --wait soon
	fails 2 "bad number '-1' for --wait" nvmpool list --wait=-1
	fails 2 "too many arguments" nvmpool list {1..65}
}

@test "options and arguments mix, short ones join, -- ends the options" {
	works nvmpool format pool.img --size=64M
	works nvmpool carve -mraw one 4M -ppool
	works nvmpool carve two --mode raw -p pool 4M
	works nvmpool carve --pool=pool --mode=raw -- three 4M
	works nvmpool carve -nj four 4M
	json '.data.dry_run == true and .data.name == "four"'
	fails 2 "bad name '--five'" nvmpool carve -- --five 4M
	works nvmpool list -j
	json '[.data.children[].name] == ["one", "two", "three"]'
}

@test "a failure has an envelope with -j, also for a wrong option" {
	fails_json 3 not-found nvmpool list
	json '.command == "list"'
	fails_json 2 usage nvmpool list --nonsense
	fails_json 2 usage nvmpool carve
	nvmpool format pool.img --size 64M
	fails_json 3 not-found nvmpool show nobody
	json '.error.message | startswith("no child '\''nobody'\''")'
}

@test "a name that is not UTF-8 or would steer the terminal does no harm" {
	run --separate-stderr nvmpool list --pool $'./\xff\e[31m\n'
	[ "$status" = 3 ]
	[ "$(wc -l <<<"$stderr")" = 1 ]
	lacks $'\e' <<<"$stderr"
	run --separate-stderr nvmpool list -j --pool $'./\xff'
	json '.error.code == "not-found"'
}

@test "a full disk below standard output is noticed" {
	nvmpool format pool.img --size 64M
	[ -w /dev/full ] || skip "no /dev/full here"
	run --separate-stderr bash -c 'nvmpool list >/dev/full'
	[ "$status" = 1 ]
	[ "$stderr" = "nvmpool: cannot write standard output: no space left on device" ]
}

@test "a closed pipe ends the tool quietly, by SIGPIPE" {
	nvmpool format pool.img --size 64M
	mkfifo gone
	run --separate-stderr bash -c 'exec 3<>gone 4>gone 3>&-; nvmpool list >&4'
	[ "$status" = 141 ]
	[ -z "$stderr" ]
}

@test "a closed standard output does not become the pool" {
	local before

	nvmpool format pool.img --size 64M
	before=$(sum pool.img)
	run --separate-stderr bash -c 'nvmpool list >&-'
	[ "$status" = 1 ]
	[[ $stderr == *"cannot write standard output: bad file descriptor" ]]
	[ "$before" = "$(sum pool.img)" ]
	run --separate-stderr bash -c 'nvmpool carve a 4M >&- 2>&-'
	[ "$status" = 1 ]
	works nvmpool check
}

@test "standard output that cannot be written does not undo what was done" {
	nvmpool format pool.img --size 64M
	run bash -c 'nvmpool carve a 4M >/dev/full'
	[ "$status" = 1 ]
	works nvmpool show a
}

@test "no colour without a terminal, colour on one, none with NO_COLOR" {
	nvmpool format pool.img --size 64M
	nvmpool carve a 4M
	works nvmpool map
	lacks $'\e' <<<"$output"
	TERM=xterm-256color works script -qec 'nvmpool map' /dev/null
	grep -q $'\e\\[' <<<"$output"
	TERM=xterm-256color NO_COLOR=1 works script -qec 'nvmpool map' /dev/null
	lacks $'\e[' <<<"$output"
}

@test "two commands at once wait for each other" {
	local i

	nvmpool format pool.img --size 64M
	for i in 1 2 3 4 5 6 7 8; do
		nvmpool carve "child$i" 4M >/dev/null 2>"err$i" &
	done
	wait
	works nvmpool list -j
	json '.data.children | length == 8'
	works nvmpool check
}

@test "a lock that stays is status 6 and names the holder" {
	nvmpool format pool.img --size 64M
	in_background flock pool.img sleep 60
	until_true eval '! flock -n pool.img true'
	fails 6 "flock" nvmpool list --wait 0
	fails 6 "flock" nvmpool carve a 4M --wait 0
	fails_json 6 busy nvmpool list --wait 0
	run --separate-stderr nvmpool carve a 4M --wait 1
	[ "$status" = 6 ]
	[[ $stderr == *"waiting for pid "*" (flock) to unlock"* ]]
}

@test "a signal ends the waiting for a lock" {
	nvmpool format pool.img --size 64M
	in_background flock pool.img sleep 60
	until_true eval '! flock -n pool.img true'
	nvmpool carve a 4M --wait 60 2>err &
	local tool=$!
	until_true grep -q waiting err
	kill -TERM "$tool"
	status=0
	wait "$tool" || status=$?
	[ "$status" = 143 ]
}
