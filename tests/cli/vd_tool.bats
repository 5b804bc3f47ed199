#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmvd as a tool: help, mistyped words, completion, manual page.

load common
load vdisk
setup() {
	cli_setup
	ROOT=$BATS_TEST_DIRNAME/../..
}
teardown() { cli_teardown; }

commands() {
	nvmvd --help | awk '/^Commands:/ { on = 1; next } !NF { on = 0 } on { print $1 }'
}

# bash_at LINE: what bash offers at the end of it
bash_at() {
	bash --norc -c '
		. "$1"
		line=${2//=/ = }
		read -ra COMP_WORDS <<<"$line"
		[[ $line != *" " ]] || [[ $2 == *= ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_nvmvd
		printf "%s\n" "${COMPREPLY[@]}"' - "$BUILD/completions/nvmvd" "$1" | sort | xargs
}

@test "every command has a help of its own, in 80 columns, with an example or a reason" {
	local command count=0

	for command in $(commands); do
		works nvmvd "$command" --help
		[[ $output == "Usage: nvmvd $command "* ]]
		run ! grep -nE '.{81}' <<<"$output"
		count=$((count + 1))
	done
	[ "$count" -ge 10 ]
	works nvmvd --version
	[[ $output == "nvmvd "* ]]
}

@test "a mistyped command or option is met with what was meant" {
	fails 2 "unknown command 'exprot', did you mean 'export'?" nvmvd exprot
	fails 2 "unknown option '--extnet', did you mean '--extent'?" nvmvd info d --extnet x
	fails 2 "unknown option '--yes'" nvmvd info d --yes
	fails 2 "missing TARGET; see 'nvmvd info --help'" nvmvd info
	fails 2 "unexpected argument 'b'" nvmvd info a b
	fails 2 "option '--extent' needs a value: PATH" nvmvd info a --extent
	fails 2 "too many --extent, at most 63" nvmvd info a --extent={1..64}
	fails_json 2 usage nvmvd info
}

@test "the copies in completions/ are what the tables give" {
	local file

	for file in nvmvd _nvmvd nvmvd.fish; do
		diff -u "$ROOT/completions/$file" "$BUILD/completions/$file" || {
			echo "run 'make completions'"
			return 1
		}
	done
}

@test "the completion scripts are sound in their shells" {
	shellcheck -s bash "$BUILD/completions/nvmvd"
	zsh -n "$BUILD/completions/_nvmvd"
	fish --no-execute "$BUILD/completions/nvmvd.fish"
}

@test "a target is completed as a child and as a file" {
	nvmpool format pool.img --size 64M >/dev/null
	nvmpool carve alpha 4M >/dev/null
	touch almanac
	[ "$(bash_at 'nvmvd info al')" = "almanac alpha" ]
	[ "$(bash_at 'nvmvd export alpha al')" = "almanac" ]
	[ "$(bash_at 'nvmvd info x --extent al')" = "almanac" ]
	[ "$(bash_at 'nvmvd create x --policy ')" = "adaptive mbsa none" ]
	[ "$(bash_at 'nvmvd trim x --guard p')" = "pkey" ]
	[ "$(bash_at 'nvmvd read x 4')" = "4G 4K 4M 4T" ]
	[ "$(HOME=$PWD fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
		"$BUILD/completions/nvmvd.fish" "nvmvd info al" | cut -f1 | sort | xargs)" = "almanac alpha" ]
}

@test "the manual page is sound, and has every command, option and exit status" {
	local command option text number

	mandoc -T lint -W warning "$BUILD/man/nvmvd.1"
	text=$(mandoc -T ascii "$BUILD/man/nvmvd.1" | col -bx)
	for command in $(commands); do
		grep -q "^   $command$" <<<"$text" || { echo "no $command"; return 1; }
		for option in $(nvmvd "$command" --help | grep -oE '^  +(-[a-z], )?--[a-z-]+' |
			grep -oE -- '--[a-z-]+'); do
			sed -n "/^   $command$/,/^   [a-z]/p" <<<"$text" | grep -q -- "$option" ||
				{ echo "no $option of $command"; return 1; }
		done
	done
	for number in $(grep -oE '= [0-9]+' "$ROOT/cli/exit.h" | grep -oE '[0-9]+'); do
		sed -n '/^EXIT STATUS/,/^EXAMPLES/p' <<<"$text" | grep -qE "^     $number( |$)" ||
			{ echo "no $number"; return 1; }
	done
}

@test "a full disk below standard output is noticed" {
	[ -w /dev/full ] || skip "no /dev/full here"
	disk disk.img 16
	run --separate-stderr bash -c 'nvmvd info disk.img >/dev/full'
	[ "$status" = 1 ]
	[ "$stderr" = "nvmvd: cannot write standard output: no space left on device" ]
}

@test "no colour without a terminal, colour on one, none with NO_COLOR" {
	disk disk.img 16
	head -c 2M /dev/urandom | nvmvd import disk.img 2>/dev/null
	works nvmvd map disk.img
	lacks $'\e' <<<"$output"
	TERM=xterm-256color works script -qec 'nvmvd map disk.img' /dev/null
	grep -q $'\e\\[' <<<"$output"
	TERM=xterm-256color NO_COLOR=1 works script -qec 'nvmvd map disk.img' /dev/null
	lacks $'\e[' <<<"$output"
}

@test "every answer with -j is one envelope" {
	disk disk.img 16
	local command words

	for command in info check map "map --blocks" "resize 16M" "trim 0 4K" "import /dev/null" "export out"; do
		read -ra words <<<"$command"
		works nvmvd "${words[0]}" disk.img "${words[@]:1}" -j
		json ".command == \"${words[0]}\" and .data.target == \"disk.img\""
	done
}
