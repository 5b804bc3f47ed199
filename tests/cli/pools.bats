#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmpool pools, and how a command finds its pool.

load common
setup() { cli_setup; }
teardown() { cli_teardown; }

@test "the only registered pool is the one that is meant" {
	fails 3 "no pool is known" nvmpool list
	nvmpool format one.img --size 64M
	works nvmpool list -j
	json ".data.pool.path == \"$PWD/one.img\""
}

@test "of two pools none is meant, and both are named, until one is chosen" {
	nvmpool format one.img --size 64M
	nvmpool format two.img --size 64M
	fails 2 "several pools are registered: one ($PWD/one.img), two ($PWD/two.img)" nvmpool list
	works nvmpool pools default two
	works nvmpool list -j
	json ".data.pool.path == \"$PWD/two.img\""
	works nvmpool pools no-default
	fails 2 "several pools" nvmpool list
}

@test "--pool comes before NVMPOOL, and both take names and paths" {
	nvmpool format one.img --size 64M
	nvmpool format two.img --size 64M
	NVMPOOL=one works nvmpool list -j
	json '.data.pool.path | endswith("one.img")'
	NVMPOOL=$PWD/two.img works nvmpool list -j
	json '.data.pool.path | endswith("two.img")'
	NVMPOOL=one works nvmpool list --pool two.img -j
	json '.data.pool.path | endswith("two.img")'
	NVMPOOL='' works nvmpool pools forget one
	NVMPOOL='' works nvmpool list
}

@test "an empty --pool is an error and not the default pool" {
	nvmpool format one.img --size 64M
	fails 2 "bad pool '' for --pool" nvmpool list --pool ""
	fails 2 "bad pool '' for --pool" nvmpool carve a 4M --pool=
	NVMPOOL='' works nvmpool list
}

@test "a pool that is not there is status 3" {
	fails 3 "no pool 'nowhere'" nvmpool list --pool nowhere
	fails 3 "no such file" nvmpool list --pool ./nowhere
	nvmpool format one.img --size 64M
	rm one.img
	fails 3 "no such file" nvmpool list
	works nvmpool pools
	[[ $output == *missing* ]]
}

@test "register, forget, default" {
	nvmpool format one.img --size 64M --label "two words"
	works nvmpool pools forget one
	works nvmpool pools
	[[ $output == *"no pool is registered"* ]]
	works nvmpool pools register one.img -j
	json '.data.name == "one"'
	works nvmpool pools register one.img --name fast
	works nvmpool pools -j
	json '.data.pools | length == 1 and .[0].name == "fast" and .[0].state == "ok"'
	fails 3 "'slow'" nvmpool pools forget slow
	fails 3 "'slow'" nvmpool pools default slow
	works nvmpool pools forget ./one.img
}

@test "two pools of one file name get two names" {
	mkdir a b
	nvmpool format a/pool.img --size 64M
	works nvmpool format b/pool.img --size 64M -j
	json '.data.name == "pool-2"'
	fails 4 "pool" nvmpool pools register a/pool.img --name pool-2
}

@test "only a pool can be registered" {
	head -c 1M /dev/zero >zeros
	fails 9 "not a pool" nvmpool pools register zeros
	fails 3 "no such file" nvmpool pools register nothing
	fails 10 "directory" nvmpool pools register .
}

@test "usage errors of pools" {
	fails 2 "unknown action 'lsit', did you mean 'list'?" nvmpool pools lsit
	fails 2 "must be one of" nvmpool pools frobnicate
	fails 2 "missing POOL" nvmpool pools register
	fails 2 "missing POOL" nvmpool pools forget
	fails 2 "unexpected argument 'x'" nvmpool pools list x
	fails 2 "--name goes with 'register' only" nvmpool pools list --name x
	fails 2 "bad name" nvmpool pools register x --name 'a b'
}

@test "--dry-run registers and forgets nothing" {
	nvmpool format one.img --size 64M
	works nvmpool pools forget one --dry-run
	works nvmpool list
	nvmpool pools forget one
	works nvmpool pools register one.img --dry-run
	fails 3 "no pool is known" nvmpool list
}

@test "a registry that is not JSON is told, and a path does without it" {
	nvmpool format one.img --size 64M
	echo '{' >"$NVMPOOL_STATE_DIR/pools.json"
	run --separate-stderr nvmpool list
	[ "$status" = 7 ]
	[[ $stderr == *pools.json* ]]
	works nvmpool list --pool ./one.img
}
