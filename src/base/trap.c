/*
 * trap.c: errors that must not reach the customer's own statement.
 *
 * Only the SQLSTATE of a trapped error is kept: its message may quote a
 * customer's data ('invalid input syntax for type integer: "a@b.c"').
 */
#include "base/persona.h"

#include "access/xact.h"
#include "utils/elog.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

/* Errors after which the transaction, or the session, must not go on. */
static bool
MustPropagate(int sqlstate)
{
	return sqlstate == ERRCODE_QUERY_CANCELED ||
		sqlstate == ERRCODE_ADMIN_SHUTDOWN ||
		sqlstate == ERRCODE_CRASH_SHUTDOWN ||
		ERRCODE_TO_CATEGORY(sqlstate) ==
		ERRCODE_TO_CATEGORY(ERRCODE_T_R_SERIALIZATION_FAILURE);
}

int
PersonaTrap(void (*work) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile int sqlstate = 0;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		/* Also before it is thrown again: who aborts next aborts one level. */
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (MustPropagate(error->sqlerrcode))
			ReThrowError(error);
		sqlstate = error->sqlerrcode;
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return sqlstate;
}
