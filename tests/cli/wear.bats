#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# nvmwear: on disks, and without any.

load common
load hosted
load vdisk
setup() { cli_setup; }
teardown() { cli_teardown; }

# worn_disk FILE: one whose first MiB was written ten times as often
worn_disk() {
	filled_disk "$1" 16 8
	random hot 1
	for _ in 1 2 3 4 5 6 7 8 9; do
		nvmvd write "$1" 0 <hot 2>/dev/null
	done
}

@test "show tells the counts that the records hold, and changes nothing" {
	worn_disk disk.img
	before=$(sum disk.img)
	works nvmwear show disk.img -j
	json '.data | .policy == "adaptive" and .user_writes == 4352 and .least == 0 and
		.most >= 2 and .mean > 1 and .gini > 0 and .gini < 1 and
		.life_share_percent <= 100 and .retired == 0 and .unreadable == 0'
	works nvmwear show disk.img
	[[ $output == *"share of an ideal life:"*%* ]]
	[ "$(sum disk.img)" = "$before" ]
}

@test "the heat map covers the area, on a terminal, as JSON, as a picture" {
	worn_disk disk.img
	works nvmwear map disk.img --width 60
	[[ $output == *"writes of a block"* ]]
	[ "$(grep -c '^ *~*[0-9.]* *[KMG]*i*B*  [-.:=+*#%@]' <<<"$output")" -ge 1 ]
	works nvmwear map disk.img -j
	json '[.data.cells[].blocks] | add > 3900'
	works nvmwear map disk.img --svg heat.svg
	grep -q '<svg' heat.svg
	fails 2 'is the disk itself' nvmwear map disk.img --svg disk.img
	sound disk.img
}

@test "a pass of levelling moves within its budget and keeps every byte" {
	worn_disk disk.img
	nvmwear policy disk.img mbsa --threshold 1 >/dev/null
	works nvmwear level disk.img --moves 5 -j
	json '.data | .moves <= 5 and .budget == 5'
	works nvmwear level disk.img --dry-run
	nvmvd read disk.img 1M 7M >back
	cmp back <(tail -c +1048577 disk.img.in)
	sound disk.img
}

@test "the policy is told, changed, and kept" {
	disk disk.img 16
	works nvmwear policy disk.img
	[[ $output == *"policy:"*adaptive* ]]
	works nvmwear policy disk.img mbsa --threshold 3 --endurance pcm
	works nvmwear policy disk.img -j
	json '.data | .policy == "mbsa" and .threshold == 3 and .endurance == 100000000'
	works nvmwear policy disk.img none --dry-run
	works nvmwear policy disk.img -j
	json '.data.policy == "mbsa"'
	fails 2 "no policy 'nnoe'" nvmwear policy disk.img nnoe
}

@test "a forecast is of given numbers, or of what a disk has seen" {
	works nvmwear forecast --area 128G --rate 50M --endurance optane -j
	json '.data.forecasts | length == 1 and .[0].years > 50 and .[0].years < 200'
	json '.data.assumptions | length > 2'
	worn_disk disk.img
	works nvmwear forecast disk.img -j
	json '.data | .rate_bytes_per_second > 0 and (.forecasts | length) > 2'
	fails 2 'missing --rate' nvmwear forecast --area 1G
	fails 2 'bad endurance' nvmwear forecast --area 1G --rate 1M --endurance much
	disk fresh.img 16
	fails 2 'never written' nvmwear forecast fresh.img
}

@test "simulate levels a load, prints each policy, and draws it" {
	works nvmwear simulate --policy adaptive --load one --blocks 2048 --endurance 2000 -j
	json '.ok'
	works nvmwear simulate --policy all --load zipf --blocks 2048 --endurance 1000 --plot z.svg
	for policy in none mbsa adaptive in-place start-gap; do
		[[ $output == *"$policy"* ]]
	done
	grep -q '<svg' z.svg
	printf '%s\n' 1 2 3 3 3 >trace
	works nvmwear simulate --trace trace --blocks 2048 --endurance 500
}

@test "a typo, no arguments, what is not there" {
	fails 2 "did you mean 'simulate'" nvmwear simulat
	run nvmwear
	[ "$status" = 2 ]
	fails 3 'no file' nvmwear show nothing.img
}
