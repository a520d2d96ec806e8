/*
 * experiment.h: who gets which variant.
 *
 * A bucket is a pure function of a seed and a unit, the same for ever, in
 * every session and on every machine: no table remembers it.
 */
#ifndef PERSONA_EXPERIMENT_H
#define PERSONA_EXPERIMENT_H

#include "base/persona.h"

/* MurmurHash3 (x86, 32 bits) of `length` bytes. */
extern uint32 ExperimentMurmur3(const void *bytes, int length, uint32 seed);

/* The bucket of `unit` under `seed`, in [0, 1); both in the server encoding. */
extern double ExperimentBucket(const char *seed, const char *unit);

/*
 * Which of `n` variants the unit gets: 1-based, 0 for none. Each variant owns
 * a stretch of [0, 1) that begins where the weights before it end, so a
 * weight that grows moves only those who must move. `coverage` is a gate of
 * its own with a seed of its own: growing it moves nobody out.
 */
extern int	ExperimentChoose(const char *seed, const char *unit, int n,
							 const double *weights, double coverage);

#endif							/* PERSONA_EXPERIMENT_H */
