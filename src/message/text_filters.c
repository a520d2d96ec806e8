/*
 * text_filters.c: filters that make a text of a text.
 *
 * Characters are counted, not bytes, so no half of one is ever left.
 */
#include "message/filter.h"

#include "mb/pg_wchar.h"

/* ---- letters ---- */

MessageValue
FilterUpcase(MessageCall *call)
{
	return MessageUpper(ValueText(call));
}

MessageValue
FilterDowncase(MessageCall *call)
{
	return MessageLower(ValueText(call));
}

MessageValue
FilterCapitalize(MessageCall *call)
{
	return MessageCapitalize(ValueText(call));
}

/* ---- putting together ---- */

static MessageValue
Joined(MessageSlice a, MessageSlice b)
{
	StringInfoData out;

	initStringInfo(&out);
	AppendSlice(&out, a);
	AppendSlice(&out, b);
	return MessageBuilt(&out);
}

MessageValue
FilterAppend(MessageCall *call)
{
	return Joined(ValueText(call), ArgText(call, 0));
}

MessageValue
FilterPrepend(MessageCall *call)
{
	return Joined(ArgText(call, 0), ValueText(call));
}

/* ---- white space ---- */

static MessageSlice
StripLeft(MessageSlice text)
{
	while (text.length > 0 && MessageIsSpace(*text.text))
		text.text++, text.length--;
	return text;
}

static MessageSlice
StripRight(MessageSlice text)
{
	while (text.length > 0 && MessageIsSpace(text.text[text.length - 1]))
		text.length--;
	return text;
}

MessageValue
FilterLstrip(MessageCall *call)
{
	return SliceValue(StripLeft(ValueText(call)));
}

MessageValue
FilterRstrip(MessageCall *call)
{
	return SliceValue(StripRight(ValueText(call)));
}

MessageValue
FilterStrip(MessageCall *call)
{
	return SliceValue(StripRight(StripLeft(ValueText(call))));
}

/* White space at the ends goes, in between it becomes one space. */
MessageValue
FilterSquish(MessageCall *call)
{
	MessageSlice text = StripRight(StripLeft(ValueText(call)));
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < text.length; i++)
		if (!MessageIsSpace(text.text[i]))
			appendStringInfoChar(&out, text.text[i]);
		else if (!MessageIsSpace(text.text[i + 1]))
			appendStringInfoChar(&out, ' ');
	return MessageBuilt(&out);
}

MessageValue
FilterStripNewlines(MessageCall *call)
{
	MessageSlice text = ValueText(call);
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; i < text.length; i++)
	{
		bool		crlf = text.text[i] == '\r' && i + 1 < text.length &&
		text.text[i + 1] == '\n';

		if (text.text[i] != '\n' && !crlf)
			appendStringInfoChar(&out, text.text[i]);
	}
	return MessageBuilt(&out);
}

/* ---- one text for another ---- */

/* What stands at `at` and is as long as `sought` gives way. */
static MessageValue
ReplacedAt(MessageSlice text, int at, MessageSlice sought, MessageSlice by)
{
	StringInfoData out;

	if (at < 0)
		return SliceValue(text);
	initStringInfo(&out);
	appendBinaryStringInfo(&out, text.text, at);
	AppendSlice(&out, by);
	at += sought.length;
	appendBinaryStringInfo(&out, text.text + at, text.length - at);
	return MessageBuilt(&out);
}

/* An empty text stands before each character and at the end. */
static MessageValue
ReplacedBetween(MessageCall *call, MessageSlice text, MessageSlice by)
{
	StringInfoData out;
	int			at = 0;

	initStringInfo(&out);
	while (at < text.length)
	{
		int			length = pg_mblen(text.text + at);

		AppendSlice(&out, by);
		appendBinaryStringInfo(&out, text.text + at, length);
		MessageSpend(call->budget, by.length);
		MessageCheckLength(out.len);
		at += length;
	}
	AppendSlice(&out, by);
	return MessageBuilt(&out);
}

static MessageValue
ReplacedEverywhere(MessageCall *call, MessageSlice text, MessageSlice sought,
				   MessageSlice by)
{
	StringInfoData out;
	int			done = 0;
	int			at;

	initStringInfo(&out);
	while ((at = MessageIndexOf(call->budget, text, sought, done)) >= 0)
	{
		appendBinaryStringInfo(&out, text.text + done, at - done);
		AppendSlice(&out, by);
		MessageSpend(call->budget, by.length);
		MessageCheckLength(out.len);
		done = at + sought.length;
	}
	appendBinaryStringInfo(&out, text.text + done, text.length - done);
	return MessageBuilt(&out);
}

MessageValue
FilterReplace(MessageCall *call)
{
	MessageSlice sought = ArgText(call, 0);
	MessageSlice by = ArgTextOr(call, 1, "");

	if (sought.length == 0)
		return ReplacedBetween(call, ValueText(call), by);
	return ReplacedEverywhere(call, ValueText(call), sought, by);
}

MessageValue
FilterReplaceFirst(MessageCall *call)
{
	MessageSlice text = ValueText(call);
	MessageSlice sought = ArgText(call, 0);
	int			at = MessageIndexOf(call->budget, text, sought, 0);

	return ReplacedAt(text, at, sought, ArgTextOr(call, 1, ""));
}

MessageValue
FilterReplaceLast(MessageCall *call)
{
	MessageSlice text = ValueText(call);
	MessageSlice sought = ArgText(call, 0);
	int			at = MessageLastIndexOf(call->budget, text, sought);

	return ReplacedAt(text, at, sought, ArgTextOr(call, 1, ""));
}

/* To remove is to replace by nothing, whatever follows. */
MessageValue
FilterRemove(MessageCall *call)
{
	return FilterReplace(call);
}

MessageValue
FilterRemoveFirst(MessageCall *call)
{
	return FilterReplaceFirst(call);
}

MessageValue
FilterRemoveLast(MessageCall *call)
{
	return FilterReplaceLast(call);
}

/* ---- parts of a text, or of a list ---- */

/* From `start`, counted from the end if negative; false if outside. */
static bool
Within(int size, int *start, int *length)
{
	if (*start < 0)
		*start += size;
	if (*start < 0 || *start > size || *length < 0)
		return false;
	*length = Min(*length, size - *start);
	return true;
}

static MessageValue
SlicedList(MessageCall *call, int start, int length)
{
	MessageValue list = MessageNewItems(VALUE_LIST);
	const MessageValue *values = MessageOpen(call->value.as.items);

	if (Within(call->value.as.items->n, &start, &length))
		for (int i = start; i < start + length; i++)
			MessageAppend(list.as.items, values[i]);
	return list;
}

MessageValue
FilterSlice(MessageCall *call)
{
	int			start = MessageNeedInt(&call->args[0]);
	bool		given = call->nargs > 1 && call->args[1].type != VALUE_NIL;
	int			length = given ? MessageNeedInt(&call->args[1]) : 1;
	MessageSlice text;
	int			from;

	if (call->value.type == VALUE_LIST)
		return SlicedList(call, start, length);
	text = ValueText(call);
	if (!Within(MessageLength(text), &start, &length))
		return MessageString("", 0);
	from = MessageBytes(text, start);
	text.text += from;
	text.length -= from;
	return MessageString(text.text, MessageBytes(text, length));
}

/* At most so many characters, those of the ellipsis included. */
MessageValue
FilterTruncate(MessageCall *call)
{
	MessageSlice text = ValueText(call);
	int			most = ArgInt(call, 0, 50);
	MessageSlice dots = ArgTextOr(call, 1, "...");

	if (call->value.type == VALUE_NIL || MessageLength(text) <= most)
		return SliceValue(text);
	text.length = MessageBytes(text, Max(0, most - MessageLength(dots)));
	return Joined(text, dots);
}

/* The next word of a text, which is cut off; false if there is none. */
static bool
NextWord(MessageSlice *text, MessageSlice *word)
{
	*text = StripLeft(*text);
	*word = MessageSliceOf(text->text, 0);
	while (word->length < text->length &&
		   !MessageIsSpace(word->text[word->length]))
		word->length++;
	text->text += word->length;
	text->length -= word->length;
	return word->length > 0;
}

/* The first so many words, and dots if there are more. */
MessageValue
FilterTruncatewords(MessageCall *call)
{
	MessageSlice text = ValueText(call);
	int			most = Max(1, ArgInt(call, 0, 15));
	MessageSlice word;
	StringInfoData out;

	initStringInfo(&out);
	for (int i = 0; NextWord(&text, &word); i++)
	{
		if (i == most)
		{
			AppendSlice(&out, ArgTextOr(call, 1, "..."));
			return MessageBuilt(&out);
		}
		if (i > 0)
			appendStringInfoChar(&out, ' ');
		AppendSlice(&out, word);
	}
	return call->value;
}

/* ---- a list of parts ---- */

static void
AddPart(MessageCall *call, MessageItems *list, MessageSlice part)
{
	MessageSpend(call->budget, MESSAGE_ITEM_WORK);
	MessageAppend(list, SliceValue(part));
}

static void
SplitWords(MessageCall *call, MessageItems *list, MessageSlice text)
{
	MessageSlice word;

	while (NextWord(&text, &word))
		AddPart(call, list, word);
}

static void
SplitCharacters(MessageCall *call, MessageItems *list, MessageSlice text)
{
	while (text.length > 0)
	{
		int			length = pg_mblen(text.text);

		AddPart(call, list, MessageSliceOf(text.text, length));
		text.text += length;
		text.length -= length;
	}
}

/* Parts that are empty are left out at the end, and only there. */
static void
SplitAt(MessageCall *call, MessageItems *list, MessageSlice text,
		MessageSlice by)
{
	int			done = 0;
	int			at;

	while ((at = MessageIndexOf(call->budget, text, by, done)) >= 0)
	{
		AddPart(call, list, MessageSliceOf(text.text + done, at - done));
		done = at + by.length;
	}
	AddPart(call, list, MessageSliceOf(text.text + done, text.length - done));
	while (list->n > 0 && list->values[list->n - 1].length == 0)
		list->n--;
}

/* A single space splits at white space of any kind; nothing, everywhere. */
MessageValue
FilterSplit(MessageCall *call)
{
	MessageValue list = MessageNewItems(VALUE_LIST);
	MessageSlice text = ValueText(call);
	MessageSlice by = ArgText(call, 0);

	if (by.length == 0)
		SplitCharacters(call, list.as.items, text);
	else if (MessageSliceIs(by, " "))
		SplitWords(call, list.as.items, text);
	else
		SplitAt(call, list.as.items, text, by);
	return list;
}
