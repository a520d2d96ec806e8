# persona. `make demo` shows it, `make test` tests it; both do their own set-up.
# `make && make install PG_CONFIG=...` builds and installs it like any extension.

EXTENSION   = persona
VERSION     = $(shell sed -n 's/^   "version": "\(.*\)",/\1/p' META.json)
MODULE_big  = persona
OBJS        = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c src/*/*.c)))
DATA        = $(wildcard sql/persona--*--*.sql)
DATA_built  = persona--$(VERSION).sql persona.control
EXTRA_CLEAN = persona--$(VERSION).sql persona.control results regression.diffs regression.out output_iso

# The server's own headers and macros do not survive the last four of -Wextra.
PG_CPPFLAGS = -I$(srcdir)/src -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-missing-field-initializers -Wno-sign-compare -Wno-cast-function-type

REGRESS      = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=persona
ISOLATION      = $(patsubst test/specs/%.spec,%,$(sort $(wildcard test/specs/*.spec)))
ISOLATION_OPTS = $(REGRESS_OPTS) --outputdir=.

# Before the first `make deps` of a bare machine there is no pg_config.
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(wildcard $(PGXS)),)
include $(PGXS)
endif

$(OBJS): $(wildcard src/*/*.h)

# The version lives in META.json; the script is the modules in their order.
persona--$(VERSION).sql: $(sort $(wildcard sql/[0-9][0-9]-*.sql)) META.json
	cat $(filter %.sql,$^) > $@

persona.control: persona.control.in META.json
	sed 's/@VERSION@/$(VERSION)/' $< > $@

.PHONY: deps demo test bench lint floors
deps:
	@test/deps.sh

demo:
	@test/server.sh demo/run

test:
	@test/server.sh test/run.sh

bench:
	@test/server.sh bench/run

lint: floors

floors:
	@test/floors.sh
