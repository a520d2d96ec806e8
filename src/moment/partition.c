/*
 * partition.c: the partitions of a space's decisions, one a month (UTC) of the
 * time of the events that started them.
 *
 * A run makes those of now and of a week ahead; whatever else is decided finds
 * its month here.
 */
#include "moment/run.h"

#include "catalog/namespace.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

int
MomentMonth(TimestampTz at)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(at, NULL, &tm, &fsec, NULL, NULL) != 0)
		return 0;
	return tm.tm_year * 12 + tm.tm_mon - 1;
}

/* Attached under a lock that readers and writers of the others do not feel. */
void
MomentMakePartition(const Space *space, int month)
{
	Oid			schema = get_namespace_oid(space->schema, false);
	char	   *name = psprintf("decision_%04d_%02d", month / 12, month % 12 + 1);
	char	   *parent = SpaceTable(space, "decision");

	if (month == 0 || OidIsValid(get_relname_relid(name, schema)))
		return;
	PersonaExecute(psprintf("LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE", parent),
				   NULL, false);
	/* Another runner may have been faster. */
	if (OidIsValid(get_relname_relid(name, schema)))
		return;
	PersonaExecute(psprintf("CREATE TABLE %s (LIKE %s INCLUDING ALL)",
							SpaceTable(space, name), parent), NULL, false);
	PersonaExecute(psprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES"
							" FROM ('%04d-%02d-01 00:00+00') TO ('%04d-%02d-01 00:00+00')",
							parent, SpaceTable(space, name),
							month / 12, month % 12 + 1,
							(month + 1) / 12, (month + 1) % 12 + 1), NULL, false);
}
