/*
 * terms.c: what a statement may name: the purposes and channels of a space.
 *
 * They are few, and asked for with every statement and every question, so a
 * backend keeps those of each space until a definition changes.
 */
#include "consent/consent.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* What one space has. */
typedef struct Terms
{
	char	   *space;
	List	   *purposes;		/* of ConsentPurpose *, by name */
	List	   *channels;		/* of ConsentChannel *, by name */
	List	   *categories;		/* of ConsentCategory *, by name */
} Terms;

static List *known;				/* of Terms * */
static uint64 known_generation; /* of the definitions they were read from */
static MemoryContext memory;	/* holds all of them */

/* ---- reading ---- */

static char *
Kept(uint64 row, const char *column)
{
	char	   *text = PersonaColumnText(row, column);

	return text ? MemoryContextStrdup(memory, text) : NULL;
}

static void *
ReadPurpose(uint64 row)
{
	ConsentPurpose *purpose = MemoryContextAllocZero(memory,
													 sizeof(ConsentPurpose));
	bool		isnull;
	Datum		expires;

	purpose->name = Kept(row, "purpose");
	purpose->covering =
		DatumGetArrayTypePCopy(PersonaColumn(row, "covering", &isnull));
	purpose->basis = Kept(row, "basis");
	purpose->label = Kept(row, "label");
	purpose->description = Kept(row, "description");
	expires = PersonaColumn(row, "expires", &isnull);
	purpose->has_end = !isnull;
	if (!isnull)
		purpose->expires = *DatumGetIntervalP(expires);
	return purpose;
}

static void *
ReadCategory(uint64 row)
{
	ConsentCategory *category = MemoryContextAllocZero(memory,
													   sizeof(ConsentCategory));

	category->name = Kept(row, "category");
	category->label = Kept(row, "label");
	category->description = Kept(row, "description");
	return category;
}

static void *
ReadChannel(uint64 row)
{
	ConsentChannel *channel = MemoryContextAllocZero(memory,
													 sizeof(ConsentChannel));

	channel->name = Kept(row, "channel");
	channel->address = Kept(row, "address");
	return channel;
}

/* Reads a list of definitions of one space. */
static List *
ReadList(const char *sql, const char *space, void *(*read) (uint64 row))
{
	PersonaArgs args = {0};
	List	   *list = NIL;
	uint64		n;
	MemoryContext caller;

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(space), false);
	n = PersonaExecute(sql, &args, true);
	caller = MemoryContextSwitchTo(memory);
	for (uint64 i = 0; i < n; i++)
		list = lappend(list, read(i));
	MemoryContextSwitchTo(caller);
	return list;
}

/* Reads what one space has, as the owner of definitions. */
static void
Read(void *arg)
{
	Terms	   *terms = arg;

	terms->purposes = ReadList(psprintf("SELECT p.*, %s AS covering FROM persona.purpose p"
										" WHERE p.space = $1 ORDER BY p.purpose",
										ConsentCoveringSql("p.purpose")),
							   terms->space, ReadPurpose);
	terms->channels = ReadList("SELECT c.channel, c.address FROM persona.channel c"
							   " WHERE c.space = $1 ORDER BY c.channel",
							   terms->space, ReadChannel);
	terms->categories = ReadList("SELECT DISTINCT a.category, c.label, c.description"
								 " FROM persona.attribute a LEFT JOIN LATERAL persona.category_of(a.space, a.category) c ON true"
								 " WHERE a.space = $1 ORDER BY a.category",
								 terms->space, ReadCategory);
}

/* What was handed out stays good until the end of the transaction. */
static void
Forget(void)
{
	if (memory != NULL)
		MemoryContextSetParent(memory, TopTransactionContext);
	memory = AllocSetContextCreate(CacheMemoryContext, "persona consent",
								   ALLOCSET_SMALL_SIZES);
	known = NIL;
	known_generation = SpaceGeneration();
}

static const Terms *
Find(const Space *space)
{
	Terms	   *terms;
	MemoryContext caller;
	ListCell   *cell;

	if (memory == NULL || known_generation != SpaceGeneration())
		Forget();
	foreach(cell, known)
	{
		terms = lfirst(cell);
		if (strcmp(terms->space, space->name) == 0)
			return terms;
	}
	terms = MemoryContextAllocZero(memory, sizeof(Terms));
	terms->space = MemoryContextStrdup(memory, space->name);
	SpaceWithDefinitions(Read, terms);
	caller = MemoryContextSwitchTo(memory);
	known = lappend(known, terms);
	MemoryContextSwitchTo(caller);
	return terms;
}

/* ---- asking ---- */

static void
RefuseNull(const char *kind)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("the %s is NULL", kind),
			 errhint("Ask about one %s; only a statement may be about every one.",
					 kind)));
}

pg_noreturn static void
RefuseUnknown(const Space *space, const char *kind, const char *name,
			  List *names, const char *define)
{
	const char *near = PersonaSuggest(name, names);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("%s \"%s\" does not exist in space \"%s\"", kind, name,
					space->name),
			 near ? errhint("Did you mean \"%s\"?", near) :
			 errhint("Define it first: SELECT * FROM persona.define_%s('%s', %s).",
					 kind, name, define)));
}

List *
ConsentPurposes(const Space *space)
{
	return Find(space)->purposes;
}

List *
ConsentChannels(const Space *space)
{
	return Find(space)->channels;
}

List *
ConsentCategories(const Space *space)
{
	return Find(space)->categories;
}

const ConsentPurpose *
ConsentFindPurpose(const Space *space, const char *name)
{
	List	   *names = NIL;
	ListCell   *cell;

	if (name == NULL)
		RefuseNull("purpose");
	foreach(cell, ConsentPurposes(space))
	{
		ConsentPurpose *purpose = lfirst(cell);

		if (strcmp(purpose->name, name) == 0)
			return purpose;
		names = lappend(names, purpose->name);
	}
	RefuseUnknown(space, "purpose", name, names, "'consent'");
}

void
ConsentCheckChannel(const Space *space, const char *name)
{
	List	   *names = NIL;
	ListCell   *cell;

	if (name == NULL)
		RefuseNull("channel");
	foreach(cell, ConsentChannels(space))
	{
		ConsentChannel *channel = lfirst(cell);

		if (strcmp(channel->name, name) == 0)
			return;
		names = lappend(names, channel->name);
	}
	RefuseUnknown(space, "channel", name, names, "'email'");
}

/* One or more names joined by dots, as persona.check_label() has it. */
static bool
IsLabel(const char *label)
{
	int			letters = 0;

	for (const char *c = label;; c++)
	{
		bool		is_letter = *c >= 'a' && *c <= 'z';

		if (*c == '.' || *c == '\0')
		{
			if (letters == 0 || letters > 40)
				return false;
			if (*c == '\0')
				return c - label <= 200;
			letters = 0;
		}
		else if (is_letter || (letters > 0 && ((*c >= '0' && *c <= '9') ||
											   *c == '_')))
			letters++;
		else
			return false;
	}
}

void
ConsentCheckCategory(const char *name)
{
	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the category needs a name")));
	if (!IsLabel(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("%s cannot be the name of the category",
						PersonaLiteral(pnstrdup(name, pg_mbcliplen(name, strlen(name), 80)))),
				 errhint("Use lower-case labels joined by dots, such as \"user.behavior\"; a parent covers its children.")));
}

void
ConsentRefuseNoReason(const char *reason)
{
	if (reason == NULL || reason[strspn(reason, " \t\r\n")] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the reason of a suppression is missing"),
				 errhint("Say why nothing may be sent, such as 'hard bounce' or 'complaint'.")));
}
