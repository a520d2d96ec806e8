/*
 * tcf.c: strings that no consent banner wrote. Whatever is decoded has to be
 * JSON in its brackets at least.
 */
#include "consent/tcf.h"

#include "stub.h"

static void
Decode(const char *text)
{
	StringInfoData json;

	initStringInfo(&json);
	ConsentTcf(text, &json);
	if (json.data[0] != '{' || json.data[json.len - 1] != '}' ||
		strlen(json.data) != json.len)
		abort();
}

int			LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	return Fuzz(Decode, data, size);
}
