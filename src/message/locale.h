/*
 * locale.h: the words and signs of a language that dates and money need.
 */
#ifndef PERSONA_LOCALE_H
#define PERSONA_LOCALE_H

typedef struct MessageWords
{
	const char *language;		/* ISO 639-1 */
	const char *months[12];
	const char *short_months[12];
	const char *days[7];		/* from Sunday */
	const char *short_days[7];
} MessageWords;

typedef struct MessageNumerals
{
	const char *locale;			/* de, or de-CH where it differs from de */
	const char *point;
	const char *group;
	bool		sparing;		/* four digits stand without a group */
	const char *pattern;		/* # the amount, $ the currency */
} MessageNumerals;

/* Of a locale such as de, de-AT or de_AT.UTF-8; English if not known. */
extern const MessageWords *MessageFindWords(const char *locale);
extern const MessageNumerals *MessageFindNumerals(const char *locale);

#endif							/* PERSONA_LOCALE_H */
