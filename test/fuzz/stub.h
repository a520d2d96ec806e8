/*
 * stub.h: how a target of the fuzzer calls a kernel.
 */
#ifndef FUZZ_STUB_H
#define FUZZ_STUB_H

/* Runs the kernel on one input, up to its end or its error. */
extern int	Fuzz(void (*kernel) (const char *text), const uint8 *data,
				 size_t size);

#endif							/* FUZZ_STUB_H */
