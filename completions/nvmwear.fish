# fish completion for nvmwear
# Made from the option tables by 'nvmwear __generate fish'; do not edit.

# The names of a kind (children, vms, pools, disks), in the pool on the line.
function __nvmwear_names
    set -l words (commandline -opc)
    set -l pool
    set -l next 0
    for word in $words
        if test $next = 1
            set pool --pool $word
            set next 0
            continue
        end
        switch $word
            case -p --pool
                set next 1
            case '--pool=*'
                set pool --pool (string replace -- --pool= '' $word)
        end
    end
    nvmwear __names $argv[1] $pool 2>/dev/null
end

function __nvmwear_sizes
    set -l word (commandline -ct | string replace -r -- '^--?[a-z-]*=?' '')
    if string match -qr -- '^[-+]?[0-9]+([.][0-9]+)?$' $word
        printf '%s\n' $word{K,M,G,T}
    end
end

# The cursor is behind no command yet.
function __nvmwear_begin
    test (count (commandline -opc)) = 1
end

# __nvmwear_in COMMAND: that is the command on the line.
function __nvmwear_in
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

# __nvmwear_at COMMAND NUMBER: the cursor is at this argument of it.
function __nvmwear_at
    __nvmwear_in $argv[1]; or return 1
    set -l words (commandline -opc)
    set -e words[1..2]
    set -l number 1
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
        else if string match -qr -- '^-[^0-9]' $word
            __nvmwear_takes_value $argv[1] $word; and set skip 1
        else
            set number (math $number + 1)
        end
    end
    test $number = $argv[2]
end

# __nvmwear_takes_value COMMAND OPTION: its value is the next word.
function __nvmwear_takes_value
    switch "$argv[1]:$argv[2]"
        case '' show:--extent show:-e show:--pool show:-p show:--wait show:-w map:--width map:--svg map:--extent map:-e map:--pool map:-p map:--wait map:-w level:--moves level:-m level:--guard level:--extent level:-e level:--pool level:-p level:--wait level:-w policy:--threshold policy:--budget policy:--endurance policy:-E policy:--extent policy:-e policy:--pool policy:-p policy:--wait policy:-w simulate:--policy simulate:-P simulate:--load simulate:-l simulate:--trace simulate:-t simulate:--blocks simulate:-b simulate:--spares simulate:--endurance simulate:-E simulate:--writes simulate:-w simulate:--seed simulate:--threshold simulate:--budget simulate:--plot forecast:--area forecast:-a forecast:--rate forecast:-r forecast:--per forecast:--endurance forecast:-E forecast:--share forecast:--extent forecast:-e forecast:--pool forecast:-p forecast:--wait forecast:-w
            return 0
    end
    return 1
end

complete -c nvmwear -f
complete -c nvmwear -n __nvmwear_begin -s h -l help -d 'print help'
complete -c nvmwear -n __nvmwear_begin -s V -l version -d 'print the version'
complete -c nvmwear -n __nvmwear_begin -a help -d 'tell how to use a command'
complete -c nvmwear -n '__nvmwear_at help 1' -a show
complete -c nvmwear -n '__nvmwear_at help 1' -a map
complete -c nvmwear -n '__nvmwear_at help 1' -a level
complete -c nvmwear -n '__nvmwear_at help 1' -a policy
complete -c nvmwear -n '__nvmwear_at help 1' -a simulate
complete -c nvmwear -n '__nvmwear_at help 1' -a forecast

complete -c nvmwear -n __nvmwear_begin -a show -d 'tell how evenly a disk'\''s memory has worn'
complete -c nvmwear -n '__nvmwear_in show' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmwear -n '__nvmwear_in show' -s p -l pool -rF -a '(__nvmwear_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmwear -n '__nvmwear_in show' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmwear -n '__nvmwear_in show' -s j -l json -d 'print JSON'
complete -c nvmwear -n '__nvmwear_in show' -s h -l help -d 'print this help'
complete -c nvmwear -n '__nvmwear_at show 1' -rF -a '(__nvmwear_names children)'

complete -c nvmwear -n __nvmwear_begin -a map -d 'draw where a disk'\''s memory has worn'
complete -c nvmwear -n '__nvmwear_in map' -l width -x -d 'draw this wide (default: as the terminal, else 80)'
complete -c nvmwear -n '__nvmwear_in map' -l svg -rF -d 'draw into this file, with gnuplot'
complete -c nvmwear -n '__nvmwear_in map' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmwear -n '__nvmwear_in map' -s p -l pool -rF -a '(__nvmwear_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmwear -n '__nvmwear_in map' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmwear -n '__nvmwear_in map' -s j -l json -d 'print JSON'
complete -c nvmwear -n '__nvmwear_in map' -s h -l help -d 'print this help'
complete -c nvmwear -n '__nvmwear_at map 1' -rF -a '(__nvmwear_names children)'

complete -c nvmwear -n __nvmwear_begin -a level -d 'level a disk'\''s wear in one pass'
complete -c nvmwear -n '__nvmwear_in level' -s m -l moves -x -d 'move so many blocks at most (default: 1 % of them)'
complete -c nvmwear -n '__nvmwear_in level' -l guard -x -a 'auto none pkey mprotect map' -d 'how stray writes of this program are kept off the disk (default: auto)'
complete -c nvmwear -n '__nvmwear_in level' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmwear -n '__nvmwear_in level' -s p -l pool -rF -a '(__nvmwear_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmwear -n '__nvmwear_in level' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmwear -n '__nvmwear_in level' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmwear -n '__nvmwear_in level' -s j -l json -d 'print JSON'
complete -c nvmwear -n '__nvmwear_in level' -s h -l help -d 'print this help'
complete -c nvmwear -n '__nvmwear_at level 1' -rF -a '(__nvmwear_names children)'

complete -c nvmwear -n __nvmwear_begin -a policy -d 'tell or change how a disk levels wear'
complete -c nvmwear -n '__nvmwear_in policy' -l threshold -x -d 'how far a block must lag behind to be moved (adaptive: at the least)'
complete -c nvmwear -n '__nvmwear_in policy' -l budget -x -d 'adaptive: one move in so many writes'
complete -c nvmwear -n '__nvmwear_in policy' -s E -l endurance -x -d 'how many writes a line bears: a number (1e8) or a kind of memory, as '\''nvmwear forecast'\'' has it'
complete -c nvmwear -n '__nvmwear_in policy' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmwear -n '__nvmwear_in policy' -s p -l pool -rF -a '(__nvmwear_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmwear -n '__nvmwear_in policy' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmwear -n '__nvmwear_in policy' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmwear -n '__nvmwear_in policy' -s j -l json -d 'print JSON'
complete -c nvmwear -n '__nvmwear_in policy' -s h -l help -d 'print this help'
complete -c nvmwear -n '__nvmwear_at policy 1' -rF -a '(__nvmwear_names children)'
complete -c nvmwear -n '__nvmwear_at policy 2' -x -a 'none mbsa adaptive'

complete -c nvmwear -n __nvmwear_begin -a simulate -d 'tell how evenly a load wears a disk, and how long it lives'
complete -c nvmwear -n '__nvmwear_in simulate' -s P -l policy -x -a 'none mbsa adaptive in-place table swap start-gap all' -d 'how the disk levels (default: adaptive)'
complete -c nvmwear -n '__nvmwear_in simulate' -s l -l load -x -a 'uniform zipf 90/10 zones one trim birthday files all' -d 'what is written (default: all)'
complete -c nvmwear -n '__nvmwear_in simulate' -s t -l trace -rF -d 'write what is recorded there, again and again: a block number a line, or a log of fio'\''s --write_iolog'
complete -c nvmwear -n '__nvmwear_in simulate' -s b -l blocks -x -d 'how many blocks the area has (default: 8192, or what the trace needs)'
complete -c nvmwear -n '__nvmwear_in simulate' -l spares -x -d 'how many of them are beyond the disk'\''s (default: 2 %, at least 64)'
complete -c nvmwear -n '__nvmwear_in simulate' -s E -l endurance -x -d 'how many writes a line bears (default: 4000)'
complete -c nvmwear -n '__nvmwear_in simulate' -s w -l writes -x -d 'end after so many writes (default: when the first line is worn out)'
complete -c nvmwear -n '__nvmwear_in simulate' -l seed -x -d 'another one gives other random writes (default: 1)'
complete -c nvmwear -n '__nvmwear_in simulate' -l threshold -x -d 'how far a block must lag behind to be moved (default: 2; adaptive: at the least)'
complete -c nvmwear -n '__nvmwear_in simulate' -l budget -x -d 'adaptive: one move in so many writes (default: 32)'
complete -c nvmwear -n '__nvmwear_in simulate' -l plot -rF -d 'draw the blocks'\'' wear into this SVG file, with gnuplot'
complete -c nvmwear -n '__nvmwear_in simulate' -s j -l json -d 'print JSON'
complete -c nvmwear -n '__nvmwear_in simulate' -s h -l help -d 'print this help'

complete -c nvmwear -n __nvmwear_begin -a forecast -d 'tell for how many years memory can be written'
complete -c nvmwear -n '__nvmwear_in forecast' -s a -l area -x -a '(__nvmwear_sizes)' -d 'how large the disk'\''s area is'
complete -c nvmwear -n '__nvmwear_in forecast' -s r -l rate -x -a '(__nvmwear_sizes)' -d 'how much is written in a second, or as --per says'
complete -c nvmwear -n '__nvmwear_in forecast' -l per -x -a 'second hour day' -d 'what --rate is for: second (default), hour or day'
complete -c nvmwear -n '__nvmwear_in forecast' -s E -l endurance -x -d 'how many writes a line bears: a number (1e8), or reram, optane, pcm, reram-best, stt-mram (default: all of these)'
complete -c nvmwear -n '__nvmwear_in forecast' -l share -x -d 'how much of an ideal life levelling reaches (default: 95)'
complete -c nvmwear -n '__nvmwear_in forecast' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmwear -n '__nvmwear_in forecast' -s p -l pool -rF -a '(__nvmwear_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmwear -n '__nvmwear_in forecast' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmwear -n '__nvmwear_in forecast' -s j -l json -d 'print JSON'
complete -c nvmwear -n '__nvmwear_in forecast' -s h -l help -d 'print this help'
complete -c nvmwear -n '__nvmwear_at forecast 1' -rF -a '(__nvmwear_names children)'
