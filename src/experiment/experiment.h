/*
 * experiment.h: who gets which variant.
 *
 * A bucket is a pure function of a seed and a unit, the same for ever, in
 * every session and on every machine: no table remembers it. Texts are in the
 * server's encoding and hashed as UTF-8.
 */
#ifndef PERSONA_EXPERIMENT_H
#define PERSONA_EXPERIMENT_H

#include "base/persona.h"

/* MurmurHash3 (x86, 32 bits) of `length` bytes. */
extern uint32 ExperimentMurmur3(const void *bytes, int length, uint32 seed);

/* The bucket of `unit` under `seed`, in [0, 1). */
extern double ExperimentBucket(const char *seed, const char *unit);

/* The same for texts that say how long they are. */
extern double ExperimentBucketOf(const char *seed, int seed_length,
								 const char *unit, int unit_length);

/*
 * Which of `n` variants the unit gets: 1-based, 0 for none. Weights are
 * shares, none negative. A weight that grows moves units to its variant and
 * nowhere else. `coverage` is a gate with a seed of its own: growing it moves
 * nobody out and changes nobody's variant.
 */
extern int	ExperimentChoose(const char *seed, const char *unit, int n,
							 const double *weights, double coverage);

#endif							/* PERSONA_EXPERIMENT_H */
