/*
 * server.h: what a fuzz target needs around the kernel it drives.
 */
#ifndef PERSONA_FUZZ_SERVER_H
#define PERSONA_FUZZ_SERVER_H

/* Runs it; an error that it reports ends it there. */
extern void FuzzTry(void (*work) (void));

/* Gives back all that was palloc'd. */
extern void FuzzFreeAll(void);

/* Whether bytes are a text such as a database in UTF-8 would hold. */
extern bool FuzzIsText(const char *bytes, size_t length);

#endif							/* PERSONA_FUZZ_SERVER_H */
