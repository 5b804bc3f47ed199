#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# Completion, in each of the real shells, and the manual pages: both come from
# the option tables.

load common
setup() {
	cli_setup
	ROOT=$BATS_TEST_DIRNAME/../..
	nvmpool format pool.img --size 64M >/dev/null
	nvmpool carve alpha 4M >/dev/null
	nvmpool carve almond 4M >/dev/null
	nvmpool carve beta 4M >/dev/null
}
teardown() { cli_teardown; }

# bash_at LINE: what bash offers at the end of it.  readline's words are made
# the way bash does it for a program: "=" stands alone.
bash_at() {
	bash --norc -c '
		. "$1"
		line=${2//=/ = }
		read -ra COMP_WORDS <<<"$line"
		[[ $line != *" " ]] || [[ $2 == *= ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_nvmpool
		printf "%s\n" "${COMPREPLY[@]}"' - "$BUILD/completions/nvmpool" "$1" | sort | xargs
}

# fish_at LINE: what fish offers, without the descriptions
fish_at() {
	HOME=$PWD fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
		"$BUILD/completions/nvmpool.fish" "$1" | cut -f1 | sort | xargs
}

# zsh_at LINE: the list that a real interactive zsh shows for a Tab
zsh_at() {
	mkdir -p fpath
	cp "$BUILD/completions/_nvmpool" fpath/
	ZDOTDIR=$PWD zsh -f -c '
		zmodload zsh/zpty
		zpty shell "PS1=READY TERM=dumb zsh -f -i"
		wait_for() { zpty -r shell seen "*$1*" }
		zpty -w shell "fpath=($PWD/fpath \$fpath); autoload -U compinit; compinit -D -u"
		zpty -w shell "setopt list_rows_first; LISTMAX=0; zstyle \":completion:*\" list-grouped no"
		# every match as it is added, instead of a menu to be parsed
		zpty -w shell "zstyle \":completion:*\" verbose no; unsetopt auto_menu always_last_prompt"
		zpty -w shell "show() { compadd() { builtin compadd -A found \"\$@\"; print -rl -- MATCH:\${^found} >>$PWD/matches; builtin compadd \"\$@\" }; _main_complete; print -r -- END >>$PWD/matches }; zle -C show complete-word show; bindkey \"^X\" show"
		rm -f matches
		zpty -n -w shell "$1"$'"'\\x18'"'
		integer i
		for ((i = 0; i < 100; i++)); do
			zpty -rt shell seen
			[[ -e matches ]] && grep -q END matches && break
			sleep 0.1
		done
		zpty -d shell' - "$1"
	sed -n 's/^MATCH://p' matches | sort -u | xargs
}

# offers LINE WORDS: all three shells offer exactly these
offers() {
	local shell got

	for shell in bash fish zsh; do
		got=$("${shell}_at" "$1")
		if [ "$got" != "$2" ]; then
			echo "$shell at '$1': '$got' instead of '$2'"
			return 1
		fi
	done
}

@test "the copies in completions/ are what the tables give" {
	local file

	for file in nvmpool _nvmpool nvmpool.fish; do
		diff -u "$ROOT/completions/$file" "$BUILD/completions/$file" || {
			echo "run 'make completions'"
			return 1
		}
	done
}

@test "the scripts are sound in their shells" {
	shellcheck -s bash "$BUILD/completions/nvmpool"
	zsh -n "$BUILD/completions/_nvmpool"
	fish --no-execute "$BUILD/completions/nvmpool.fish"
}

@test "bash registers the completion for nvmpool" {
	works bash --norc -c '. "$1"; complete -p nvmpool' - "$BUILD/completions/nvmpool"
	[ "$output" = "complete -F _nvmpool nvmpool" ]
}

@test "subcommands" {
	offers 'nvmpool sh' show
	offers 'nvmpool re' "$(nvmpool --help | awk '$1 ~ /^re/ { print $1 }' | sort | xargs)"
}

@test "options" {
	offers 'nvmpool carve --mo' --mode
	offers 'nvmpool carve x --p' --pool
	offers 'nvmpool release --keep' --keep-dirty
}

@test "the words of an option, behind a space and behind =" {
	offers 'nvmpool carve --mode d' devdax
	[ "$(bash_at 'nvmpool carve --mode=')" = "devdax fsdax raw" ]
	[ "$(bash_at 'nvmpool carve --mode=f')" = fsdax ]
	[ "$(fish_at 'nvmpool carve --mode=f')" = --mode=fsdax ]
	[ "$(bash_at 'nvmpool carve -m f')" = fsdax ]
}

@test "children, where a child is wanted" {
	offers 'nvmpool show al' 'almond alpha'
	offers 'nvmpool release --yes b' beta
	offers 'nvmpool rename --pool pool.img a' 'almond alpha'
	[ "$(bash_at 'nvmpool rename alpha be')" = '' ]
	[ "$(fish_at 'nvmpool rename alpha be')" = '' ]
}

@test "VMs, where a VM is wanted" {
	nvmpool assign vmx 16M
	nvmpool assign vmx 8M --name more
	offers 'nvmpool args vm' vmx
	offers 'nvmpool list --vm vm' vmx
}

@test "children of the pool on the line, not of another" {
	nvmpool format other.img --size 64M
	nvmpool carve other-child 4M --pool other
	offers 'nvmpool show --pool other o' other-child
	[ "$(bash_at 'nvmpool show --pool=other o')" = other-child ]
	[ "$(fish_at 'nvmpool show --pool=other o')" = other-child ]
	offers 'nvmpool list --pool oth' 'other other.img'
}

@test "the suffixes of sizes" {
	offers 'nvmpool carve new 4' '4G 4K 4M 4T'
	[ "$(bash_at 'nvmpool format x --size 1.5')" = '1.5G 1.5K 1.5M 1.5T' ]
	[ "$(bash_at 'nvmpool format x --size=1')" = '1G 1K 1M 1T' ]
	[ "$(fish_at 'nvmpool format x -s 1')" = '1G 1K 1M 1T' ]
	[ "$(bash_at 'nvmpool carve new 4G')" = '' ]
}

@test "actions and pools of 'pools'" {
	offers 'nvmpool pools reg' register
	offers 'nvmpool pools forget po' 'pool pool.img'
}

@test "names are told at once, even while the pool is locked" {
	in_background flock pool.img sleep 60
	until_true eval '! flock -n pool.img true'
	run --separate-stderr timeout 2 nvmpool __names children
	[ "$status" = 6 ]
}

@test "the manual pages are sound" {
	local page

	for page in nvmpool.1 nvmpool-pool.5 nvmpool.7; do
		mandoc -T lint -W warning "$BUILD/man/$page"
	done
}

@test "the manual has every command and every option of its help" {
	local command option text

	text=$(mandoc -T ascii "$BUILD/man/nvmpool.1" | col -bx)
	for command in $(nvmpool --help | awk '/^Commands:/ { on = 1; next }
						!NF { on = 0 } on { print $1 }'); do
		grep -q "^   $command$" <<<"$text" || { echo "no $command"; return 1; }
		for option in $(nvmpool "$command" --help | grep -oE '^  +(-[a-z], )?--[a-z-]+' |
			grep -oE -- '--[a-z-]+'); do
			sed -n "/^   $command$/,/^   [a-z]/p" <<<"$text" | grep -q -- "$option" ||
				{ echo "no $option of $command"; return 1; }
		done
	done
}

@test "the manual's exit statuses are those of exit.h" {
	local text number

	text=$(mandoc -T ascii "$BUILD/man/nvmpool.1" | col -bx | sed -n '/^EXIT STATUS/,/^EXAMPLES/p')
	for number in $(grep -oE '= [0-9]+' "$ROOT/cli/exit.h" | grep -oE '[0-9]+'); do
		grep -qE "^     $number( |$)" <<<"$text" || { echo "no $number"; return 1; }
	done
}
