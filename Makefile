EXTENSION  = persona
VERSION    = $(shell sed -n 's/^   "version": "\(.*\)",/\1/p' META.json)
MODULE_big = persona
OBJS       = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
DATA_built = persona--$(VERSION).sql persona.control
PG_CPPFLAGS = -I$(srcdir)/src -Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-field-initializers -Wno-sign-compare -Wno-cast-function-type
EXTRA_CLEAN = persona--$(VERSION).sql persona.control

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard src/*/*.h)

persona--$(VERSION).sql: $(sort $(wildcard sql/[0-9][0-9]-*.sql)) META.json
	cat $(filter %.sql,$^) > $@

persona.control: persona.control.in META.json
	sed 's/@VERSION@/$(VERSION)/' $< > $@
