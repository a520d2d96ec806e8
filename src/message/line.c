/*
 * line.c: a subject line, which must stay one line.
 *
 * A line break in it would begin another header of the e-mail; other control
 * characters have no business there either.
 */
#include "message/message.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/*
 * How many bytes of a control character stand here, 0 if none does. In UTF-8
 * these are also U+0080 to U+009F and the separators of lines and paragraphs.
 */
static int
ControlLength(const char *text)
{
	const unsigned char *c = (const unsigned char *) text;

	if (*c < 0x20 || *c == 0x7f)
		return 1;
	if (GetDatabaseEncoding() != PG_UTF8)
		return 0;
	if (c[0] == 0xc2 && c[1] < 0xa0)
		return 2;
	if (c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9))
		return 3;
	return 0;
}

text *
MessageOneLine(text *message)
{
	const char *at = text_to_cstring(message);
	bool		space = false;
	StringInfoData line;

	initStringInfo(&line);
	while (*at != '\0')
	{
		int			control = ControlLength(at);

		if (control == 0)
		{
			if (space)
				appendStringInfoChar(&line, ' ');
			appendStringInfoChar(&line, *at);
		}
		space = control > 0;
		at += Max(1, control);
	}
	return cstring_to_text_with_len(line.data, line.len);
}
