/*
 * locale.c: months, days and the signs of numbers in a dozen languages.
 *
 * The system's locales differ from machine to machine and change with an
 * upgrade of the C library; a message must not. The words are those of the
 * Unicode CLDR, in the form that stands in a date ("9 marca"). A language that
 * is not here is written in English.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "message/locale.h"

/* A space that does not break, a narrow one, and the raised comma. */
#define NBSP "\xc2\xa0"
#define NNBSP "\xe2\x80\xaf"
#define APOSTROPHE "\xe2\x80\x99"

static const MessageWords words[] = {
	{"en",
		{"January", "February", "March", "April", "May", "June", "July",
		"August", "September", "October", "November", "December"},
		{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
		"Nov", "Dec"},
		{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
		"Saturday"},
	{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}},
	{"cs",
		{"ledna", "února", "března", "dubna", "května", "června", "července",
		"srpna", "září", "října", "listopadu", "prosince"},
		{"led", "úno", "bře", "dub", "kvě", "čvn", "čvc", "srp", "zář", "říj",
		"lis", "pro"},
		{"neděle", "pondělí", "úterý", "středa", "čtvrtek", "pátek", "sobota"},
	{"ne", "po", "út", "st", "čt", "pá", "so"}},
	{"da",
		{"januar", "februar", "marts", "april", "maj", "juni", "juli",
		"august", "september", "oktober", "november", "december"},
		{"jan.", "feb.", "mar.", "apr.", "maj", "jun.", "jul.", "aug.", "sep.",
		"okt.", "nov.", "dec."},
		{"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag",
		"lørdag"},
	{"søn.", "man.", "tirs.", "ons.", "tors.", "fre.", "lør."}},
	{"de",
		{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August",
		"September", "Oktober", "November", "Dezember"},
		{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.",
		"Sept.", "Okt.", "Nov.", "Dez."},
		{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag",
		"Samstag"},
	{"So", "Mo", "Di", "Mi", "Do", "Fr", "Sa"}},
	{"es",
		{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio",
		"agosto", "septiembre", "octubre", "noviembre", "diciembre"},
		{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct",
		"nov", "dic"},
		{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes",
		"sábado"},
	{"dom", "lun", "mar", "mié", "jue", "vie", "sáb"}},
	{"fi",
		{"tammikuuta", "helmikuuta", "maaliskuuta", "huhtikuuta",
			"toukokuuta", "kesäkuuta", "heinäkuuta", "elokuuta", "syyskuuta",
		"lokakuuta", "marraskuuta", "joulukuuta"},
		{"tammik.", "helmik.", "maalisk.", "huhtik.", "toukok.", "kesäk.",
		"heinäk.", "elok.", "syysk.", "lokak.", "marrask.", "jouluk."},
		{"sunnuntai", "maanantai", "tiistai", "keskiviikko", "torstai",
		"perjantai", "lauantai"},
	{"su", "ma", "ti", "ke", "to", "pe", "la"}},
	{"fr",
		{"janvier", "février", "mars", "avril", "mai", "juin", "juillet",
		"août", "septembre", "octobre", "novembre", "décembre"},
		{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août",
		"sept.", "oct.", "nov.", "déc."},
		{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi",
		"samedi"},
	{"dim.", "lun.", "mar.", "mer.", "jeu.", "ven.", "sam."}},
	{"it",
		{"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno",
			"luglio", "agosto", "settembre", "ottobre", "novembre",
		"dicembre"},
		{"gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott",
		"nov", "dic"},
		{"domenica", "lunedì", "martedì", "mercoledì", "giovedì", "venerdì",
		"sabato"},
	{"dom", "lun", "mar", "mer", "gio", "ven", "sab"}},
	{"nb",
		{"januar", "februar", "mars", "april", "mai", "juni", "juli",
		"august", "september", "oktober", "november", "desember"},
		{"jan.", "feb.", "mars", "apr.", "mai", "juni", "juli", "aug.",
		"sep.", "okt.", "nov.", "des."},
		{"søndag", "mandag", "tirsdag", "onsdag", "torsdag", "fredag",
		"lørdag"},
	{"søn.", "man.", "tir.", "ons.", "tor.", "fre.", "lør."}},
	{"nl",
		{"januari", "februari", "maart", "april", "mei", "juni", "juli",
		"augustus", "september", "oktober", "november", "december"},
		{"jan.", "feb.", "mrt.", "apr.", "mei", "jun.", "jul.", "aug.",
		"sep.", "okt.", "nov.", "dec."},
		{"zondag", "maandag", "dinsdag", "woensdag", "donderdag", "vrijdag",
		"zaterdag"},
	{"zo", "ma", "di", "wo", "do", "vr", "za"}},
	{"pl",
		{"stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca",
			"lipca", "sierpnia", "września", "października", "listopada",
		"grudnia"},
		{"sty", "lut", "mar", "kwi", "maj", "cze", "lip", "sie", "wrz", "paź",
		"lis", "gru"},
		{"niedziela", "poniedziałek", "wtorek", "środa", "czwartek", "piątek",
		"sobota"},
	{"niedz.", "pon.", "wt.", "śr.", "czw.", "pt.", "sob."}},
	{"pt",
		{"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho",
		"agosto", "setembro", "outubro", "novembro", "dezembro"},
		{"jan.", "fev.", "mar.", "abr.", "mai.", "jun.", "jul.", "ago.",
		"set.", "out.", "nov.", "dez."},
		{"domingo", "segunda-feira", "terça-feira", "quarta-feira",
		"quinta-feira", "sexta-feira", "sábado"},
	{"dom.", "seg.", "ter.", "qua.", "qui.", "sex.", "sáb."}},
	{"sv",
		{"januari", "februari", "mars", "april", "maj", "juni", "juli",
		"augusti", "september", "oktober", "november", "december"},
		{"jan.", "feb.", "mars", "apr.", "maj", "juni", "juli", "aug.",
		"sep.", "okt.", "nov.", "dec."},
		{"söndag", "måndag", "tisdag", "onsdag", "torsdag", "fredag",
		"lördag"},
	{"sön", "mån", "tis", "ons", "tors", "fre", "lör"}},
};

/* A locale of a country stands before its language, English is first. */
static const MessageNumerals numerals[] = {
	{"en", ".", ",", false, "$#"},
	{"cs", ",", NBSP, false, "#" NBSP "$"},
	{"da", ",", ".", false, "#" NBSP "$"},
	{"de-AT", ",", ".", false, "$" NBSP "#"},
	{"de-CH", ".", APOSTROPHE, false, "$" NBSP "#"},
	{"de-LI", ".", APOSTROPHE, false, "$" NBSP "#"},
	{"de", ",", ".", false, "#" NBSP "$"},
	{"es-MX", ".", ",", false, "$#"},
	{"es", ",", ".", true, "#" NBSP "$"},
	{"fi", ",", NBSP, false, "#" NBSP "$"},
	{"fr-CH", ",", NNBSP, false, "#" NBSP "$"},
	{"fr", ",", NNBSP, false, "#" NBSP "$"},
	{"it-CH", ".", APOSTROPHE, false, "$" NBSP "#"},
	{"it", ",", ".", false, "#" NBSP "$"},
	{"nb", ",", NBSP, false, "#" NBSP "$"},
	{"nl", ",", ".", false, "$" NBSP "#"},
	{"pl", ",", NBSP, true, "#" NBSP "$"},
	{"pt-PT", ",", NBSP, true, "#" NBSP "$"},
	{"pt", ",", ".", false, "$" NBSP "#"},
	{"sv", ",", NBSP, false, "#" NBSP "$"},
};

/* These are Norwegian under their older names. */
static const char *
Language(const char *locale)
{
	return pg_strncasecmp(locale, "no", 2) == 0 ||
		pg_strncasecmp(locale, "nn", 2) == 0 ? "nb" : locale;
}

/* de_AT.UTF-8 begins with de-AT and with de. */
static bool
Begins(const char *locale, const char *with)
{
	for (; *with != '\0'; locale++, with++)
		if (pg_ascii_tolower(*locale) != pg_ascii_tolower(*with) &&
			!(*with == '-' && *locale == '_'))
			return false;
	return !isalpha((unsigned char) *locale);
}

/* Words that the database's encoding may lack are not used. */
static bool
CanWrite(void)
{
	return GetDatabaseEncoding() == PG_UTF8;
}

const MessageWords *
MessageFindWords(const char *locale)
{
	for (int i = 0; i < lengthof(words) && CanWrite(); i++)
		if (Begins(Language(locale), words[i].language))
			return &words[i];
	return &words[0];
}

const MessageNumerals *
MessageFindNumerals(const char *locale)
{
	for (int i = 0; i < lengthof(numerals) && CanWrite(); i++)
		if (Begins(Language(locale), numerals[i].locale))
			return &numerals[i];
	return &numerals[0];
}
