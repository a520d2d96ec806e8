/*
 * template.c: the SQL type persona.template and the functions over it.
 */
#include "message/message.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "utils/array.h"
#include "utils/builtins.h"

#define PG_GETARG_TEMPLATE(n) \
	((MessageTemplate *) PG_DETOAST_DATUM(PG_GETARG_DATUM(n)))

PG_FUNCTION_INFO_V1(persona_template_in);

/* text -> template: parsed here and never again */
Datum
persona_template_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);

	PG_RETURN_POINTER(MessageParse(text, strlen(text)));
}

PG_FUNCTION_INFO_V1(persona_template_out);

/* template -> the text exactly as it was written */
Datum
persona_template_out(PG_FUNCTION_ARGS)
{
	MessageTemplate *template = PG_GETARG_TEMPLATE(0);

	PG_RETURN_CSTRING(pnstrdup(MessageText(template), template->length));
}

PG_FUNCTION_INFO_V1(persona_template_recv);

/* the wire carries the text alone, so what comes in is parsed like any other */
Datum
persona_template_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buffer = (StringInfo) PG_GETARG_POINTER(0);
	int			length;
	char	   *text = pq_getmsgtext(buffer, buffer->len - buffer->cursor,
									 &length);

	PG_RETURN_POINTER(MessageParse(text, length));
}

PG_FUNCTION_INFO_V1(persona_template_send);

Datum
persona_template_send(PG_FUNCTION_ARGS)
{
	MessageTemplate *template = PG_GETARG_TEMPLATE(0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendtext(&buffer, MessageText(template), template->length);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

PG_FUNCTION_INFO_V1(persona_template_variables);

/* persona.template_variables(template): the paths it outputs */
Datum
persona_template_variables(PG_FUNCTION_ARGS)
{
	List	   *paths = MessageVariables(PG_GETARG_TEMPLATE(0));
	Datum	   *elements = palloc(sizeof(Datum) * Max(1, list_length(paths)));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, paths)
		elements[n++] = CStringGetTextDatum(lfirst(cell));
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n, TEXTOID, -1, false,
										  TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(persona_template_nameless);

/* persona.template_nameless(template) */
Datum
persona_template_nameless(PG_FUNCTION_ARGS)
{
	const MessageTemplate *template = PG_GETARG_TEMPLATE(0);

	PG_RETURN_TEXT_P(cstring_to_text(MessageNameless(template)));
}

PG_FUNCTION_INFO_V1(persona_template_broken_html);

/* persona.template_broken_html(template): what is wrong and where, or NULL */
Datum
persona_template_broken_html(PG_FUNCTION_ARGS)
{
	const MessageTemplate *template = PG_GETARG_TEMPLATE(0);
	const char *text = MessageText(template);
	int			line = 1;
	int			offset;
	char	   *problem = MessageBrokenHtml(template, &offset);

	if (problem == NULL)
		PG_RETURN_NULL();
	for (int i = 0; i < offset; i++)
		if (text[i] == '\n')
			line++;
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s in line %d", problem, line)));
}

PG_FUNCTION_INFO_V1(persona_render);

/* persona.render(template, jsonb, escape) */
Datum
persona_render(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(MessageRender(PG_GETARG_TEMPLATE(0), PG_GETARG_JSONB_P(1),
								   PG_GETARG_BOOL(2), NULL));
}

PG_FUNCTION_INFO_V1(persona_render_text);

/* persona.render(template, text, escape): the text read as JSON */
Datum
persona_render_text(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(MessageRenderText(PG_GETARG_TEMPLATE(0),
									   PG_GETARG_TEXT_P(1),
									   PG_GETARG_BOOL(2)));
}

PG_FUNCTION_INFO_V1(persona_render_record);

/* persona.render(template, record, escape) */
Datum
persona_render_record(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(MessageRenderRecord(PG_GETARG_TEMPLATE(0),
										 PG_GETARG_HEAPTUPLEHEADER(1),
										 PG_GETARG_BOOL(2)));
}
