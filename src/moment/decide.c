/*
 * decide.c: from the schedule to a decision and, where every gate was open,
 * a message in the outbox.
 *
 * Rows of a batch are read together (case.c), taken through the gates one by
 * one (gate.c) and written together (write.c): one transaction.
 */
#include "moment/run.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"

typedef MomentBatch Batch;

Datum
MomentTids(const ItemPointerData *rows, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = PointerGetDatum(&rows[i]);
	return PointerGetDatum(construct_array(elements, n, TIDOID,
										   sizeof(ItemPointerData), false,
										   TYPALIGN_SHORT));
}

static void
ReadCases(Batch *batch)
{
	PersonaArgs args = {0};
	uint64		n;

	batch->cases = NIL;
	PersonaArg(&args, TIDARRAYOID, MomentTids(batch->rows, batch->n), false);
	PersonaArg(&args, get_array_type(batch->space->key.type), batch->subjects,
			   false);
	n = PersonaExecuteKept(batch->sql, &args, false);
	for (uint64 i = 0; i < n; i++)
	{
		MomentCase *one = MomentReadCase(i, batch->moment);

		one->sqlstate = batch->sqlstate;
		batch->cases = lappend(batch->cases, one);
	}
	MomentCountByAddress(batch->space, batch->moment, batch->cases);
	MomentCountTold(batch->space, batch->moment, batch->cases);
}

static const char *
TallyName(const MomentVerdict *verdict)
{
	switch (verdict->outcome)
	{
		case MOMENT_SEND:
			return "sent to the outbox";
		case MOMENT_HOLDOUT:
			return "held out";
		case MOMENT_DEFER:
			return "deferred";
		case MOMENT_SKIP:
			break;
	}
	return verdict->reason;
}

/* How often the batch sends to an address, whoever of it is the subject. */
typedef struct Address
{
	int64		hash;
	int			n;
} Address;

static HTAB *
MakeAddresses(int n)
{
	HASHCTL		control = {.keysize = sizeof(int64),
		.entrysize = sizeof(Address),
	.hcxt = CurrentMemoryContext};

	return hash_create("persona addresses", Max(n, 1), &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static Address *
FindAddress(HTAB *addresses, const MomentCase *one)
{
	bool		found;
	Address    *address = hash_search(addresses, &one->address_hash, HASH_ENTER,
									  &found);

	if (!found)
		address->n = 0;
	return address;
}

/*
 * Decides the cases, which come ordered by subject: what the batch itself
 * sends to a subject, or to an address, counts for the later cases.
 */
static void
DecideCases(Batch *batch, MomentVerdicts *verdicts,
			List **tallies)
{
	HTAB	   *addresses = MakeAddresses(list_length(batch->cases));
	const char *subject = NULL;
	int			already = 0;
	int			told = 0;
	ListCell   *cell;

	foreach(cell, batch->cases)
	{
		MomentCase *one = lfirst(cell);
		Address    *address = FindAddress(addresses, one);
		MomentVerdict verdict;

		CHECK_FOR_INTERRUPTS();
		if (subject == NULL || strcmp(subject, one->subject) != 0)
			already = told = 0;
		subject = one->subject;
		one->repeats += told;
		one->same += told;
		one->same_address = one->address_hash ? address->n - already : 0;
		MomentDecide(batch->space, batch->moment, batch->program, one,
					 already, &verdict);
		if (MomentIsContact(&verdict))
		{
			already++;
			told += !verdict.fallback;
			address->n++;
		}
		MomentVerdictsPut(verdicts, one, &verdict);
		MomentCount(tallies, batch->moment->name, TallyName(&verdict), 1);
	}
}

void
MomentDecideTogether(void *arg)
{
	Batch	   *batch = arg;
	List	   *tallies = NIL;
	MomentVerdicts *verdicts;

	ReadCases(batch);
	batch->held = batch->held ||
		MomentHoldLoop(batch->space, batch->moment, batch->cases);
	if (batch->held)
		return;
	verdicts = MomentVerdictsBegin(batch->space, list_length(batch->cases));
	DecideCases(batch, verdicts, &tallies);
	MomentVerdictsWrite(verdicts, batch->program->write_sql);
	MomentAddTallies(&batch->tallies, tallies);
}
