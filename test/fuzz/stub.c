/*
 * stub.c: what a kernel needs of the server, so that a fuzzer can drive it
 * alone. Memory is given back after each input; an error ends the input.
 * Strings are PostgreSQL's own, from libpgcommon and libpgport.
 */
#include "postgres.h"

#include <setjmp.h>
#include <time.h>

#include "miscadmin.h"
#include "utils/datetime.h"

#include "stub.h"

static sigjmp_buf input_ends;

/* ---- memory: blocks in a list ---- */

typedef struct Block
{
	struct Block *next;
	struct Block *previous;
} Block;

static Block blocks = {&blocks, &blocks};

static void *
Add(Block *block)
{
	block->next = blocks.next;
	block->previous = &blocks;
	block->next->previous = blocks.next = block;
	return block + 1;
}

static Block *
Remove(void *pointer)
{
	Block	   *block = (Block *) pointer - 1;

	block->next->previous = block->previous;
	block->previous->next = block->next;
	return block;
}

void *
palloc(Size size)
{
	return Add(malloc(sizeof(Block) + size));
}

void *
palloc0(Size size)
{
	return Add(calloc(1, sizeof(Block) + size));
}

void *
repalloc(void *pointer, Size size)
{
	return Add(realloc(Remove(pointer), sizeof(Block) + size));
}

void
pfree(void *pointer)
{
	free(Remove(pointer));
}

char *
pstrdup(const char *text)
{
	return strcpy(palloc(strlen(text) + 1), text);
}

/* ---- errors: the input is over ---- */

bool
errstart(int level, const char *domain)
{
	return level >= ERROR;
}

bool
errstart_cold(int level, const char *domain)
{
	return errstart(level, domain);
}

void
errfinish(const char *file, int line, const char *function)
{
	siglongjmp(input_ends, 1);
}

int
errcode(int code)
{
	return 0;
}

int
errmsg(const char *format,...)
{
	return 0;
}

int
errmsg_internal(const char *format,...)
{
	return 0;
}

int
errdetail(const char *format,...)
{
	return 0;
}

int
errhint(const char *format,...)
{
	return 0;
}

/* ---- the rest ---- */

volatile sig_atomic_t InterruptPending = false;

void
ProcessInterrupts(void)
{
}

/* The calendar date of a Julian day, by the C library. */
void
j2date(int julian, int *year, int *month, int *day)
{
	time_t		at = (julian - (time_t) UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	struct tm	broken_down;

	gmtime_r(&at, &broken_down);
	*year = broken_down.tm_year + 1900;
	*month = broken_down.tm_mon + 1;
	*day = broken_down.tm_mday;
}

int
Fuzz(void (*kernel) (const char *text), const uint8 *data, size_t size)
{
	char	   *text = palloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	if (sigsetjmp(input_ends, 0) == 0)
		kernel(text);
	while (blocks.next != &blocks)
		pfree(blocks.next + 1);
	return 0;
}
