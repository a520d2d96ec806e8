/*
 * hash.c: the hash behind every bucket.
 *
 * MurmurHash3_x86_32 by Austin Appleby, who put it into the public domain: it
 * is what most experiment SDKs use, it is fast, and unlike PostgreSQL's own
 * hash functions it is promised never to change. Pure: no catalog, no setting.
 */
#include "experiment/experiment.h"

#include "port/pg_bitutils.h"

static inline uint32
MixBlock(uint32 k)
{
	return pg_rotate_left32(k * 0xcc9e2d51U, 15) * 0x1b873593U;
}

static inline uint32
Finish(uint32 h)
{
	h = (h ^ (h >> 16)) * 0x85ebca6bU;
	h = (h ^ (h >> 13)) * 0xc2b2ae35U;
	return h ^ (h >> 16);
}

uint32
ExperimentMurmur3(const void *bytes, int length, uint32 seed)
{
	const uint8 *data = bytes;
	uint32		h = seed;
	uint32		tail = 0;
	int			whole = length & ~3;

	for (int i = 0; i < whole; i += 4)
	{
		uint32		k = data[i] | data[i + 1] << 8 | data[i + 2] << 16 |
		(uint32) data[i + 3] << 24;

		h = pg_rotate_left32(h ^ MixBlock(k), 13) * 5 + 0xe6546b64U;
	}
	for (int i = length - 1; i >= whole; i--)
		tail = tail << 8 | data[i];
	if (length > whole)
		h ^= MixBlock(tail);
	return Finish(h ^ (uint32) length);
}
