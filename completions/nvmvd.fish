# fish completion for nvmvd
# Made from the option tables by 'nvmvd __generate fish'; do not edit.

# The names of a kind (children, vms, pools, disks), in the pool on the line.
function __nvmvd_names
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
    nvmvd __names $argv[1] $pool 2>/dev/null
end

function __nvmvd_sizes
    set -l word (commandline -ct | string replace -r -- '^--?[a-z-]*=?' '')
    if string match -qr -- '^[-+]?[0-9]+([.][0-9]+)?$' $word
        printf '%s\n' $word{K,M,G,T}
    end
end

# The cursor is behind no command yet.
function __nvmvd_begin
    test (count (commandline -opc)) = 1
end

# __nvmvd_in COMMAND: that is the command on the line.
function __nvmvd_in
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

# __nvmvd_at COMMAND NUMBER: the cursor is at this argument of it.
function __nvmvd_at
    __nvmvd_in $argv[1]; or return 1
    set -l words (commandline -opc)
    set -e words[1..2]
    set -l number 1
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
        else if string match -qr -- '^-[^0-9]' $word
            __nvmvd_takes_value $argv[1] $word; and set skip 1
        else
            set number (math $number + 1)
        end
    end
    test $number = $argv[2]
end

# __nvmvd_takes_value COMMAND OPTION: its value is the next word.
function __nvmvd_takes_value
    switch "$argv[1]:$argv[2]"
        case '' create:--size create:-s create:--logical create:--label create:-l create:--policy create:--threshold create:--budget create:--endurance create:--guard create:--extent create:-e create:--pool create:-p create:--wait create:-w info:--extent info:-e info:--pool info:-p info:--wait info:-w check:--guard check:--extent check:-e check:--pool check:-p check:--wait check:-w read:--extent read:-e read:--pool read:-p read:--wait read:-w write:--guard write:--extent write:-e write:--pool write:-p write:--wait write:-w trim:--guard trim:--extent trim:-e trim:--pool trim:-p trim:--wait trim:-w map:--width map:--extent map:-e map:--pool map:-p map:--wait map:-w resize:--logical resize:--guard resize:--extent resize:-e resize:--pool resize:-p resize:--wait resize:-w export:--extent export:-e export:--pool export:-p export:--wait export:-w import:--guard import:--extent import:-e import:--pool import:-p import:--wait import:-w serve:--socket serve:-s serve:--port serve:--guard serve:--extent serve:-e serve:--pool serve:-p serve:--wait serve:-w
            return 0
    end
    return 1
end

complete -c nvmvd -f
complete -c nvmvd -n __nvmvd_begin -s h -l help -d 'print help'
complete -c nvmvd -n __nvmvd_begin -s V -l version -d 'print the version'
complete -c nvmvd -n __nvmvd_begin -a help -d 'tell how to use a command'
complete -c nvmvd -n '__nvmvd_at help 1' -a create
complete -c nvmvd -n '__nvmvd_at help 1' -a info
complete -c nvmvd -n '__nvmvd_at help 1' -a check
complete -c nvmvd -n '__nvmvd_at help 1' -a read
complete -c nvmvd -n '__nvmvd_at help 1' -a write
complete -c nvmvd -n '__nvmvd_at help 1' -a trim
complete -c nvmvd -n '__nvmvd_at help 1' -a map
complete -c nvmvd -n '__nvmvd_at help 1' -a resize
complete -c nvmvd -n '__nvmvd_at help 1' -a export
complete -c nvmvd -n '__nvmvd_at help 1' -a import
complete -c nvmvd -n '__nvmvd_at help 1' -a serve
complete -c nvmvd -n '__nvmvd_at help 1' -a attach
complete -c nvmvd -n '__nvmvd_at help 1' -a detach
complete -c nvmvd -n '__nvmvd_at help 1' -a list

complete -c nvmvd -n __nvmvd_begin -a create -d 'make a file, device or child into an empty virtual disk'
complete -c nvmvd -n '__nvmvd_in create' -s s -l size -x -a '(__nvmvd_sizes)' -d 'create each file that is not there, sparse, of this size'
complete -c nvmvd -n '__nvmvd_in create' -l logical -x -a '(__nvmvd_sizes)' -d 'the size of the disk (default: what leaves 2 % of the area as spare blocks)'
complete -c nvmvd -n '__nvmvd_in create' -s l -l label -x -d 'a label for people, at most 63 bytes'
complete -c nvmvd -n '__nvmvd_in create' -l policy -x -a 'none mbsa adaptive' -d 'how wear is levelled (default: adaptive)'
complete -c nvmvd -n '__nvmvd_in create' -l threshold -x -d 'how far a block may be ahead of the coldest (default: 2; adaptive: the least one)'
complete -c nvmvd -n '__nvmvd_in create' -l budget -x -d 'adaptive: move at most one block in so many writes (default: 32)'
complete -c nvmvd -n '__nvmvd_in create' -l endurance -x -d 'how many writes a cell of the memory is rated for'
complete -c nvmvd -n '__nvmvd_in create' -s f -l force -d 'overwrite a disk, file system or other data'
complete -c nvmvd -n '__nvmvd_in create' -l guard -x -a 'auto none pkey mprotect map' -d 'how stray writes of this program are kept off the disk (default: auto)'
complete -c nvmvd -n '__nvmvd_in create' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in create' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in create' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in create' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmvd -n '__nvmvd_in create' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in create' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at create 1' -rF -a '(__nvmvd_names children)'

complete -c nvmvd -n __nvmvd_begin -a info -d 'tell what a disk is and how it is'
complete -c nvmvd -n '__nvmvd_in info' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in info' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in info' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in info' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in info' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at info 1' -rF -a '(__nvmvd_names children)'

complete -c nvmvd -n __nvmvd_begin -a check -d 'check a disk, and mend it'
complete -c nvmvd -n '__nvmvd_in check' -l repair -d 'mend what can be mended'
complete -c nvmvd -n '__nvmvd_in check' -s q -l quick -d 'do not read the data'
complete -c nvmvd -n '__nvmvd_in check' -l guard -x -a 'auto none pkey mprotect map' -d 'how stray writes of this program are kept off the disk (default: auto)'
complete -c nvmvd -n '__nvmvd_in check' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in check' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in check' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in check' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmvd -n '__nvmvd_in check' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in check' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at check 1' -rF -a '(__nvmvd_names children)'

complete -c nvmvd -n __nvmvd_begin -a read -d 'write bytes of a disk to standard output'
complete -c nvmvd -n '__nvmvd_in read' -l no-verify -d 'do not compare the data with their checksums: damaged blocks are read as they are'
complete -c nvmvd -n '__nvmvd_in read' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in read' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in read' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in read' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in read' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at read 1' -rF -a '(__nvmvd_names children)'
complete -c nvmvd -n '__nvmvd_at read 2' -x -a '(__nvmvd_sizes)'
complete -c nvmvd -n '__nvmvd_at read 3' -x -a '(__nvmvd_sizes)'

complete -c nvmvd -n __nvmvd_begin -a write -d 'write bytes from standard input onto a disk'
complete -c nvmvd -n '__nvmvd_in write' -l atomic -d 'all or nothing, whatever happens: at most 256K, in whole blocks of 4K'
complete -c nvmvd -n '__nvmvd_in write' -l guard -x -a 'auto none pkey mprotect map' -d 'how stray writes of this program are kept off the disk (default: auto)'
complete -c nvmvd -n '__nvmvd_in write' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in write' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in write' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in write' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmvd -n '__nvmvd_in write' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in write' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at write 1' -rF -a '(__nvmvd_names children)'
complete -c nvmvd -n '__nvmvd_at write 2' -x -a '(__nvmvd_sizes)'

complete -c nvmvd -n __nvmvd_begin -a trim -d 'make bytes of a disk read as zeros, and free their blocks'
complete -c nvmvd -n '__nvmvd_in trim' -l guard -x -a 'auto none pkey mprotect map' -d 'how stray writes of this program are kept off the disk (default: auto)'
complete -c nvmvd -n '__nvmvd_in trim' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in trim' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in trim' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in trim' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmvd -n '__nvmvd_in trim' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in trim' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at trim 1' -rF -a '(__nvmvd_names children)'
complete -c nvmvd -n '__nvmvd_at trim 2' -x -a '(__nvmvd_sizes)'
complete -c nvmvd -n '__nvmvd_at trim 3' -x -a '(__nvmvd_sizes)'

complete -c nvmvd -n __nvmvd_begin -a map -d 'draw where the data of a disk lie'
complete -c nvmvd -n '__nvmvd_in map' -l logical -d 'draw the disk, not the area it lies on'
complete -c nvmvd -n '__nvmvd_in map' -l blocks -d 'list which bytes of the disk lie where'
complete -c nvmvd -n '__nvmvd_in map' -l width -x -d 'draw this wide (default: as the terminal, else 80)'
complete -c nvmvd -n '__nvmvd_in map' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in map' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in map' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in map' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in map' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at map 1' -rF -a '(__nvmvd_names children)'
complete -c nvmvd -n '__nvmvd_at map 2' -x -a '(__nvmvd_sizes)'
complete -c nvmvd -n '__nvmvd_at map 3' -x -a '(__nvmvd_sizes)'

complete -c nvmvd -n __nvmvd_begin -a resize -d 'make a disk longer or shorter'
complete -c nvmvd -n '__nvmvd_in resize' -l logical -x -a '(__nvmvd_sizes)' -d 'the new size of the disk (default: what leaves 2 % of the area as spare blocks)'
complete -c nvmvd -n '__nvmvd_in resize' -s f -l force -d 'take a new extent that holds a file system or other data'
complete -c nvmvd -n '__nvmvd_in resize' -l guard -x -a 'auto none pkey mprotect map' -d 'how stray writes of this program are kept off the disk (default: auto)'
complete -c nvmvd -n '__nvmvd_in resize' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in resize' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in resize' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in resize' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmvd -n '__nvmvd_in resize' -s y -l yes -d 'answer yes to every question'
complete -c nvmvd -n '__nvmvd_in resize' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in resize' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at resize 1' -rF -a '(__nvmvd_names children)'
complete -c nvmvd -n '__nvmvd_at resize 2' -x -a '(__nvmvd_sizes)'

complete -c nvmvd -n __nvmvd_begin -a export -d 'write a disk'\''s image to a file or to standard output'
complete -c nvmvd -n '__nvmvd_in export' -s f -l force -d 'overwrite FILE if there is one'
complete -c nvmvd -n '__nvmvd_in export' -l skip-damaged -d 'put zeros in the place of damaged blocks, and end with 11'
complete -c nvmvd -n '__nvmvd_in export' -l no-verify -d 'do not compare the data with their checksums: damaged blocks are exported as they are'
complete -c nvmvd -n '__nvmvd_in export' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in export' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in export' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in export' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in export' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at export 1' -rF -a '(__nvmvd_names children)'
complete -c nvmvd -n '__nvmvd_at export 2' -rF

complete -c nvmvd -n __nvmvd_begin -a import -d 'fill a disk from an image'
complete -c nvmvd -n '__nvmvd_in import' -l guard -x -a 'auto none pkey mprotect map' -d 'how stray writes of this program are kept off the disk (default: auto)'
complete -c nvmvd -n '__nvmvd_in import' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in import' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in import' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in import' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmvd -n '__nvmvd_in import' -s y -l yes -d 'answer yes to every question'
complete -c nvmvd -n '__nvmvd_in import' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in import' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at import 1' -rF -a '(__nvmvd_names children)'
complete -c nvmvd -n '__nvmvd_at import 2' -rF

complete -c nvmvd -n __nvmvd_begin -a serve -d 'serve a disk by the NBD protocol, with nbdkit'
complete -c nvmvd -n '__nvmvd_in serve' -s s -l socket -rF -d 'the Unix domain socket (default: in $XDG_RUNTIME_DIR/nvmpool, or /run/nvmpool for root, named for the target)'
complete -c nvmvd -n '__nvmvd_in serve' -l port -x -d 'serve on this TCP port of the local host instead'
complete -c nvmvd -n '__nvmvd_in serve' -s r -l read-only -d 'store nothing: neither clients nor recovery'
complete -c nvmvd -n '__nvmvd_in serve' -l no-verify -d 'do not compare the data with their checksums: damaged blocks are read as they are'
complete -c nvmvd -n '__nvmvd_in serve' -l guard -x -a 'auto none pkey mprotect map' -d 'how stray writes of this program are kept off the disk (default: auto)'
complete -c nvmvd -n '__nvmvd_in serve' -s e -l extent -rF -d 'one more file or device that the disk lies on; repeated, in any order'
complete -c nvmvd -n '__nvmvd_in serve' -s p -l pool -rF -a '(__nvmvd_names pools)' -d 'the pool that has the child: its path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmvd -n '__nvmvd_in serve' -s w -l wait -x -d 'how long to wait for another command to be done with the disk (default: 10; 0: do not wait)'
complete -c nvmvd -n '__nvmvd_in serve' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in serve' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at serve 1' -rF -a '(__nvmvd_names children)'

complete -c nvmvd -n __nvmvd_begin -a attach -d 'make a disk a block device of this machine'\''s kernel'
complete -c nvmvd -n '__nvmvd_in attach' -s a -l all -d 'all that is whole, unused, and was not detached by hand'
complete -c nvmvd -n '__nvmvd_in attach' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in attach' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_in attach' -rF

complete -c nvmvd -n __nvmvd_begin -a detach -d 'take a disk from this machine'\''s kernel'
complete -c nvmvd -n '__nvmvd_in detach' -s a -l all -d 'all that nobody has open'
complete -c nvmvd -n '__nvmvd_in detach' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in detach' -s h -l help -d 'print this help'
complete -c nvmvd -n '__nvmvd_at detach 1' -x -a '(__nvmvd_names disks)'

complete -c nvmvd -n __nvmvd_begin -a list -d 'list the disks of this machine'\''s kernel'
complete -c nvmvd -n '__nvmvd_in list' -s j -l json -d 'print JSON'
complete -c nvmvd -n '__nvmvd_in list' -s h -l help -d 'print this help'
