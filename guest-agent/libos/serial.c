// SPDX-License-Identifier: BSD-3-Clause
/*
 * serial.c - bytes to the outside, and the way out.
 *
 * To isa-debugcon where there is one, which takes a byte without asking; else
 * to the first serial port.  What was written before the machine was killed
 * has left it: there is no buffer on this side.
 */
#include "guest-agent/libos/machine.h"

#define DEBUGCON	0xe9
#define DEBUGCON_READS	0xe9		/* its value when it is there */
#define COM1		0x3f8
#define COM1_STATUS	(COM1 + 5)
#define COM1_EMPTY	0x20
#define DEBUG_EXIT	0xf4

static bool has_debugcon;

static uint8_t port_read(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static void port_write(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

void serial_init(void)
{
	has_debugcon = port_read(DEBUGCON) == DEBUGCON_READS;
}

static void byte_write(char byte)
{
	if (!has_debugcon)
		while (!(port_read(COM1_STATUS) & COM1_EMPTY))
			;
	port_write(has_debugcon ? DEBUGCON : COM1, (uint8_t)byte);
}

void serial_text(const char *text)
{
	while (*text)
		byte_write(*text++);
}

void serial_number(uint64_t number)
{
	char digits[21];
	unsigned at = sizeof(digits) - 1;

	digits[at] = 0;
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	serial_text(digits + at);
}

void libos_exit(int status)
{
	port_write(DEBUG_EXIT, (uint8_t)status);
	for (;;)
		__asm__ volatile("cli; hlt");
}
