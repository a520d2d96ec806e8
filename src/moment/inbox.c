/*
 * inbox.c: rows appended to a space's inbox.
 *
 * The inbox is an ordinary table without an index, so that nothing about it
 * can fail a row. It is written as COPY writes, past the executor: a chunk of
 * rows at a time, which bounds the memory of a statement of millions. No
 * trigger fires on it; an index that somebody has added is served.
 */
#include "moment/stage.h"
#include "moment/start.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Rows written at once. */
#define INBOX_CHUNK 1000

struct MomentInbox
{
	MemoryContext context;		/* holds all of it */
	Relation	relation;
	EState	   *estate;			/* for its indexes; NULL: it has none */
	ResultRelInfo *result;
	BulkInsertState bulk;		/* NULL for a single row */
	int			most;			/* slots that this statement can use */
	int			nslots;
	TupleTableSlot **slots;
};

/* The lock is nearly always free; only where it is not is a limit set. */
static void
Lock(Oid relid)
{
	int			level;

	if (ConditionalLockRelationOid(relid, RowExclusiveLock))
		return;
	level = PersonaHurryBegin();
	LockRelationOid(relid, RowExclusiveLock);
	PersonaPinEnd(level);
}

/* What is rehearsed has one of its own, and never a row in everybody's. */
static const char *
InboxName(void)
{
	return MomentIsRehearsing() ? "rehearsal" : "inbox";
}

char *
MomentInboxTable(const Space *space)
{
	return SpaceTable(space, InboxName());
}

static Oid
FindTable(const Space *space)
{
	Oid			relid = get_relname_relid(InboxName(),
										  get_namespace_oid(space->schema, false));

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("space \"%s\" has no inbox", space->name)));
	return relid;
}

/*
 * What is written past the executor is believed to be of the column's type, so
 * a table that somebody has put in its place, or altered, is left alone.
 */
static void
RefuseOther(const Space *space, Relation relation)
{
	const Oid	types[INBOX_COLUMNS] = {space->key.type, TEXTOID, TEXTARRAYOID,
	TIMESTAMPTZOID, TIMESTAMPTZOID};
	TupleDesc	desc = RelationGetDescr(relation);
	bool		is_ours = relation->rd_rel->relkind == RELKIND_RELATION &&
	desc->natts == INBOX_COLUMNS;

	for (int i = 0; is_ours && i < INBOX_COLUMNS; i++)
		is_ours = TupleDescAttr(desc, i)->atttypid == types[i];
	if (!is_ours)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s is not as persona made it",
						MomentInboxTable(space))));
}

/* The inbox that was looked up last; forgotten when any table's name changes. */
static NameData known_schema;
static Oid	known = InvalidOid;

static void
Forget(Datum arg, int cache, uint32 hash)
{
	known = InvalidOid;
}

static Oid
LookUp(const Space *space)
{
	static bool registered = false;
	Oid			relid = FindTable(space);

	if (!registered)
	{
		CacheRegisterSyscacheCallback(RELNAMENSP, Forget, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACENAME, Forget, (Datum) 0);
		registered = true;
	}
	namestrcpy(&known_schema, space->schema);
	return known = relid;
}

static Relation
Open(const Space *space)
{
	Oid			relid = known;
	Relation	relation;

	if (MomentIsRehearsing())
		relid = FindTable(space);
	else if (!OidIsValid(relid) || strcmp(NameStr(known_schema), space->schema) != 0)
		relid = LookUp(space);
	Lock(relid);
	relation = table_open(relid, NoLock);
	RefuseOther(space, relation);
	return relation;
}

MomentInbox *
MomentInboxOpen(const Space *space, int64 most)
{
	MomentInbox *inbox = palloc0(sizeof(MomentInbox));

	inbox->context = CurrentMemoryContext;
	inbox->relation = Open(space);
	/* It comes without an index, but somebody may have added one. */
	if (inbox->relation->rd_rel->relhasindex)
	{
		inbox->estate = CreateExecutorState();
		inbox->result = makeNode(ResultRelInfo);
		InitResultRelInfo(inbox->result, inbox->relation, 1, NULL, 0);
		ExecOpenIndices(inbox->result, false);
	}
	inbox->most = Min(INBOX_CHUNK, most);
	inbox->slots = palloc0(sizeof(TupleTableSlot *) * inbox->most);
	if (inbox->most > 1)
		inbox->bulk = GetBulkInsertState();
	return inbox;
}

TupleTableSlot *
MomentInboxRow(MomentInbox *inbox)
{
	TupleTableSlot *slot = inbox->slots[inbox->nslots];

	if (slot == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(inbox->context);

		slot = table_slot_create(inbox->relation, NULL);
		inbox->slots[inbox->nslots] = slot;
		MemoryContextSwitchTo(caller);
	}
	ExecClearTuple(slot);
	memset(slot->tts_isnull, false, INBOX_COLUMNS * sizeof(bool));
	return slot;
}

static void
InsertIndexTuples(MomentInbox *inbox)
{
	for (int i = 0; i < inbox->nslots; i++)
	{
		ResetPerTupleExprContext(inbox->estate);
		CompatInsertIndexTuples(inbox->result, inbox->slots[i], inbox->estate);
	}
}

static void
Flush(MomentInbox *inbox)
{
	if (inbox->nslots == 0)
		return;
	if (inbox->nslots == 1)
		table_tuple_insert(inbox->relation, inbox->slots[0],
						   GetCurrentCommandId(true), 0, inbox->bulk);
	else
		table_multi_insert(inbox->relation, inbox->slots, inbox->nslots,
						   GetCurrentCommandId(true), 0, inbox->bulk);
	if (inbox->estate != NULL)
		InsertIndexTuples(inbox);
	inbox->nslots = 0;
	CHECK_FOR_INTERRUPTS();
}

/* What was filled in is the slot's own from here on. */
void
MomentInboxAppend(MomentInbox *inbox)
{
	TupleTableSlot *slot = inbox->slots[inbox->nslots];

	if (MomentIsRehearsing() && !slot->tts_isnull[INBOX_SUBJECT])
		StageWake(TupleDescAttr(slot->tts_tupleDescriptor, INBOX_SUBJECT)->atttypid,
				  slot->tts_values[INBOX_SUBJECT]);
	ExecStoreVirtualTuple(slot);
	ExecMaterializeSlot(slot);
	if (++inbox->nslots == inbox->most)
		Flush(inbox);
}

void
MomentInboxClose(MomentInbox *inbox)
{
	Flush(inbox);
	for (int i = 0; i < inbox->most && inbox->slots[i] != NULL; i++)
		ExecDropSingleTupleTableSlot(inbox->slots[i]);
	if (inbox->bulk != NULL)
	{
		FreeBulkInsertState(inbox->bulk);
		table_finish_bulk_insert(inbox->relation, 0);
	}
	if (inbox->estate != NULL)
	{
		ExecCloseIndices(inbox->result);
		FreeExecutorState(inbox->estate);
	}
	table_close(inbox->relation, NoLock);
}
