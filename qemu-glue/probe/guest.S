/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest.S - the smallest guest that proves an accelerator works.
 *
 * QEMU enters it through its PVH note in 32-bit mode, as it enters a Linux
 * kernel.  It does what such a kernel does first and what half-working
 * accelerators fail at: page tables, long mode, an exception through an IDT,
 * stores through the mapping.  Only then does it write VALUE to isa-debug-exit,
 * and QEMU ends with (VALUE << 1) | 1 = 33.  A triple fault ends QEMU with 0
 * and a hang with nothing, so neither can be mistaken for success.
 *
 * All its memory is below 2 MiB; one page of 2 MiB is identity-mapped twice,
 * at 0 and at 1 GiB.
 */
#define DEBUG_EXIT	0xf4
#define VALUE		0x10
#define MSR_EFER	0xc0000080
#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define ALIAS		0x40000000

	.section .note.pvh, "a", @note
	.long	4, 4, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz	"Xen"
	.long	start32

	.text
	.code32
	.globl	start32
start32:
	cli
	movl	$stack_top, %esp
	movl	$(pdpt + 3), pml4
	movl	$(pd + 3), pdpt
	movl	$(pd + 3), pdpt + 8
	movl	$0x83, pd		/* present, writable, 2 MiB, at 0 */
	movl	$pml4, %eax
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

	/* An invalid instruction must come back to us through the IDT. */
	movl	$on_invalid, %eax
	movw	%ax, idt + 6 * 16
	movw	$8, idt + 6 * 16 + 2
	movw	$0x8e00, idt + 6 * 16 + 4
	shrl	$16, %eax
	movw	%ax, idt + 6 * 16 + 6
	lidt	idtr
	xorl	%ebx, %ebx
	ud2
after_invalid:
	cmpl	$6, %ebx
	jne	fail

	/* A store must be seen through the other mapping of the page. */
	movl	$0x4e564d50, word
	movl	word + ALIAS, %eax
	cmpl	$0x4e564d50, %eax
	jne	fail
	movb	$VALUE, %al
	outb	%al, $DEBUG_EXIT
fail:
	hlt
	jmp	fail

on_invalid:
	movl	$6, %ebx
	movq	$after_invalid, (%rsp)
	iretq

	.data
	.balign	8
gdt:	.quad	0, 0x00af9a000000ffff, 0x00cf92000000ffff
gdtr:	.word	. - gdt - 1
	.long	gdt
idtr:	.word	7 * 16 - 1
	.quad	idt

	.bss
	.balign	4096
pml4:	.skip	4096
pdpt:	.skip	4096
pd:	.skip	4096
idt:	.skip	7 * 16
word:	.skip	4
	.balign	16
	.skip	4096
stack_top:
	.section .note.GNU-stack, "", @progbits
