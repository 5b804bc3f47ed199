# fish completion for nvmtorture
# Made from the option tables by 'nvmtorture __generate fish'; do not edit.

# The names of a kind (children, vms, pools, disks), in the pool on the line.
function __nvmtorture_names
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
    nvmtorture __names $argv[1] $pool 2>/dev/null
end

function __nvmtorture_sizes
    set -l word (commandline -ct | string replace -r -- '^--?[a-z-]*=?' '')
    if string match -qr -- '^[-+]?[0-9]+([.][0-9]+)?$' $word
        printf '%s\n' $word{K,M,G,T}
    end
end

# The cursor is behind no command yet.
function __nvmtorture_begin
    test (count (commandline -opc)) = 1
end

# __nvmtorture_in COMMAND: that is the command on the line.
function __nvmtorture_in
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

# __nvmtorture_at COMMAND NUMBER: the cursor is at this argument of it.
function __nvmtorture_at
    __nvmtorture_in $argv[1]; or return 1
    set -l words (commandline -opc)
    set -e words[1..2]
    set -l number 1
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
        else if string match -qr -- '^-[^0-9]' $word
            __nvmtorture_takes_value $argv[1] $word; and set skip 1
        else
            set number (math $number + 1)
        end
    end
    test $number = $argv[2]
end

# __nvmtorture_takes_value COMMAND OPTION: its value is the next word.
function __nvmtorture_takes_value
    switch "$argv[1]:$argv[2]"
        case '' run:--model run:-m run:--seed run:-s run:--effort run:-e run:--depth run:-d run:--states run:--time run:-t run:--shard run:--jobs run:--results run:-r mutants:--model mutants:-m mutants:--seed mutants:-s mutants:--effort mutants:-e mutants:--depth mutants:-d mutants:--states mutants:--time mutants:-t mutants:--shard mutants:--jobs mutants:--results mutants:-r kill:--time kill:-t kill:--rounds kill:-r kill:--seed kill:-s report:--write report:-w
            return 0
    end
    return 1
end

complete -c nvmtorture -f
complete -c nvmtorture -n __nvmtorture_begin -s h -l help -d 'print help'
complete -c nvmtorture -n __nvmtorture_begin -s V -l version -d 'print the version'
complete -c nvmtorture -n __nvmtorture_begin -a help -d 'tell how to use a command'
complete -c nvmtorture -n '__nvmtorture_at help 1' -a list
complete -c nvmtorture -n '__nvmtorture_at help 1' -a run
complete -c nvmtorture -n '__nvmtorture_at help 1' -a replay
complete -c nvmtorture -n '__nvmtorture_at help 1' -a mutants
complete -c nvmtorture -n '__nvmtorture_at help 1' -a litmus
complete -c nvmtorture -n '__nvmtorture_at help 1' -a kill
complete -c nvmtorture -n '__nvmtorture_at help 1' -a report

complete -c nvmtorture -n __nvmtorture_begin -a list -d 'list the workloads, or the cases of some'
complete -c nvmtorture -n '__nvmtorture_in list' -s j -l json -d 'print JSON'
complete -c nvmtorture -n '__nvmtorture_in list' -s h -l help -d 'print this help'
complete -c nvmtorture -n '__nvmtorture_in list' -x -a 'pool pool-sequence pool-random pool-kill pool-mutants pool-faults vdisk vdisk-sequence vdisk-threads vdisk-pairs vdisk-random vdisk-kill vdisk-mutants vdisk-faults'

complete -c nvmtorture -n __nvmtorture_begin -a run -d 'lose power everywhere, and judge what is left'
complete -c nvmtorture -n '__nvmtorture_in run' -s m -l model -x -a 'intel paranoid pagecache eadr' -d 'only cases of this model of what a power loss leaves'
complete -c nvmtorture -n '__nvmtorture_in run' -s s -l seed -x -d 'of all that is random; 1 by default'
complete -c nvmtorture -n '__nvmtorture_in run' -s e -l effort -x -d 'how many images are tried where not all can be; 128 by default'
complete -c nvmtorture -n '__nvmtorture_in run' -s d -l depth -x -d '1: no crashes in recoveries; 2; 3 (the default): also in the recoveries from those'
complete -c nvmtorture -n '__nvmtorture_in run' -l states -x -d 'begin no case after so many images'
complete -c nvmtorture -n '__nvmtorture_in run' -s t -l time -x -d 'begin no case after that time'
complete -c nvmtorture -n '__nvmtorture_in run' -l shard -x -d 'only part I of N equal ones'
complete -c nvmtorture -n '__nvmtorture_in run' -l jobs -x -d 'cases at a time; as many as processors by default'
complete -c nvmtorture -n '__nvmtorture_in run' -s r -l results -rF -d 'leave the results there, for '\''report'\'''
complete -c nvmtorture -n '__nvmtorture_in run' -l tap -d 'print TAP, a line for each case as it ends'
complete -c nvmtorture -n '__nvmtorture_in run' -s j -l json -d 'print JSON'
complete -c nvmtorture -n '__nvmtorture_in run' -s h -l help -d 'print this help'
complete -c nvmtorture -n '__nvmtorture_in run' -x -a 'pool pool-sequence pool-random pool-kill pool-mutants pool-faults vdisk vdisk-sequence vdisk-threads vdisk-pairs vdisk-random vdisk-kill vdisk-mutants vdisk-faults'

complete -c nvmtorture -n __nvmtorture_begin -a replay -d 'judge one image again, from its token'
complete -c nvmtorture -n '__nvmtorture_in replay' -s j -l json -d 'print JSON'
complete -c nvmtorture -n '__nvmtorture_in replay' -s h -l help -d 'print this help'

complete -c nvmtorture -n __nvmtorture_begin -a mutants -d 'leave out each store and drain, and see that it is noticed'
complete -c nvmtorture -n '__nvmtorture_in mutants' -s m -l model -x -a 'intel paranoid pagecache eadr' -d 'only cases of this model of what a power loss leaves'
complete -c nvmtorture -n '__nvmtorture_in mutants' -s s -l seed -x -d 'of all that is random; 1 by default'
complete -c nvmtorture -n '__nvmtorture_in mutants' -s e -l effort -x -d 'how many images are tried where not all can be; 128 by default'
complete -c nvmtorture -n '__nvmtorture_in mutants' -s d -l depth -x -d '1: no crashes in recoveries; 2; 3 (the default): also in the recoveries from those'
complete -c nvmtorture -n '__nvmtorture_in mutants' -l states -x -d 'begin no case after so many images'
complete -c nvmtorture -n '__nvmtorture_in mutants' -s t -l time -x -d 'begin no case after that time'
complete -c nvmtorture -n '__nvmtorture_in mutants' -l shard -x -d 'only part I of N equal ones'
complete -c nvmtorture -n '__nvmtorture_in mutants' -l jobs -x -d 'cases at a time; as many as processors by default'
complete -c nvmtorture -n '__nvmtorture_in mutants' -s r -l results -rF -d 'leave the results there, for '\''report'\'''
complete -c nvmtorture -n '__nvmtorture_in mutants' -l tap -d 'print TAP, a line for each case as it ends'
complete -c nvmtorture -n '__nvmtorture_in mutants' -s j -l json -d 'print JSON'
complete -c nvmtorture -n '__nvmtorture_in mutants' -s h -l help -d 'print this help'
complete -c nvmtorture -n '__nvmtorture_in mutants' -x -a 'pool pool-sequence pool-random pool-kill pool-mutants pool-faults vdisk vdisk-sequence vdisk-threads vdisk-pairs vdisk-random vdisk-kill vdisk-mutants vdisk-faults'

complete -c nvmtorture -n __nvmtorture_begin -a litmus -d 'test the models: small programs with known outcomes'
complete -c nvmtorture -n '__nvmtorture_in litmus' -s j -l json -d 'print JSON'
complete -c nvmtorture -n '__nvmtorture_in litmus' -s h -l help -d 'print this help'

complete -c nvmtorture -n __nvmtorture_begin -a kill -d 'kill processes that work on a pool and disks in a directory'
complete -c nvmtorture -n '__nvmtorture_in kill' -s t -l time -x -d 'begin no round after that time; 30 by default, without --rounds'
complete -c nvmtorture -n '__nvmtorture_in kill' -s r -l rounds -x -d 'end after so many rounds'
complete -c nvmtorture -n '__nvmtorture_in kill' -s s -l seed -x -d 'of all that is random but the moments, which no seed gives again; 1 by default'
complete -c nvmtorture -n '__nvmtorture_in kill' -s k -l keep -d 'leave the scratch pool and disks there at the end'
complete -c nvmtorture -n '__nvmtorture_in kill' -s j -l json -d 'print JSON'
complete -c nvmtorture -n '__nvmtorture_in kill' -s h -l help -d 'print this help'
complete -c nvmtorture -n '__nvmtorture_at kill 1' -rF

complete -c nvmtorture -n __nvmtorture_begin -a report -d 'merge the results of runs, and tell them'
complete -c nvmtorture -n '__nvmtorture_in report' -s w -l write -rF -d 'put the tables into this document, between its marks'
complete -c nvmtorture -n '__nvmtorture_in report' -s j -l json -d 'print JSON'
complete -c nvmtorture -n '__nvmtorture_in report' -s h -l help -d 'print this help'
complete -c nvmtorture -n '__nvmtorture_in report' -rF
