/*
 * message.c: a rendering from beginning to end: data in, text out.
 *
 * All that is needed in between has a memory context of its own, which is gone
 * before the next message begins, also after an error.
 */
#include "message/render.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

/* What was missing outlives the rendering. */
static List *
Missing(const Renderer *r)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, r->missing)
		names = lappend(names, pstrdup(lfirst(cell)));
	return names;
}

/* Renders what `open` makes of the data. */
static text *
Render(const MessageTemplate *template,
	   MessageValue (*open) (const void *data), const void *data,
	   bool escape, List **missing)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext,
											   "persona message",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	Renderer	r = {.escape = escape};
	StringInfoData out;
	text	   *message;

	r.template = MessageCurrent(template);
	r.root = open(data);
	r.out = &out;
	initStringInfo(&out);
	RenderTemplate(&r);
	MemoryContextSwitchTo(caller);
	message = cstring_to_text_with_len(out.data, out.len);
	if (missing != NULL)
		*missing = Missing(&r);
	MemoryContextDelete(work);
	return message;
}

/* Without values there is nothing to be found. */
static MessageValue
Nothing(const void *data)
{
	return MessageNil();
}

text *
MessageRender(const MessageTemplate *template, const Jsonb *values,
			  bool escape, List **missing)
{
	return Render(template, values ? MessageFromJsonb : Nothing, values,
				  escape, missing);
}

text *
MessageRenderText(const MessageTemplate *template, text *json, bool escape)
{
	return Render(template, MessageFromJson, json, escape, NULL);
}

text *
MessageRenderRecord(const MessageTemplate *template, HeapTupleHeader record,
					bool escape)
{
	return Render(template, MessageFromRecord, record, escape, NULL);
}
