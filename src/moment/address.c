/*
 * address.c: caps that count by address.
 *
 * Two subjects may be one person, with one address: a cap over every channel
 * and purpose counts what went to the address, whoever it went to. Decisions
 * are known by their subject, so under such a cap those that send, or would
 * have sent to the holdout, leave a hash of their address for as long as the
 * cap looks back. The anchors do not keep two runners apart here, for their
 * subjects differ: a lock of the space does, taken before any anchor.
 */
#include "moment/gate.h"

#include "consent/consent.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"

bool
MomentCapIsByAddress(const MomentCap *cap)
{
	return cap->channel[0] == '\0' && cap->purpose[0] == '\0';
}

bool
MomentCapsByAddress(const Moment *moment)
{
	ListCell   *cell;

	foreach(cell, moment->caps)
		if (MomentCapIsByAddress(lfirst(cell)))
			return true;
	return false;
}

/* Of the keyed hash by which consent knows an address, the first eight bytes. */
int64
MomentAddressHash(const Space *space, const char *address)
{
	Datum		hash = ConsentPseudonym(space, "address", address);
	uint64		first;

	memcpy(&first, VARDATA_ANY(DatumGetByteaPP(hash)), sizeof(first));
	return (int64) pg_ntoh64(first);
}

bool
MomentLockAddresses(const Space *space, bool wait)
{
	PersonaArgs args = {0};
	bool		isnull;

	/* What is rolled back takes nobody's place, and is to hold up nobody. */
	if (MomentIsRehearsing())
		return true;
	PersonaArg(&args, INT8OID, Int64GetDatum(MomentAddressHash(space, "")),
			   false);
	if (wait)
	{
		PersonaExecuteKept("SELECT pg_catalog.pg_advisory_xact_lock($1)", &args, false);
		return true;
	}
	PersonaExecuteKept("SELECT pg_catalog.pg_try_advisory_xact_lock($1) AS locked",
					   &args, false);
	return DatumGetBool(PersonaColumn(0, "locked", &isnull));
}

/* The cases' hashes and subjects as arrays, those without an address NULL. */
static void
AddressArgs(const Space *space, List *cases, PersonaArgs *args)
{
	int			n = list_length(cases);
	Datum	   *hashes = palloc(sizeof(Datum) * n);
	bool	   *nulls = palloc(sizeof(bool) * n);
	List	   *subjects = NIL;
	int			dims[1] = {n};
	int			lower[1] = {1};

	for (int i = 0; i < n; i++)
	{
		MomentCase *one = list_nth(cases, i);

		nulls[i] = one->address == NULL;
		if (!nulls[i])
			one->address_hash = MomentAddressHash(space, one->address);
		hashes[i] = Int64GetDatum(one->address_hash);
		subjects = lappend(subjects, one->subject);
	}
	PersonaArg(args, INT8ARRAYOID,
			   PointerGetDatum(construct_md_array(hashes, nulls, 1, dims, lower,
												  INT8OID, 8, FLOAT8PASSBYVAL,
												  TYPALIGN_DOUBLE)), false);
	PersonaArg(args, TEXTARRAYOID, PersonaTexts(subjects), false);
}

/* ---- what is being decided ---- */

typedef struct Address
{
	int64		hash;
	int			sent;
} Address;

HTAB *
MomentAddresses(int n)
{
	HASHCTL		control = {.keysize = sizeof(int64),
		.entrysize = sizeof(Address),
	.hcxt = CurrentMemoryContext};

	return hash_create("persona addresses", Max(n, 1), &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

int *
MomentSentTo(HTAB *addresses, const MomentCase *one)
{
	bool		found;
	Address    *address = hash_search(addresses, &one->address_hash, HASH_ENTER,
									  &found);

	if (!found)
		address->sent = 0;
	return &address->sent;
}

/* ---- what was sent before ---- */

/* What others of the same address got, for one cap. */
static void
CountUnder(const Space *space, List *cases, const PersonaArgs *args,
		   const MomentCap *cap, int number)
{
	uint64		n = PersonaExecuteKept(psprintf("SELECT x.ord, pg_catalog.count(*) AS sent"
												" FROM unnest($1, $2) WITH ORDINALITY x(address, subject, ord)"
												" JOIN %s c ON c.address = x.address AND c.subject <> x.subject::%s"
												"  AND c.at > persona.now() - %s::pg_catalog.interval"
												" WHERE NOT %s GROUP BY x.ord",
												SpaceTable(space, "contact"),
												PersonaTypeName(space->key.type),
												PersonaLiteral(cap->per),
												MomentWasStopped(space, "c")),
									   args, false);

	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		int64		ord = DatumGetInt64(PersonaColumn(i, "ord", &isnull));
		MomentCase *one = list_nth(cases, (int) ord - 1);

		one->sent[number] += DatumGetInt64(PersonaColumn(i, "sent", &isnull));
	}
}

void
MomentCountByAddress(const Space *space, const Moment *moment, List *cases)
{
	PersonaArgs args = {0};

	if (cases == NIL || !MomentCapsByAddress(moment))
		return;
	AddressArgs(space, cases, &args);
	for (int i = 0; i < list_length(moment->caps); i++)
	{
		const MomentCap *cap = list_nth(moment->caps, i);

		if (MomentCapIsByAddress(cap))
			CountUnder(space, cases, &args, cap, i);
	}
}
