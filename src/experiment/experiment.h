/*
 * experiment.h: who gets which variant.
 *
 * A bucket is a pure function of a seed and a unit, the same for ever, in
 * every session and on every machine: no table remembers it. Texts are in the
 * server's encoding unless they are called utf8.
 */
#ifndef PERSONA_EXPERIMENT_H
#define PERSONA_EXPERIMENT_H

#include "base/persona.h"

/* ---- hash.c: the hashes ---- */

/* MurmurHash3 (x86, 32 bits) of `length` bytes. */
extern uint32 ExperimentMurmur3(const void *bytes, int length, uint32 seed);

/* FNV-1a (32 bits) of the text's UTF-16 code units, each whole. */
extern uint32 ExperimentFnv1a(const char *utf8);

/* The first 64 bits of a digest, the first byte the highest. */
extern uint64 ExperimentSha1(const char *utf8);
extern uint64 ExperimentSha256(const char *utf8);

/* The text as a script in a browser holds it: `*n` UTF-16 code units. */
extern uint16 *ExperimentUtf16(const char *utf8, int *n);

/* ---- bucket.c: persona's own scheme ---- */

/* The bucket of `unit` under `seed`, in [0, 1). */
extern double ExperimentBucket(const char *seed, const char *unit);

/* The same for texts that say how long they are. */
extern double ExperimentBucketOf(const char *seed, int seed_length,
								 const char *unit, int unit_length);

/*
 * Which of `n` variants the unit gets: 1-based, 0 for none. Weights are
 * shares, none negative. A weight that grows relative to all others moves units
 * to its variant and nowhere else. `coverage` is a gate with a seed of its own: growing it moves
 * nobody out and changes nobody's variant.
 */
extern int	ExperimentChoose(const char *seed, const char *unit, int n,
							 const double *weights, double coverage);

/* ---- scheme.c: the schemes of others ---- */

/* A scheme is its place in the list of schemes; persona's is the first. */
#define SCHEME_PERSONA 0

/* What the weights of a scheme have to be. */
typedef enum SchemeWeights
{
	WEIGHTS_SHARES,				/* shares that make 1 */
	WEIGHTS_PARTS,				/* shares that make 1 at most */
	WEIGHTS_WHOLE,				/* shares that make 1, or whole numbers */
	WEIGHTS_ANY					/* anything; a wrong sum means equal ones */
} SchemeWeights;

/* The scheme of this name, or an error that lists them. */
extern int	ExperimentScheme(const char *name);
extern const char *ExperimentSchemeName(int scheme);
extern SchemeWeights ExperimentSchemeWeights(int scheme);

/* ExperimentBucket and ExperimentChoose by a scheme of the list. */
extern double ExperimentBucketBy(int scheme, const char *seed,
								 const char *unit);
extern int	ExperimentChooseBy(int scheme, const char *seed,
							   const char *unit, int n,
							   const double *weights, double coverage);

#endif							/* PERSONA_EXPERIMENT_H */
