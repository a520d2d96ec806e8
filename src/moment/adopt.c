/*
 * adopt.c: the one database that an outbox sends from.
 *
 * A copy of a database has its customers, and their messages, too. A restored
 * dump, a clone, a standby that was promoted and a base backup that was brought
 * forward all differ from the original in one of three things: the system
 * identifier that initdb drew, the database's oid, or the timeline. The outbox
 * keeps what all three were; where they are others nothing is handed over until
 * somebody adopts it. What cannot be told apart is a copy of the files that was
 * simply started: it is the same in every bit.
 */
#include "moment/outbox.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "utils/builtins.h"

char *
MomentHere(void)
{
	TimeLineID	timeline;

	if (RecoveryInProgress())
		(void) GetXLogReplayRecPtr(&timeline);
	else
		timeline = GetWALInsertionTimeLine();
	return psprintf(UINT64_FORMAT "/%u/%u", GetSystemIdentifier(),
					MyDatabaseId, timeline);
}

void
MomentRefuseStandby(const char *what)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("%s cannot write on a standby", what),
				 errhint("Call it on the primary. A standby answers may_contact() and every other question.")));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("%s cannot write in a read-only transaction", what),
				 errhint("SET transaction_read_only = off.")));
}

void
MomentRefuseCopy(const Space *space, const char *bound)
{
	const char *here = MomentHere();

	if (bound != NULL && strcmp(bound, here) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the outbox of space \"%s\" is of another database, so nothing is handed over",
					space->name),
			 errdetail("It sends from %s, but this is %s (system/database/timeline): a restored copy, a clone or a promoted standby.",
					   bound ? bound : "nowhere", here),
			 errhint("Where this one is to send from now on, and the other no more: SELECT persona.adopt('who', 'why', space => '%s').",
					 space->name)));
}

PG_FUNCTION_INFO_V1(persona_database_identity);

/* persona.database_identity(): system, database and timeline, as text. */
Datum
persona_database_identity(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(MomentHere()));
}
