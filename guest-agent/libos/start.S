/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * start.S - from QEMU's PVH entry (32-bit, paging off, %ebx: struct pvh_start)
 * to libos_start() in long mode.
 *
 * The first 4 GiB are mapped one to one in pages of 2 MiB; pages.c adds what
 * lies above.  There is no IDT: an exception resets the machine, and QEMU with
 * -no-reboot ends with status 0, which no program returns.
 */
#define MSR_EFER	0xc0000080
#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define STACK_BYTES	65536

	.section .note.pvh, "a", @note
	.long	4, 4, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz	"Xen"
	.long	libos_start32

	.text
	.code32
	.globl	libos_start32
libos_start32:
	cli
	cld
	movl	$stack_top, %esp
	movl	$(pdpt + 3), libos_pml4

	/* Entry i of four tables in a row: 2 MiB at i << 21. */
	xorl	%ecx, %ecx
1:	movl	%ecx, %eax
	shll	$21, %eax
	orl	$0x83, %eax		/* present, writable, 2 MiB */
	movl	%eax, pd(, %ecx, 8)
	incl	%ecx
	cmpl	$2048, %ecx
	jb	1b
	movl	$(pd + 3), pdpt
	movl	$(pd + 4096 + 3), pdpt + 8
	movl	$(pd + 8192 + 3), pdpt + 16
	movl	$(pd + 12288 + 3), pdpt + 24
	movl	$libos_pml4, %eax
	movl	%eax, %cr3

	movl	%cr4, %eax
	orl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$0x100, %eax		/* LME */
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000001, %eax	/* PG, PE */
	movl	%eax, %cr0
	lgdt	gdtr
	ljmp	$8, $start64

	.code64
start64:
	movl	$16, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$stack_top, %esp
	xorl	%ebp, %ebp
	movl	%ebx, %edi
	call	libos_start
	ud2

	.data
	.balign	8
gdt:	.quad	0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdtr:	.word	. - gdt - 1
	.long	gdt

	.bss
	.balign	4096
	.globl	libos_pml4
libos_pml4: .skip 4096
pdpt:	.skip	4096
pd:	.skip	4 * 4096
	.skip	STACK_BYTES
stack_top:
	.section .note.GNU-stack, "", @progbits
