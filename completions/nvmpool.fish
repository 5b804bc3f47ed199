# fish completion for nvmpool
# Made from the option tables by 'nvmpool __generate fish'; do not edit.

# The names of a kind (children, vms, pools, disks), in the pool on the line.
function __nvmpool_names
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
    nvmpool __names $argv[1] $pool 2>/dev/null
end

function __nvmpool_sizes
    set -l word (commandline -ct | string replace -r -- '^--?[a-z-]*=?' '')
    if string match -qr -- '^[-+]?[0-9]+([.][0-9]+)?$' $word
        printf '%s\n' $word{K,M,G,T}
    end
end

# The cursor is behind no command yet.
function __nvmpool_begin
    test (count (commandline -opc)) = 1
end

# __nvmpool_in COMMAND: that is the command on the line.
function __nvmpool_in
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end

# __nvmpool_at COMMAND NUMBER: the cursor is at this argument of it.
function __nvmpool_at
    __nvmpool_in $argv[1]; or return 1
    set -l words (commandline -opc)
    set -e words[1..2]
    set -l number 1
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
        else if string match -qr -- '^-[^0-9]' $word
            __nvmpool_takes_value $argv[1] $word; and set skip 1
        else
            set number (math $number + 1)
        end
    end
    test $number = $argv[2]
end

# __nvmpool_takes_value COMMAND OPTION: its value is the next word.
function __nvmpool_takes_value
    switch "$argv[1]:$argv[2]"
        case '' format:--size format:-s format:--unit format:-u format:--children format:-c format:--label format:-l format:--name format:--reconfigure list:--vm list:--pool list:-p list:--wait list:-w show:--pool show:-p show:--wait show:-w carve:--mode carve:-m carve:--pool carve:-p carve:--wait carve:-w assign:--name assign:--ram assign:--machine assign:--device assign:--mode assign:-m assign:--grow-to assign:--for assign:--pool assign:-p assign:--wait assign:-w args:--ram args:--machine args:--for args:--with args:--name args:--from-extent args:--pool args:-p args:--wait args:-w resize:--pool resize:-p resize:--wait resize:-w rename:--pool rename:-p rename:--wait rename:-w release:--pool release:-p release:--wait release:-w compact:--pool compact:-p compact:--wait compact:-w check:--pool check:-p check:--wait check:-w export:--pool export:-p export:--wait export:-w import:--pool import:-p import:--wait import:-w map:--width map:--pool map:-p map:--wait map:-w doctor:--backing doctor:-b doctor:--qemu doctor:--selftest doctor:--selftest-time doctor:--pool doctor:-p doctor:--wait doctor:-w pools:--name
            return 0
    end
    return 1
end

complete -c nvmpool -f
complete -c nvmpool -n __nvmpool_begin -s h -l help -d 'print help'
complete -c nvmpool -n __nvmpool_begin -s V -l version -d 'print the version'
complete -c nvmpool -n __nvmpool_begin -a help -d 'tell how to use a command'
complete -c nvmpool -n '__nvmpool_at help 1' -a format
complete -c nvmpool -n '__nvmpool_at help 1' -a list
complete -c nvmpool -n '__nvmpool_at help 1' -a show
complete -c nvmpool -n '__nvmpool_at help 1' -a carve
complete -c nvmpool -n '__nvmpool_at help 1' -a assign
complete -c nvmpool -n '__nvmpool_at help 1' -a args
complete -c nvmpool -n '__nvmpool_at help 1' -a resize
complete -c nvmpool -n '__nvmpool_at help 1' -a rename
complete -c nvmpool -n '__nvmpool_at help 1' -a release
complete -c nvmpool -n '__nvmpool_at help 1' -a compact
complete -c nvmpool -n '__nvmpool_at help 1' -a check
complete -c nvmpool -n '__nvmpool_at help 1' -a export
complete -c nvmpool -n '__nvmpool_at help 1' -a import
complete -c nvmpool -n '__nvmpool_at help 1' -a map
complete -c nvmpool -n '__nvmpool_at help 1' -a doctor
complete -c nvmpool -n '__nvmpool_at help 1' -a pools

complete -c nvmpool -n __nvmpool_begin -a format -d 'make a file or device into an empty pool'
complete -c nvmpool -n '__nvmpool_in format' -s s -l size -x -a '(__nvmpool_sizes)' -d 'create a sparse file of this size (default for a new file: 16G)'
complete -c nvmpool -n '__nvmpool_in format' -s u -l unit -x -a '(__nvmpool_sizes)' -d 'allocation unit, a power of two from 64K to 1G (default: 2M, more for a very large pool)'
complete -c nvmpool -n '__nvmpool_in format' -s c -l children -x -d 'how many children there can be, at most 100000'
complete -c nvmpool -n '__nvmpool_in format' -s l -l label -x -d 'a label for people, at most 63 bytes'
complete -c nvmpool -n '__nvmpool_in format' -l name -x -d 'register the pool under this name (default: its label, else the file'\''s name)'
complete -c nvmpool -n '__nvmpool_in format' -s f -l force -d 'overwrite a pool, file system or partition table'
complete -c nvmpool -n '__nvmpool_in format' -l reconfigure -x -a 'devdax' -d 'first turn the NVDIMM namespace below /dev/pmemN into this mode, so that VMs map it directly'
complete -c nvmpool -n '__nvmpool_in format' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmpool -n '__nvmpool_in format' -s y -l yes -d 'answer yes to every question'
complete -c nvmpool -n '__nvmpool_in format' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in format' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at format 1' -rF

complete -c nvmpool -n __nvmpool_begin -a list -d 'list the children of a pool'
complete -c nvmpool -n '__nvmpool_in list' -l vm -x -a '(__nvmpool_names vms)' -d 'only the children of this VM'
complete -c nvmpool -n '__nvmpool_in list' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in list' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in list' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in list' -s h -l help -d 'print this help'

complete -c nvmpool -n __nvmpool_begin -a show -d 'show everything about a child'
complete -c nvmpool -n '__nvmpool_in show' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in show' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in show' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in show' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at show 1' -x -a '(__nvmpool_names children)'

complete -c nvmpool -n __nvmpool_begin -a carve -d 'carve a child out of a pool'
complete -c nvmpool -n '__nvmpool_in carve' -s m -l mode -x -a 'raw devdax fsdax' -d 'how a guest'\''s kernel brings the child up (default: raw)'
complete -c nvmpool -n '__nvmpool_in carve' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in carve' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in carve' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmpool -n '__nvmpool_in carve' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in carve' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at carve 2' -x -a '(__nvmpool_sizes)'

complete -c nvmpool -n __nvmpool_begin -a assign -d 'carve a child for a VM and print the VM'\''s arguments'
complete -c nvmpool -n '__nvmpool_in assign' -l name -x -a '(__nvmpool_names children)' -d 'name of the child (default: the VM'\''s)'
complete -c nvmpool -n '__nvmpool_in assign' -l ram -x -a '(__nvmpool_sizes)' -d 'the VM'\''s ordinary memory (default: 1G)'
complete -c nvmpool -n '__nvmpool_in assign' -l machine -x -d 'QEMU'\''s machine: q35, pc or a version of them (default: q35)'
complete -c nvmpool -n '__nvmpool_in assign' -l device -x -a 'auto nvdimm virtio-pmem' -d 'what the guest sees; auto is the one that tells it the truth about what is durable (default: auto)'
complete -c nvmpool -n '__nvmpool_in assign' -s m -l mode -x -a 'raw devdax fsdax' -d 'how the guest'\''s kernel brings the child up (default: devdax on an NVDIMM, fsdax on virtio-pmem and read-only)'
complete -c nvmpool -n '__nvmpool_in assign' -l read-only -d 'the VM may not write'
complete -c nvmpool -n '__nvmpool_in assign' -l shared -d 'read-only, and for several VMs'
complete -c nvmpool -n '__nvmpool_in assign' -l writable -d 'no longer read-only or shared'
complete -c nvmpool -n '__nvmpool_in assign' -l grow-to -x -a '(__nvmpool_sizes)' -d 'keep room in the VM (addresses, slots, PCI ports) to plug in more of the child, up to this size, without a new start'
complete -c nvmpool -n '__nvmpool_in assign' -l for -x -a 'qemu qmp libvirt cloud-hypervisor firecracker crosvm kvmtool' -d 'write it for this VMM (default: qemu)'
complete -c nvmpool -n '__nvmpool_in assign' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in assign' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in assign' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmpool -n '__nvmpool_in assign' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in assign' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at assign 1' -x -a '(__nvmpool_names vms)'
complete -c nvmpool -n '__nvmpool_at assign 2' -x -a '(__nvmpool_sizes)'

complete -c nvmpool -n __nvmpool_begin -a args -d 'print the arguments that give a VM its children'
complete -c nvmpool -n '__nvmpool_in args' -l ram -x -a '(__nvmpool_sizes)' -d 'the VM'\''s ordinary memory (default: 1G)'
complete -c nvmpool -n '__nvmpool_in args' -l machine -x -d 'QEMU'\''s machine: q35, pc or a version of them (default: q35)'
complete -c nvmpool -n '__nvmpool_in args' -l for -x -a 'qemu qmp libvirt cloud-hypervisor firecracker crosvm kvmtool' -d 'write it for this VMM (default: qemu)'
complete -c nvmpool -n '__nvmpool_in args' -l with -x -a '(__nvmpool_names children)' -d 'shared children of other VMs to add'
complete -c nvmpool -n '__nvmpool_in args' -l name -x -a '(__nvmpool_names children)' -d 'with --for qmp: plug in this child only'
complete -c nvmpool -n '__nvmpool_in args' -l from-extent -x -d 'with --name: plug in its extents from this one on'
complete -c nvmpool -n '__nvmpool_in args' -s f -l force -d 'also while a process maps a child'
complete -c nvmpool -n '__nvmpool_in args' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in args' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in args' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in args' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at args 1' -x -a '(__nvmpool_names vms)'

complete -c nvmpool -n __nvmpool_begin -a resize -d 'make a child longer or shorter at its end'
complete -c nvmpool -n '__nvmpool_in resize' -l live -d 'grow by new extents only, to plug into a running VM'
complete -c nvmpool -n '__nvmpool_in resize' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in resize' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in resize' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmpool -n '__nvmpool_in resize' -s y -l yes -d 'answer yes to every question'
complete -c nvmpool -n '__nvmpool_in resize' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in resize' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at resize 1' -x -a '(__nvmpool_names children)'
complete -c nvmpool -n '__nvmpool_at resize 2' -x -a '(__nvmpool_sizes)'

complete -c nvmpool -n __nvmpool_begin -a rename -d 'give a child another name'
complete -c nvmpool -n '__nvmpool_in rename' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in rename' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in rename' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmpool -n '__nvmpool_in rename' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in rename' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at rename 1' -x -a '(__nvmpool_names children)'

complete -c nvmpool -n __nvmpool_begin -a release -d 'give a child'\''s space back to the pool'
complete -c nvmpool -n '__nvmpool_in release' -l keep-dirty -d 'leave cleaning to whoever gets the units next'
complete -c nvmpool -n '__nvmpool_in release' -s f -l force -d 'give up a child whose extents are lost, too; '\''nvmpool check --repair'\'' then finds what nobody owns'
complete -c nvmpool -n '__nvmpool_in release' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in release' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in release' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmpool -n '__nvmpool_in release' -s y -l yes -d 'answer yes to every question'
complete -c nvmpool -n '__nvmpool_in release' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in release' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at release 1' -x -a '(__nvmpool_names children)'

complete -c nvmpool -n __nvmpool_begin -a compact -d 'move children together, to join the free space'
complete -c nvmpool -n '__nvmpool_in compact' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in compact' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in compact' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmpool -n '__nvmpool_in compact' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in compact' -s h -l help -d 'print this help'

complete -c nvmpool -n __nvmpool_begin -a check -d 'check the pool'\''s metadata, and mend it'
complete -c nvmpool -n '__nvmpool_in check' -l repair -d 'mend what can be mended'
complete -c nvmpool -n '__nvmpool_in check' -l deep -d 'also read all free units that should be zeros'
complete -c nvmpool -n '__nvmpool_in check' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in check' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in check' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmpool -n '__nvmpool_in check' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in check' -s h -l help -d 'print this help'

complete -c nvmpool -n __nvmpool_begin -a export -d 'write a child'\''s image to a file or to standard output'
complete -c nvmpool -n '__nvmpool_in export' -s f -l force -d 'overwrite FILE if there is one'
complete -c nvmpool -n '__nvmpool_in export' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in export' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in export' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in export' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at export 1' -x -a '(__nvmpool_names children)'
complete -c nvmpool -n '__nvmpool_at export 2' -rF

complete -c nvmpool -n __nvmpool_begin -a import -d 'fill a child from an image'
complete -c nvmpool -n '__nvmpool_in import' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in import' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in import' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmpool -n '__nvmpool_in import' -s y -l yes -d 'answer yes to every question'
complete -c nvmpool -n '__nvmpool_in import' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in import' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at import 1' -x -a '(__nvmpool_names children)'
complete -c nvmpool -n '__nvmpool_at import 2' -rF

complete -c nvmpool -n __nvmpool_begin -a map -d 'draw where the children lie in a pool'
complete -c nvmpool -n '__nvmpool_in map' -l width -x -d 'draw this wide (default: as the terminal, else 80)'
complete -c nvmpool -n '__nvmpool_in map' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in map' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in map' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in map' -s h -l help -d 'print this help'

complete -c nvmpool -n __nvmpool_begin -a doctor -d 'try what the backing and this machine give a guest'
complete -c nvmpool -n '__nvmpool_in doctor' -s b -l backing -rF -d 'look at this file, device or directory instead of a pool'
complete -c nvmpool -n '__nvmpool_in doctor' -l qemu -rF -d 'look at this QEMU (default: qemu-system-x86_64)'
complete -c nvmpool -n '__nvmpool_in doctor' -l accel -d 'print only which accelerator works: kvm or tcg'
complete -c nvmpool -n '__nvmpool_in doctor' -l selftest -rF -d 'only run nvmtorture: power losses simulated in memory, and real kills on a scratch pool in DIR'
complete -c nvmpool -n '__nvmpool_in doctor' -l selftest-time -x -d 'for how long, about; 60 by default'
complete -c nvmpool -n '__nvmpool_in doctor' -s p -l pool -rF -a '(__nvmpool_names pools)' -d 'the pool'\''s path or registered name (default: $NVMPOOL, else the default or only registered pool)'
complete -c nvmpool -n '__nvmpool_in doctor' -s w -l wait -x -d 'how long to wait for another command to unlock the pool (default: 10; 0: do not wait)'
complete -c nvmpool -n '__nvmpool_in doctor' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in doctor' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at doctor 1' -x -a '(__nvmpool_names children)'

complete -c nvmpool -n __nvmpool_begin -a pools -d 'list, register, forget the pools known by name'
complete -c nvmpool -n '__nvmpool_in pools' -l name -x -d 'register under this name (default: the pool'\''s label, else the file'\''s name)'
complete -c nvmpool -n '__nvmpool_in pools' -s n -l dry-run -d 'do everything on a private copy and change nothing'
complete -c nvmpool -n '__nvmpool_in pools' -s j -l json -d 'print JSON'
complete -c nvmpool -n '__nvmpool_in pools' -s h -l help -d 'print this help'
complete -c nvmpool -n '__nvmpool_at pools 1' -x -a 'list register forget default no-default'
complete -c nvmpool -n '__nvmpool_at pools 2' -rF -a '(__nvmpool_names pools)'
