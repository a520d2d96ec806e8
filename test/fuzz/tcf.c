/*
 * tcf.c: the fuzz target of consent strings: such as no banner wrote. Whatever
 * is decoded has to be JSON in its brackets at least.
 */
#include "consent/tcf.h"

#include "fuzz/server.h"

static const char *input;
static size_t input_length;

static void
Try(void)
{
	char	   *text = pnstrdup(input, input_length);
	StringInfoData json;

	initStringInfo(&json);
	ConsentTcf(text, &json);
	if (json.data[0] != '{' || json.data[json.len - 1] != '}' ||
		strlen(json.data) != json.len)
		abort();
}

int			LLVMFuzzerTestOneInput(const uint8 *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8 *bytes, size_t length)
{
	input = (const char *) bytes;
	input_length = length;
	FuzzTry(Try);
	FuzzFreeAll();
	return 0;
}
