#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmtorture as a tool: selection, shards, limits, results, tokens.

load common
setup() {
	cli_setup
	ROOT=$BATS_TEST_DIRNAME/../..
}
teardown() { cli_teardown; }

@test "every command has a help of its own, in 80 columns" {
	local command count=0

	for command in $(nvmtorture --help | awk '/^Commands:/ { on = 1; next } !NF { on = 0 } on { print $1 }'); do
		works nvmtorture "$command" --help
		[[ $output == "Usage: nvmtorture $command "* ]]
		run ! grep -nE '.{81}' <<<"$output"
		count=$((count + 1))
	done
	[ "$count" -ge 5 ]
}

@test "the copies in completions/ are what the tables give, and name every workload" {
	local file workload

	for file in nvmtorture _nvmtorture nvmtorture.fish; do
		diff -u "$ROOT/completions/$file" "$BUILD/completions/$file"
	done
	for workload in $(nvmtorture list | awk 'NR > 1 { print $1 }'); do
		grep -qw -- "$workload" "$BUILD/completions/nvmtorture"
	done
}

@test "cases are selected by workload, name, pattern and model" {
	works nvmtorture list pool-kill
	[ "$(wc -l <<<"$output")" -gt 20 ]
	works nvmtorture list pool/carve
	[[ $output == *"pool/carve:aged:paranoid"* && $output != *carve-devdax* ]]
	works nvmtorture list 'vdisk/write:*:pagecache'
	[[ $output == *"vdisk/write:clean:pagecache"* && $output != *intel* ]]
	works nvmtorture list pool/carve:aged:intel -j
	json '.data.cases[0].case == "pool/carve:aged:intel"'
	fails 3 "no case is called 'vdsk', did you mean 'vdisk'?" nvmtorture list vdsk
	fails 3 "no case is called 'pool/carv'" nvmtorture run pool/carv
	fails 3 "no case is of that model" nvmtorture run pool/carve:aged:intel --model pagecache
}

@test "bad options are refused" {
	fails 2 "bad shard '3/2': I/N, from 1/N to N/N" nvmtorture run pool --shard 3/2
	fails 2 "bad shard '0/2'" nvmtorture run pool --shard 0/2
	fails 2 "bad effort '0'" nvmtorture run pool --effort 0
	fails 2 "bad seed 'x': a number" nvmtorture run pool --seed x
	fails 2 "bad depth: 1, 2 or 3" nvmtorture run pool --depth 4
	fails 2 "bad token 'pool/carve'" nvmtorture replay pool/carve
	fails 3 "no case is called 'pool/nothing'" nvmtorture replay pool/nothing@1.1,s1,e1
	fails 3 "cannot read 'no.json'" nvmtorture report no.json
	echo '{"nvmtorture":9}' >other.json
	fails 1 "'other.json' is not a file of results" nvmtorture report other.json
	echo '{' >bad.json
	fails 1 "cannot read 'bad.json': not JSON" nvmtorture report bad.json
}

@test "the same run gives the same counts, with one process or two" {
	works nvmtorture run pool/update pool/carve:fresh --effort 16 --jobs 1 --results a.json
	works nvmtorture run pool/update pool/carve:fresh --effort 16 --jobs 2 --results b.json
	jq -S '.workloads | sort_by(.model) | map(del(.seconds))' a.json >a
	jq -S '.workloads | sort_by(.model) | map(del(.seconds))' b.json >b
	diff -u a b
	[ "$(jq '[.workloads[].distinct] | add' a.json)" -gt 100 ]
}

@test "shards are a whole together, run by GNU parallel and merged by report" {
	works nvmtorture run vdisk/write vdisk/trim pool/update --effort 8 --results whole.json
	parallel --will-cite -j2 nvmtorture run vdisk/write vdisk/trim pool/update --effort 8 --jobs 1 \
		--shard {}/3 --results {}.json ::: 1 2 3 >/dev/null
	works nvmtorture report 1.json 2.json 3.json -j
	jq -S '.data.results.workloads | sort_by(.workload, .model) | map(del(.seconds))' <<<"$output" >merged
	jq -S '.workloads | sort_by(.workload, .model) | map(del(.seconds))' whole.json >whole
	diff -u whole merged
	[ "$(jq .data.results.runs <<<"$output")" = 3 ]
}

@test "a limit of time or images ends a run early, and that is told" {
	works nvmtorture run pool --effort 16 --states 2000 --jobs 1 --results r.json
	[[ $stderr == *"cases were run before the limit"* ]]
	[ "$(jq .cut r.json)" = 1 ]
	works nvmtorture report r.json
	[[ $output == *"1 of 1 runs came to their limit"* ]]
	works nvmtorture run pool vdisk --effort 16 --time 1 --jobs 1
	[[ $stderr == *"cases were run before the limit"* ]]
}

@test "an image is judged again from its token" {
	works nvmtorture replay pool/carve:aged:paranoid@1.5,s1,e128
	[[ $output == *"nothing is wrong with it"* && $output == *" store "* ]]
	works nvmtorture replay vdisk-sequence/write:1:paranoid+write,write@1.3,s1,e64
	[[ $output == *"nothing is wrong with it"* ]]
	run nvmtorture replay vdisk-sequence/write:1:paranoid+nonsense@1.3,s1,e64
	[ "$status" = 1 ]
	[[ $output == *"no such sequence"* ]]
}

@test "each mutant of an operation has a row with its call site and what showed it" {
	works nvmtorture mutants pool-mutants/update --jobs 1 -j
	json '.data.results.mutants | length > 4 and all(.site | test("libcore/pool/.*:[0-9]+ ")) and
		all(.survived == 0 or .killed > 0)'
	works nvmtorture mutants vdisk-mutants/write:clean:paranoid --jobs 1 -j
	json '.data.results.mutants | length > 6 and all(.site | test("libcore/vdisk/.*:[0-9]+ ")) and
		all(.killed > 0 and (.killed_by | test(" @[0-9]+[.][0-9]+$")))'
}

@test "a mutant that survives fails the run, also one of merged results" {
	nvmtorture mutants pool-mutants/update:aged:paranoid --jobs 1 --results r.json
	jq '.mutants[0] += { killed: 0, survived: 1 }' r.json >weak.json
	works nvmtorture report r.json
	run nvmtorture report weak.json
	[ "$status" = 1 ]
	[[ $output == *"1 mutants survive"* ]]
	works nvmtorture report weak.json r.json
}

@test "Ctrl-C ends a run and its processes at once" {
	local pid status=0

	# A shell's background ignores SIGINT; what is ignored stays so.
	env --default-signal=INT nvmtorture run pool vdisk --jobs 2 3>&- &
	pid=$!
	sleep 0.5
	kill -INT "$pid"
	wait "$pid" || status=$?
	[ "$status" = 130 ]
	run ! pgrep -P "$pid"
}

@test "report writes its tables into a document, between the marks and nowhere else" {
	works nvmtorture run pool/update --effort 16 --results run.json
	works nvmtorture mutants pool-mutants/update --results mutants.json
	printf '%s\n' before '<!-- nvmtorture report: workloads -->' old '<!-- end -->' between \
		'<!-- nvmtorture report: persist-points -->' '<!-- end -->' >doc.md
	printf 'after' >>doc.md
	works nvmtorture report run.json mutants.json --write doc.md
	grep -q '^| `pool` | `intel` | [0-9]* | 0 |' doc.md
	grep -q '^| `libcore/pool/[a-z]*.c:[0-9]* [a-z_]*` | journal head | drop |' doc.md
	run ! grep -qx old doc.md
	[ "$(head -n 1 doc.md)" = before ] && [ "$(tail -n 1 doc.md)" = after ]
	cp doc.md once.md
	works nvmtorture report run.json mutants.json --write doc.md
	cmp doc.md once.md
	echo '<!-- nvmtorture report: bounds -->' >open.md
	fails 1 "'open.md' has a block without a line '<!-- end -->'" nvmtorture report run.json -w open.md
	echo none >none.md
	fails 1 "'none.md' has no line" nvmtorture report run.json -w none.md
	[ "$(cat none.md)" = none ]
}
