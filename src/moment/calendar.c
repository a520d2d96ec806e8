/*
 * calendar.c: a schedule, by the clock on each customer's own wall.
 *
 * The zones of the zone database whose clocks have come to the moment's time
 * since the calendar was last kept are known without looking at anybody. Only
 * where there are such zones are the subjects read, once, by one statement
 * that puts those who live there and fit the entry rule into the inbox: some
 * forty times in a day for a shop that sells all over the world, once for one
 * whose customers share a zone. After a standstill of several days the last
 * day counts, and the days before it do not come again.
 */
#include "moment/run.h"
#include "moment/start.h"
#include "moment/zone.h"

#include "rule/rule.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Clocks differ, and are set, by multiples of this. */
#define CALENDAR_GRID (15 * USECS_PER_MINUTE)

/* The longest way back to a day that fits a schedule. */
#define CALENDAR_DAYS 31

/* The calendar of one moment, and the zones that have come to its time. */
typedef struct Calendar
{
	const Space *space;
	const Moment *moment;
	List	   *subjects;		/* of char *: theirs alone; NIL: everybody's */
	TimeADT		local_time;
	TimestampTz from;			/* exclusive */
	TimestampTz to;				/* inclusive */
	List	   *zones;			/* of Datum: text */
	List	   *days;			/* of Datum: text */
	List	   *ats;			/* of Datum: timestamptz */
	const char *sql;
	int64		passed_over;	/* whom the entry rule is false of */
} Calendar;

/* ---- which zones have come to it ---- */

static bool
FitsSchedule(const char *schedule, Timestamp day)
{
	static const char *const weekdays[] = {"sunday", "monday", "tuesday",
	"wednesday", "thursday", "friday", "saturday"};
	struct pg_tm tm;
	fsec_t		fsec;
	int			weekday;

	if (strcmp(schedule, "daily") == 0)
		return true;
	if (timestamp2tm(day, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;
	if (strncmp(schedule, "day ", 4) == 0)
		return tm.tm_mday == atoi(schedule + 4);
	weekday = j2day(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday));
	if (strcmp(schedule, "weekdays") == 0)
		return weekday >= 1 && weekday <= 5;
	return strcmp(schedule, weekdays[weekday]) == 0;
}

static char *
DayText(Timestamp day)
{
	DateADT		date = (DateADT) (day / USECS_PER_DAY);

	return DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(date)));
}

/* Adds the zone with the last day on which its time has come, if any. */
static void
AddZone(Calendar *c, pg_tz *zone)
{
	Timestamp	local = MomentLocal(c->to, zone);
	int64		rest = local % USECS_PER_DAY;
	Timestamp	day = local - (rest < 0 ? rest + USECS_PER_DAY : rest);

	for (int i = 0; i <= CALENDAR_DAYS; i++, day -= USECS_PER_DAY)
	{
		TimestampTz at = MomentFromLocal(day + c->local_time, zone);

		if (at <= c->from)
			return;
		if (at > c->to || !FitsSchedule(c->moment->schedule, day))
			continue;
		c->zones = lappend(c->zones,
						   DatumGetPointer(CStringGetTextDatum(pg_get_timezone_name(zone))));
		c->days = lappend(c->days,
						  DatumGetPointer(CStringGetTextDatum(DayText(day))));
		c->ats = lappend(c->ats, DatumGetPointer(TimestampTzGetDatum(at)));
		return;
	}
}

/* All zones of the database, read from their files once a session. */
static List *
AllZones(void)
{
	static List *zones = NIL;
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
	pg_tzenum  *all;
	pg_tz	   *zone;

	if (zones == NIL)
	{
		all = pg_tzenumerate_start();
		while ((zone = pg_tzenumerate_next(all)) != NULL)
			if ((zone = pg_tzset(pg_get_timezone_name(zone))) != NULL)
				zones = lappend(zones, zone);
		pg_tzenumerate_end(all);
	}
	MemoryContextSwitchTo(old);
	return zones;
}

/* The zone of everybody, where the channel's expression is a constant. */
static void
AddTheZone(Calendar *c, const char *zone_sql)
{
	(void) PersonaExecute(psprintf("SELECT (%s)::pg_catalog.text AS zone", zone_sql),
						  NULL, true);
	AddZone(c, MomentZone(PersonaColumnText(0, "zone")));
}

/* ---- whose time has come ---- */

/* " WHERE ..." of the subject s. */
static char *
Whose(const Calendar *c)
{
	if (c->subjects == NIL)
		return "";
	return psprintf(" WHERE s.%s = ANY (%s::%s[])",
					quote_identifier(c->space->key.name),
					MomentTextArray(c->subjects),
					PersonaTypeName(c->space->key.type));
}

/*
 * Those of the zones $1, with their day $2 and instant $3. Whom the rule is
 * false of is only counted; where it is unknown start.c has the say.
 */
static char *
WaveSql(const Calendar *c, RuleQuery *query, const char *zone,
		const char *entry)
{
	return psprintf("WITH wave AS MATERIALIZED (SELECT s.%s AS subject, w.day, w.at, %s AS entry"
					"  FROM %s s%s JOIN unnest($1, $2, $3) w(zone, day, at)"
					"   ON w.zone = persona.zone_name(%s)%s),"
					" entered AS (INSERT INTO %s SELECT v.subject, %s, ARRAY[v.day], v.at, pg_catalog.clock_timestamp()"
					"  FROM wave v WHERE v.entry IS NOT FALSE)"
					" SELECT pg_catalog.count(*) AS n FROM wave v WHERE v.entry IS FALSE",
					quote_identifier(c->space->key.name), entry,
					PersonaRelationName(c->space->relid), RuleQueryJoins(query),
					zone, Whose(c), MomentInboxTable(c->space),
					PersonaLiteral(c->moment->starts_on));
}

static Datum
ArrayOf(List *elements, Oid type)
{
	int			n = list_length(elements);
	Datum	   *datums = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		datums[i] = PointerGetDatum(list_nth(elements, i));
	if (type == TEXTOID)
		return PointerGetDatum(construct_array(datums, n, TEXTOID, -1, false,
											   TYPALIGN_INT));
	return PointerGetDatum(construct_array(datums, n, TIMESTAMPTZOID, 8,
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static void
PutWave(void *arg)
{
	Calendar   *c = arg;
	PersonaArgs args = {0};
	bool		isnull;

	PersonaArg(&args, TEXTARRAYOID, ArrayOf(c->zones, TEXTOID), false);
	PersonaArg(&args, TEXTARRAYOID, ArrayOf(c->days, TEXTOID), false);
	PersonaArg(&args, TIMESTAMPTZARRAYOID, ArrayOf(c->ats, TIMESTAMPTZOID),
			   false);
	PersonaExecute(c->sql, &args, false);
	c->passed_over = DatumGetInt64(PersonaColumn(0, "n", &isnull));
}

/* ---- up to when it was kept ---- */

static void
Mark(const Calendar *c, const char *sql, TimestampTz until)
{
	PersonaArgs args = {0};

	PersonaArg(&args, TEXTOID, CStringGetTextDatum(c->moment->name), false);
	PersonaArg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(until), false);
	PersonaExecute(psprintf(sql, SpaceTable(c->space, "calendar")), &args,
				   false);
}

/* False where another session keeps this calendar at the moment. */
static bool
Begin(Calendar *c)
{
	bool		isnull;

	Mark(c, "INSERT INTO %s VALUES ($1, $2) ON CONFLICT DO NOTHING",
		 c->moment->activated_at);
	Mark(c, "SELECT GREATEST(p.until, $2) AS until FROM %s p WHERE p.moment = $1"
		 " FOR UPDATE SKIP LOCKED", c->moment->activated_at);
	if (SPI_processed == 0)
		return false;
	c->from = DatumGetTimestampTz(PersonaColumn(0, "until", &isnull));
	c->to = PersonaNow();
	return true;
}

static int64
Slot(int64 t)
{
	return (t - (t < 0 ? CALENDAR_GRID - 1 : 0)) / CALENDAR_GRID;
}

/*
 * Whether any clock on earth may have come to the time. Where not, nothing is
 * written down either, so that a clock that is odder than that is late and
 * not lost.
 */
static bool
MayHaveCome(const Calendar *c)
{
	return c->from < c->to &&
		(Slot(c->from) != Slot(c->to) ||
		 Slot(c->from - c->local_time) != Slot(c->to - c->local_time));
}

/*
 * Finds the zones, and reads the subjects only where there are some, which it
 * returns.
 */
static bool
Keep(Calendar *c, List **tallies)
{
	RuleQuery  *query = RuleQueryBegin(c->space, NULL, RULE_FEATURES_GROUPED);
	const Moment *m = c->moment;
	char	   *zone = "NULL";
	char	   *entry;
	Oid			type;
	ListCell   *cell;

	if (m->time_zone != NULL)
		zone = RuleQueryAdd(query, m->time_zone, TEXTOID, "time zone", &type);
	if (RuleQueryUses(query) == NIL)
		AddTheZone(c, zone);
	else
		foreach(cell, AllZones())
			AddZone(c, lfirst(cell));
	if (c->zones == NIL)
		return false;
	/* Whoever is named is told by start.c what the rule says of him. */
	entry = c->subjects != NIL ? "true" :
		RuleQueryAdd(query, m->when_rule, BOOLOID, "entry rule", &type);
	c->sql = WaveSql(c, query, zone, entry);
	/* One whom the rule fails on is start.c's to find, among everybody. */
	if (PersonaTrap(PutWave, c) != 0)
	{
		c->sql = WaveSql(c, query, zone, "true");
		PutWave(c);
	}
	if (tallies != NULL)
		MomentCount(tallies, m->name, "rule_false", c->passed_over);
	return true;
}

static TimeADT
ReadTime(const char *text)
{
	return DatumGetTimeADT(DirectFunctionCall3(time_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

void
MomentKeepCalendar(const Space *space, const Moment *moment, List **tallies)
{
	Calendar	c = {.space = space, .moment = moment,
	.local_time = ReadTime(moment->local_time)};

	if (!Begin(&c) || !MayHaveCome(&c))
		return;
	(void) Keep(&c, tallies);
	Mark(&c, "UPDATE %s SET until = $2 WHERE moment = $1", c.to);
}

bool
MomentKeepCalendarOf(const Space *space, const Moment *moment,
					 List *subjects, TimestampTz since)
{
	Calendar	c = {.space = space, .moment = moment, .subjects = subjects,
		.local_time = ReadTime(moment->local_time),
		.from = Max(since, moment->activated_at),
	.to = PersonaNow()};

	return subjects != NIL && MayHaveCome(&c) && Keep(&c, NULL);
}
