/*
 * keep.c: rules as this backend has read them.
 *
 * A statement that is planned each time it runs reads its rules each time,
 * which takes as long as planning does. So what was made of a text is kept,
 * for the texts that come again: the table has a fixed number of places, and
 * what comes later takes the place of what was there. What a text means
 * depends on the columns it is read over, which its caller has a number for;
 * on enums, casts and operators, whose change forgets all; and on no setting
 * but the signs for money, as parse.c sees to it.
 */
#include "rule/rule.h"

#include "common/hashfn.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/pg_locale.h"
#include "utils/syscache.h"

/* The places, and the most memory that what is in one may take. */
#define KEPT_RULES 256
#define KEPT_SIZE (32 * 1024)

typedef struct Kept
{
	MemoryContext context;		/* holds all of it */
	uint64		shape;
	char	   *text;
	Node	   *node;
} Kept;

static Kept *kept[KEPT_RULES];
static uint64 changes;			/* of what any rule may depend on */
static uint64 kept_under;		/* these changes */
static char monetary[NAMEDATALEN];	/* the locale they were read in */

static void
NoteChange(Datum arg, int cache, uint32 hash)
{
	changes++;
}

static void
Watch(void)
{
	static bool watching = false;

	if (watching)
		return;
	CacheRegisterSyscacheCallback(ENUMOID, NoteChange, (Datum) 0);
	CacheRegisterSyscacheCallback(CASTSOURCETARGET, NoteChange, (Datum) 0);
	CacheRegisterSyscacheCallback(OPEROID, NoteChange, (Datum) 0);
	watching = true;
}

static void
Empty(Kept **place)
{
	Kept	   *old = *place;

	*place = NULL;
	if (old != NULL)
		MemoryContextDelete(old->context);
}

/* What was read before a change, or with other signs for money, goes. */
static void
ForgetOld(void)
{
	if (kept_under == changes && strcmp(monetary, locale_monetary) == 0)
		return;
	for (int i = 0; i < KEPT_RULES; i++)
		Empty(&kept[i]);
	kept_under = changes;
	strlcpy(monetary, locale_monetary, sizeof(monetary));
}

static Kept **
PlaceOf(uint64 shape, const char *text)
{
	uint32		hash = hash_bytes((const unsigned char *) text, strlen(text));

	return &kept[hash_combine(hash, (uint32) shape) % KEPT_RULES];
}

static void
Keep(uint64 shape, const char *text, Node *node)
{
	Kept	  **place = PlaceOf(shape, text);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "persona rule as read",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Kept	   *one = palloc(sizeof(Kept));

	one->context = context;
	one->shape = shape;
	one->text = pstrdup(text);
	one->node = copyObject(node);
	MemoryContextSwitchTo(caller);
	if (MemoryContextMemAllocated(context, true) > KEPT_SIZE)
	{
		MemoryContextDelete(context);
		return;
	}
	Empty(place);
	MemoryContextSetParent(context, CacheMemoryContext);
	*place = one;
}

Node *
RuleReadOnce(uint64 shape, const char *text, RuleReader read, void *arg)
{
	const Kept *one;
	uint64		before;
	Node	   *node;

	Watch();
	ForgetOld();
	one = *PlaceOf(shape, text);
	if (one != NULL && one->shape == shape && strcmp(one->text, text) == 0)
		return one->node;
	before = changes;
	node = read(text, arg);
	if (changes == before)
		Keep(shape, text, node);
	return node;
}
