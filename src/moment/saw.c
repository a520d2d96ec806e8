/*
 * saw.c: what a gate saw, as JSON, written straight into the decision's text.
 */
#include "moment/saw.h"

#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

/* A comma, unless what follows is the first of an object or an array. */
static void
Separate(StringInfo json)
{
	char		last = json->data[json->len - 1];

	if (last != '{' && last != '[')
		appendStringInfoChar(json, ',');
}

void
SawItem(StringInfo json)
{
	Separate(json);
	appendStringInfoChar(json, '{');
}

/* {"gate":"live","saw":{ ... },"passed":true} */
void
SawBegin(StringInfo json, const char *gate)
{
	SawItem(json);
	SawText(json, "gate", gate);
	SawKey(json, "saw");
	appendStringInfoChar(json, '{');
}

void
SawEnd(StringInfo json, const char *reason)
{
	appendStringInfoChar(json, '}');
	SawBool(json, "passed", reason == NULL);
	SawText(json, "reason", reason);
	appendStringInfoChar(json, '}');
}

void
SawKey(StringInfo json, const char *key)
{
	Separate(json);
	appendStringInfoChar(json, '"');
	appendStringInfoString(json, key);
	appendStringInfoString(json, "\":");
}

/* A value that is JSON already. */
static void
SawJson(StringInfo json, const char *key, const char *value)
{
	SawKey(json, key);
	appendStringInfoString(json, value);
}

void
SawBool(StringInfo json, const char *key, bool value)
{
	SawJson(json, key, value ? "true" : "false");
}

void
SawTruth(StringInfo json, const char *key, MomentTruth truth)
{
	SawJson(json, key, truth == MOMENT_TRUE ? "true" :
			truth == MOMENT_FALSE ? "false" : "null");
}

void
SawCount(StringInfo json, const char *key, int64 n)
{
	char		digits[MAXINT8LEN + 1];

	pg_lltoa(n, digits);
	SawJson(json, key, digits);
}

void
SawNumber(StringInfo json, const char *key, double value)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	double_to_shortest_decimal_buf(value, digits);
	SawJson(json, key, digits);
}

void
SawTime(StringInfo json, const char *key, TimestampTz t)
{
	SawText(json, key, timestamptz_to_str(t));
}

void
SawText(StringInfo json, const char *key, const char *value)
{
	if (value == NULL)
		return;
	SawKey(json, key);
	escape_json(json, value);
}

void
SawList(StringInfo json, const char *key, List *texts)
{
	ListCell   *cell;

	SawKey(json, key);
	appendStringInfoChar(json, '[');
	foreach(cell, texts)
	{
		Separate(json);
		escape_json(json, lfirst(cell));
	}
	appendStringInfoChar(json, ']');
}
