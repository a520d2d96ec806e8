/*
 * date.c: dates and times, read as they come and written by a format.
 *
 * Read are ISO 8601, as rows and most programs write it, seconds since 1970,
 * and a month by its English name ("March 14, 2016", "14 Mar 2016 08:30").
 * Written is what strftime writes, in the words of a locale. A time is shown
 * by the clocks of the zone that is named; without one, with the offset it
 * came with, UTC if with none. A date alone, or a time without an offset, is
 * nowhere in particular and shown as it is.
 */
#include "message/filter.h"
#include "message/locale.h"
#include "message/zone.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

typedef struct Instant
{
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;
	int			micros;
	int			offset;			/* seconds east of Greenwich */
	bool		somewhere;		/* the offset was given */
} Instant;

/* ---- reading ---- */

static void
SkipAny(const char **at, const char *any)
{
	*at += strspn(*at, any);
}

/* A number of least to most digits; false if there is none. */
static bool
ReadNumber(const char **at, int least, int most, int *number)
{
	int			length = strspn(*at, "0123456789");

	if (length < least || length > most)
		return false;
	*number = atoi(*at);
	*at += length;
	return true;
}

/* A character, if it stands here. */
static bool
ReadChar(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* Z, UTC, GMT or +hh:mm; nothing at all is UTC too. */
static bool
ReadOffset(const char **at, Instant *instant)
{
	int			sign = **at == '-' ? -1 : 1;
	int			hours;
	int			minutes = 0;

	instant->somewhere = **at != '\0';
	if (strncmp(*at, "UTC", 3) == 0 || strncmp(*at, "GMT", 3) == 0)
		*at += 3;
	else if (!ReadChar(at, 'Z') && (**at == '+' || **at == '-'))
	{
		(*at)++;
		if (ReadNumber(at, 4, 4, &hours))
		{
			minutes = hours % 100;
			hours /= 100;
		}
		else if (!ReadNumber(at, 2, 2, &hours) ||
				 (ReadChar(at, ':') && !ReadNumber(at, 2, 2, &minutes)))
			return false;
		instant->offset = sign * (hours * SECS_PER_HOUR +
								  minutes * SECS_PER_MINUTE);
		return hours < 16 && minutes < MINS_PER_HOUR;
	}
	return true;
}

/* .123456 */
static void
ReadFraction(const char **at, Instant *instant)
{
	int			unit = 100000;

	for (; **at >= '0' && **at <= '9'; (*at)++)
	{
		instant->micros += (**at - '0') * unit;
		unit /= 10;
	}
}

/* hh:mm[:ss[.fraction]] and an offset; nothing at all is midnight. */
static bool
ReadTime(const char **at, Instant *instant)
{
	if (**at == '\0')
		return true;
	if (!ReadNumber(at, 1, 2, &instant->hour) || !ReadChar(at, ':') ||
		!ReadNumber(at, 2, 2, &instant->minute))
		return false;
	if (ReadChar(at, ':'))
	{
		if (!ReadNumber(at, 2, 2, &instant->second))
			return false;
		if (ReadChar(at, '.'))
			ReadFraction(at, instant);
	}
	SkipAny(at, " ");
	return ReadOffset(at, instant) && **at == '\0';
}

/* A month by its name or the first three letters of it. */
static bool
ReadMonth(const char **at, Instant *instant)
{
	const MessageWords *english = MessageFindWords("en");

	for (int i = 0; i < MONTHS_PER_YEAR; i++)
	{
		int			length = strlen(english->months[i]);

		if (pg_strncasecmp(*at, english->months[i], length) == 0)
			*at += length;
		else if (pg_strncasecmp(*at, english->months[i], 3) == 0)
			*at += 3;
		else
			continue;
		instant->month = i + 1;
		return true;
	}
	return false;
}

/* yyyy-mm-dd, "March 14, 2016" or "14 March 2016" */
static bool
ReadDay(const char **at, Instant *instant)
{
	const char *start = *at;

	if (ReadNumber(at, 4, 4, &instant->year) && ReadChar(at, '-'))
		return ReadNumber(at, 1, 2, &instant->month) && ReadChar(at, '-') &&
			ReadNumber(at, 1, 2, &instant->day);
	*at = start;
	if (ReadMonth(at, instant))
	{
		SkipAny(at, " .");
		if (!ReadNumber(at, 1, 2, &instant->day))
			return false;
	}
	else
	{
		if (!ReadNumber(at, 1, 2, &instant->day))
			return false;
		SkipAny(at, " .");
		if (!ReadMonth(at, instant))
			return false;
	}
	SkipAny(at, " ,.");
	return ReadNumber(at, 4, 4, &instant->year);
}

/* What a clock with that offset shows so many seconds after 1970. */
static void
SetSeconds(Instant *instant, int64 seconds, int offset)
{
	int64		days;

	seconds += offset;
	days = seconds / SECS_PER_DAY;
	seconds %= SECS_PER_DAY;
	if (seconds < 0)
	{
		days--;
		seconds += SECS_PER_DAY;
	}
	j2date(UNIX_EPOCH_JDATE + days, &instant->year, &instant->month,
		   &instant->day);
	instant->hour = seconds / SECS_PER_HOUR;
	instant->minute = seconds / SECS_PER_MINUTE % MINS_PER_HOUR;
	instant->second = seconds % SECS_PER_MINUTE;
	instant->offset = offset;
	instant->somewhere = true;
}

/* Seconds since 1970. */
static bool
ReadSeconds(const char *text, Instant *instant)
{
	int			length = strspn(text, "0123456789");

	if (length == 0 || length > 11 || text[length] != '\0')
		return false;
	SetSeconds(instant, strtoll(text, NULL, 10), 0);
	return true;
}

static bool
IsValid(const Instant *i)
{
	return i->year > 0 && i->month >= 1 && i->month <= MONTHS_PER_YEAR &&
		i->day >= 1 &&
		i->day <= day_tab[isleap(i->year)][i->month - 1] &&
		i->hour < HOURS_PER_DAY && i->minute < MINS_PER_HOUR &&
		i->second < SECS_PER_MINUTE;
}

static bool
ReadInstant(const char *text, Instant *instant)
{
	SkipAny(&text, " ");
	if (ReadSeconds(text, instant))
		return true;
	if (!ReadDay(&text, instant))
		return false;
	if (!ReadChar(&text, 'T'))
		SkipAny(&text, " ,");
	return ReadTime(&text, instant) && IsValid(instant);
}

/* ---- writing ---- */

static int
JulianDay(const Instant *i)
{
	return date2j(i->year, i->month, i->day);
}

/* Seconds since 1970. */
static int64
Seconds(const Instant *i)
{
	int64		days = JulianDay(i) - UNIX_EPOCH_JDATE;

	return days * SECS_PER_DAY + i->hour * SECS_PER_HOUR +
		i->minute * SECS_PER_MINUTE + i->second - i->offset;
}

static int
Hour12(const Instant *i)
{
	return i->hour % 12 == 0 ? 12 : i->hour % 12;
}

/* A directive that is short for others, or NULL. */
static const char *
Abbreviates(char directive)
{
	switch (directive)
	{
		case 'D':
		case 'x':
			return "%m/%d/%y";
		case 'F':
			return "%Y-%m-%d";
		case 'R':
			return "%H:%M";
		case 'T':
		case 'X':
			return "%H:%M:%S";
		case 'c':
			return "%a %b %e %H:%M:%S %Y";
		case 'r':
			return "%I:%M:%S %p";
		default:
			return NULL;
	}
}

/* +0200 or, with a colon, +02:00 */
static char *
OffsetText(const Instant *i, const char *between)
{
	int			hours = abs(i->offset) / SECS_PER_HOUR;
	int			minutes = abs(i->offset) / SECS_PER_MINUTE % MINS_PER_HOUR;

	return psprintf("%c%02d%s%02d", i->offset < 0 ? '-' : '+', hours, between,
					minutes);
}

/* A directive that is a word, or NULL. */
static const char *
Word(const Instant *i, char directive, const MessageWords *words)
{
	switch (directive)
	{
		case 'A':
			return words->days[j2day(JulianDay(i))];
		case 'a':
			return words->short_days[j2day(JulianDay(i))];
		case 'B':
			return words->months[i->month - 1];
		case 'b':
		case 'h':
			return words->short_months[i->month - 1];
		case 'p':
			return i->hour < 12 ? "AM" : "PM";
		case 'P':
			return i->hour < 12 ? "am" : "pm";
		case 's':
			return psprintf(INT64_FORMAT, Seconds(i));
		case 'Z':
			return i->offset == 0 ? "UTC" : OffsetText(i, "");
		case 'z':
			return OffsetText(i, "");
		case 'n':
			return "\n";
		case 't':
			return "\t";
		case '%':
			return "%";
		default:
			return NULL;
	}
}

/* Weeks that began this year on a Sunday (0) or a Monday (1). */
static int
WeekFrom(const Instant *i, int first)
{
	int			day = JulianDay(i) - date2j(i->year, 1, 1);
	int			weekday = (j2day(JulianDay(i)) + 7 - first) % 7;

	return (day + 7 - weekday) / 7;
}

/* A directive that is a number: how wide, and padded with what. */
static bool
Number(const Instant *i, char directive, int *number, int *width, char *pad)
{
	static const char directives[] = "YyCmdejHIklMSLNuwVGUW";
	const int	numbers[] = {
		i->year, i->year % 100, i->year / 100, i->month, i->day, i->day,
		JulianDay(i) - date2j(i->year, 1, 1) + 1, i->hour, Hour12(i), i->hour,
		Hour12(i), i->minute, i->second, i->micros / 1000, i->micros * 1000,
		(j2day(JulianDay(i)) + 6) % 7 + 1, j2day(JulianDay(i)),
		date2isoweek(i->year, i->month, i->day),
		date2isoyear(i->year, i->month, i->day), WeekFrom(i, 0), WeekFrom(i, 1)
	};
	static const int widths[] = {
		4, 2, 2, 2, 2, 2, 3, 2, 2, 2, 2, 2, 2, 3, 9, 1, 1, 2, 4, 2, 2
	};
	const char *at = strchr(directives, directive);

	if (at == NULL)
		return false;
	*number = numbers[at - directives];
	*width = widths[at - directives];
	*pad = strchr("ekl", directive) ? ' ' : '0';
	return true;
}

static void
WriteNumber(StringInfo out, int number, int width, char pad)
{
	char		digits[16];
	int			length = snprintf(digits, sizeof(digits), "%d", number);

	for (; pad != '-' && length < width; width--)
		appendStringInfoChar(out, pad);
	appendStringInfoString(out, digits);
}

static void WriteInstant(StringInfo out, const Instant *i,
						 const char *format, const MessageWords *words);

/* One directive with its flag; false if it is none. */
static bool
WriteDirective(StringInfo out, const Instant *i, char flag, char directive,
			   const MessageWords *words)
{
	const char *others = Abbreviates(directive);
	const char *word;
	int			number;
	int			width;
	char		pad;

	if (directive == '\0')
		return false;
	if (others != NULL)
		WriteInstant(out, i, others, words);
	else if (Number(i, directive, &number, &width, &pad))
		WriteNumber(out, number, width, flag == '_' ? ' ' :
					flag == '0' || flag == '-' ? flag : pad);
	else if (flag == ':' && directive == 'z')
		appendStringInfoString(out, OffsetText(i, ":"));
	else if ((word = Word(i, directive, words)) == NULL)
		return false;
	else if (flag == '^')
	{
		MessageValue upper = MessageUpper(MessageSliceOf(word, strlen(word)));

		AppendSlice(out, MessageToText(&upper));
	}
	else
		appendStringInfoString(out, word);
	return true;
}

/* What is no directive stands as it is. */
static void
WriteInstant(StringInfo out, const Instant *i, const char *format,
			 const MessageWords *words)
{
	for (; *format != '\0'; format++)
	{
		char		flag = '\0';

		if (*format == '%' && format[1] != '\0')
			flag = strchr("-_0^:", format[1]) ? format[1] : '\0';
		if (*format == '%' &&
			WriteDirective(out, i, flag, format[flag ? 2 : 1], words))
			format += flag ? 2 : 1;
		else
			appendStringInfoChar(out, *format);
	}
}

bool
MessageDate(StringInfo out, MessageSlice text, const char *format,
			const char *zone, const char *locale)
{
	Instant		instant = {0};
	int64		seconds;
	int			offset;

	if (!ReadInstant(pnstrdup(text.text, text.length), &instant))
		return false;
	seconds = Seconds(&instant);
	offset = *zone == '\0' ? 0 : MessageZoneOffset(zone, seconds);
	if (instant.somewhere && *zone != '\0')
		SetSeconds(&instant, seconds, offset);
	WriteInstant(out, &instant, format, MessageFindWords(locale));
	return true;
}
