/*
 * hash.c: the hashes behind every bucket, and what they are fed with.
 *
 * MurmurHash3_x86_32 by Austin Appleby, who put it into the public domain: it
 * is what most experiment SDKs use, it is fast, and unlike PostgreSQL's own
 * hash functions it is promised never to change. FNV-1a is GrowthBook's, SHA-1
 * and SHA-256 are taken from PostgreSQL. Pure: no catalog, no setting.
 */
#include "experiment/experiment.h"

#include "common/cryptohash.h"
#include "common/sha1.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

/* ---- MurmurHash3 ---- */

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

/* ---- what a script sees: UTF-16 ---- */

/*
 * The code point that starts at `*at`, which moves past it. A byte that starts
 * none, as a database of no encoding may hold, stands for itself.
 */
static uint32
NextCodePoint(const unsigned char **at, const unsigned char *end)
{
	const unsigned char *start = *at;
	int			length = pg_utf_mblen(start);

	if (end - start < length || !pg_utf8_islegal(start, length))
	{
		*at = start + 1;
		return *start;
	}
	*at = start + length;
	return utf8_to_unicode(start);
}

uint16 *
ExperimentUtf16(const char *utf8, int *n)
{
	const unsigned char *at = (const unsigned char *) utf8;
	const unsigned char *end = at + strlen(utf8);
	uint16	   *units = palloc(sizeof(uint16) * (end - at + 1));

	*n = 0;
	while (at < end)
	{
		uint32		c = NextCodePoint(&at, end);

		if (c >= 0x10000)
			units[(*n)++] = 0xd800 + ((c - 0x10000) >> 10);
		units[(*n)++] = c < 0x10000 ? c : 0xdc00 + (c & 0x3ff);
	}
	return units;
}

uint32
ExperimentFnv1a(const char *utf8)
{
	int			n;
	uint16	   *units = ExperimentUtf16(utf8, &n);
	uint32		h = 2166136261U;

	for (int i = 0; i < n; i++)
		h = (h ^ units[i]) * 16777619U;
	pfree(units);
	return h;
}

/* ---- the first 64 bits of a digest ---- */

static uint64
Digest64(pg_cryptohash_type type, uint8 *digest, size_t length,
		 const char *utf8)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(type);
	uint64		first;

	if (pg_cryptohash_init(hash) < 0 ||
		pg_cryptohash_update(hash, (const uint8 *) utf8, strlen(utf8)) < 0 ||
		pg_cryptohash_final(hash, digest, length) < 0)
		elog(ERROR, "could not compute a digest");
	pg_cryptohash_free(hash);
	memcpy(&first, digest, sizeof(first));
	return pg_ntoh64(first);
}

uint64
ExperimentSha1(const char *utf8)
{
	uint8		digest[SHA1_DIGEST_LENGTH];

	return Digest64(PG_SHA1, digest, sizeof(digest), utf8);
}

uint64
ExperimentSha256(const char *utf8)
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	return Digest64(PG_SHA256, digest, sizeof(digest), utf8);
}
