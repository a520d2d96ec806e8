/*
 * tcf.c: what a consent banner wrote down, decoded.
 *
 * A transparency and consent string of the IAB's TCF, version 2, is a row of
 * bits in web-safe base64: up to four segments with a dot between them. The
 * first is the core; each other begins with three bits that say what it is:
 * the vendors that were disclosed, those that the publisher allows, or the
 * publisher's own purposes. Numbers are big-endian and of fixed width; vendors
 * come as one bit each or as ranges. The layout is the IAB's "Consent string
 * and vendor list formats v2", and so are the names in the result.
 *
 * The text comes from a browser, so nothing in it is believed: each number is
 * read within the segment, each vendor lies within the stated highest, and
 * since a few bytes of ranges can name millions of vendors, their number is
 * limited. Errors tell the place, never the text, which is about a person.
 * Pure: no catalog, no setting.
 */
#include "consent/tcf.h"

#include "miscadmin.h"
#include "utils/datetime.h"

/* The ranges of a segment name no more vendors than this, all together. */
#define VENDORS_AT_MOST 500000

/* A vendor's number has 16 bits. */
#define VENDOR_NUMBERS 65536

/* The segments after the core, by the three bits they begin with. */
typedef enum Segment
{
	SEGMENT_CORE = 0,
	SEGMENT_DISCLOSED = 1,
	SEGMENT_ALLOWED = 2,
	SEGMENT_PUBLISHER = 3,
	SEGMENTS = 4
} Segment;

/* One segment, read from left to right. */
typedef struct Reader
{
	const char *name;			/* of the segment, for errors */
	const uint8 *sextets;		/* its characters, 6 bits each */
	int			n;
	int64		at;				/* the next bit */
	int			vendors;		/* named by ranges so far */
} Reader;

/* Vendors by number. */
typedef struct Vendors
{
	bool		has[VENDOR_NUMBERS];
} Vendors;

/* What a publisher forbids or demands, for one purpose in one way. */
typedef struct Restriction
{
	int			purpose;
	int			type;
	Vendors    *vendors;
} Restriction;

/* As many as 6 bits of purpose and 2 bits of type can make. */
typedef struct Restrictions
{
	int			n;
	Restriction list[64 * 4];
} Restrictions;

static void
Malformed(const Reader *r, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("malformed TCF string"),
			 errdetail("The %s segment %s, near bit %lld.", r->name, what,
					   (long long) r->at),
			 errhint("Pass the text that the consent banner stored, as it is.")));
}

/* ---- numbers ---- */

static uint64
ReadNumber(Reader *r, int width)
{
	uint64		number = 0;

	if ((int64) r->n * 6 - r->at < width)
		Malformed(r, "ends too early");
	for (int64 end = r->at + width; r->at < end; r->at++)
		number = number << 1 | (r->sextets[r->at / 6] >> (5 - r->at % 6) & 1);
	return number;
}

static void
NumberField(StringInfo out, const char *name, Reader *r, int width)
{
	appendStringInfo(out, ", \"%s\": " UINT64_FORMAT, name,
					 ReadNumber(r, width));
}

static void
BooleanField(StringInfo out, const char *name, Reader *r)
{
	appendStringInfo(out, ", \"%s\": %s", name,
					 ReadNumber(r, 1) ? "true" : "false");
}

/* Two letters, A as 0. */
static void
LettersField(StringInfo out, const char *name, Reader *r)
{
	int			first = ReadNumber(r, 6);
	int			second = ReadNumber(r, 6);

	if (first > 25 || second > 25)
		Malformed(r, "has a language or country that is not of letters");
	appendStringInfo(out, ", \"%s\": \"%c%c\"", name, 'A' + first,
					 'A' + second);
}

/* Tenths of a second since 1970, as JavaScript writes a time. */
static void
TimeField(StringInfo out, const char *name, Reader *r)
{
	uint64		tenths = ReadNumber(r, 36);
	int			rest = tenths % 864000;
	int			year,
				month,
				day;

	j2date(tenths / 864000 + UNIX_EPOCH_JDATE, &year, &month, &day);
	appendStringInfo(out, ", \"%s\": \"%04d-%02d-%02dT%02d:%02d:%02d.%d00Z\"",
					 name, year, month, day, rest / 36000, rest / 600 % 60,
					 rest / 10 % 60, rest % 10);
}

/* A list of what is on, of `n` bits; the first is number 1. */
static void
BitsField(StringInfo out, const char *name, Reader *r, int n)
{
	const char *comma = "";

	appendStringInfo(out, ", \"%s\": [", name);
	for (int i = 1; i <= n; i++)
		if (ReadNumber(r, 1))
		{
			appendStringInfo(out, "%s%d", comma, i);
			comma = ", ";
		}
	appendStringInfoChar(out, ']');
}

/* ---- vendors ---- */

static void
CountVendors(Reader *r, int n)
{
	r->vendors += n;
	if (r->vendors > VENDORS_AT_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("TCF string names more than %d vendors",
						VENDORS_AT_MOST),
				 errhint("No consent banner writes so many; this text was made up.")));
}

/* Ranges of vendors, none above `highest`. */
static void
ReadRanges(Reader *r, int highest, Vendors *vendors)
{
	int			n = ReadNumber(r, 12);

	for (int i = 0; i < n; i++)
	{
		bool		many = ReadNumber(r, 1);
		int			first = ReadNumber(r, 16);
		int			last = many ? (int) ReadNumber(r, 16) : first;

		CHECK_FOR_INTERRUPTS();
		if (first == 0 || last < first || last > highest)
			Malformed(r, "has a range of vendors that cannot be");
		CountVendors(r, last - first + 1);
		memset(vendors->has + first, true, last - first + 1);
	}
}

/* A section of vendors: the highest number, then a bit each, or ranges. */
static void
ReadVendors(Reader *r, Vendors *vendors)
{
	int			highest = ReadNumber(r, 16);

	if (ReadNumber(r, 1))
		ReadRanges(r, highest, vendors);
	else
		for (int i = 1; i <= highest; i++)
			vendors->has[i] = ReadNumber(r, 1);
}

static void
AppendVendors(StringInfo out, const Vendors *vendors)
{
	const char *comma = "";

	appendStringInfoChar(out, '[');
	for (int i = 1; i < VENDOR_NUMBERS; i++)
		if (vendors->has[i])
		{
			appendStringInfo(out, "%s%d", comma, i);
			comma = ", ";
		}
	appendStringInfoChar(out, ']');
}

/* The vendors of a section that may be missing with its segment. */
static void
VendorsField(StringInfo out, const char *name, Reader *r)
{
	Vendors    *vendors = palloc0(sizeof(Vendors));

	if (r->n > 0)
		ReadVendors(r, vendors);
	appendStringInfo(out, ", \"%s\": ", name);
	AppendVendors(out, vendors);
	pfree(vendors);
}

/* ---- publisher restrictions ---- */

/* The vendors of a purpose and a type, which may be named several times. */
static Vendors *
RestrictedVendors(Restrictions *all, int purpose, int type)
{
	Restriction *one = all->list;

	for (; one < all->list + all->n; one++)
		if (one->purpose == purpose && one->type == type)
			return one->vendors;
	all->n++;
	one->purpose = purpose;
	one->type = type;
	one->vendors = palloc0(sizeof(Vendors));
	return one->vendors;
}

static void
ReadRestrictions(Reader *r, Restrictions *all)
{
	int			n = ReadNumber(r, 12);

	for (int i = 0; i < n; i++)
	{
		int			purpose = ReadNumber(r, 6);
		int			type = ReadNumber(r, 2);

		if (purpose == 0)
			Malformed(r, "restricts a purpose that cannot be");
		ReadRanges(r, VENDOR_NUMBERS - 1,
				   RestrictedVendors(all, purpose, type));
	}
}

static void
RestrictionsField(StringInfo out, Reader *r)
{
	Restrictions all = {0};

	ReadRestrictions(r, &all);
	appendStringInfoString(out, ", \"publisherRestrictions\": [");
	for (int i = 0; i < all.n; i++)
	{
		appendStringInfo(out, "%s{\"purposeId\": %d, \"restrictionType\": %d, \"vendors\": ",
						 i > 0 ? ", " : "", all.list[i].purpose,
						 all.list[i].type);
		AppendVendors(out, all.list[i].vendors);
		appendStringInfoChar(out, '}');
	}
	appendStringInfoChar(out, ']');
}

/* ---- segments ---- */

static void
DecodeCore(StringInfo out, Reader *r)
{
	int			version = ReadNumber(r, 6);

	if (version != 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("TCF string of version %d", version),
				 errhint("Only version 2 can be read; strings of version 1 have been void since 2020.")));
	appendStringInfoString(out, "\"version\": 2");
	TimeField(out, "created", r);
	TimeField(out, "lastUpdated", r);
	NumberField(out, "cmpId", r, 12);
	NumberField(out, "cmpVersion", r, 12);
	NumberField(out, "consentScreen", r, 6);
	LettersField(out, "consentLanguage", r);
	NumberField(out, "vendorListVersion", r, 12);
	NumberField(out, "policyVersion", r, 6);
	BooleanField(out, "isServiceSpecific", r);
	BooleanField(out, "useNonStandardTexts", r);
	BitsField(out, "specialFeatureOptins", r, 12);
	BitsField(out, "purposeConsents", r, 24);
	BitsField(out, "purposeLegitimateInterests", r, 24);
	BooleanField(out, "purposeOneTreatment", r);
	LettersField(out, "publisherCountryCode", r);
	VendorsField(out, "vendorConsents", r);
	VendorsField(out, "vendorLegitimateInterests", r);
	RestrictionsField(out, r);
}

/* The publisher's own use of the data; nothing is on where it is missing. */
static void
DecodePublisher(StringInfo out, Reader *r)
{
	bool		there = r->n > 0;
	int			custom;

	BitsField(out, "publisherConsents", r, there ? 24 : 0);
	BitsField(out, "publisherLegitimateInterests", r, there ? 24 : 0);
	custom = there ? (int) ReadNumber(r, 6) : 0;
	appendStringInfo(out, ", \"numCustomPurposes\": %d", custom);
	BitsField(out, "publisherCustomConsents", r, custom);
	BitsField(out, "publisherCustomLegitimateInterests", r, custom);
}

/* The 6 bits of a character of web-safe base64, or -1. */
static int
Sextet(char c)
{
	static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *place = c == '\0' ? NULL : strchr(alphabet, c);

	return place == NULL ? -1 : place - alphabet;
}

/* The next segment of the text, up to its dot or end. */
static Reader
OpenSegment(const char *text, const char *name)
{
	Reader		r = {name, .n = strcspn(text, ".")};
	uint8	   *sextets = palloc(r.n + 1);

	for (int i = 0; i < r.n; i++)
	{
		int			sextet = Sextet(text[i]);

		r.at = (int64) i * 6;
		if (sextet < 0)
			Malformed(&r, "holds a character that is not of web-safe base64");
		sextets[i] = sextet;
	}
	r.at = 0;
	r.sextets = sextets;
	if (r.n == 0)
		Malformed(&r, "is empty");
	return r;
}

/* All segments of the text, each at the place of its kind. */
static void
OpenSegments(const char *text, Reader segments[SEGMENTS])
{
	static const char *const names[SEGMENTS] =
	{"core", "disclosed vendors", "allowed vendors", "publisher"};

	segments[SEGMENT_CORE] = OpenSegment(text, names[SEGMENT_CORE]);
	while (*(text += strcspn(text, ".")) == '.')
	{
		Reader		r = OpenSegment(++text, "additional");
		int			kind = ReadNumber(&r, 3);

		if (kind == SEGMENT_CORE || kind >= SEGMENTS)
			Malformed(&r, "is of no known kind");
		if (segments[kind].n > 0)
			Malformed(&r, "is there already");
		segments[kind] = r;
	}
	for (int i = 0; i < SEGMENTS; i++)
		segments[i].name = names[i];
}

void
ConsentTcf(const char *text, StringInfo out)
{
	Reader		segments[SEGMENTS] = {0};

	OpenSegments(text, segments);
	appendStringInfoChar(out, '{');
	DecodeCore(out, &segments[SEGMENT_CORE]);
	VendorsField(out, "vendorsDisclosed", &segments[SEGMENT_DISCLOSED]);
	VendorsField(out, "vendorsAllowed", &segments[SEGMENT_ALLOWED]);
	DecodePublisher(out, &segments[SEGMENT_PUBLISHER]);
	appendStringInfoChar(out, '}');
}
