/*
 * The harness: two cases, ours and its peer, run in turn in one session, and
 * the ratio of the CPU time that each took of this backend.
 */
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
CREATE EXTENSION persona;

/* Nanoseconds this backend has been on a CPU; Linux alone tells. */
CREATE FUNCTION pg_temp.cpu_ns() RETURNS bigint
LANGUAGE sql VOLATILE AS $$
	SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::bigint
$$;

/* The CPU time of one statement, after another that is not counted. */
CREATE FUNCTION pg_temp.cost(statement text, before text) RETURNS float8
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	start bigint;
BEGIN
	IF before <> '' THEN
		EXECUTE before;
	END IF;
	start := pg_temp.cpu_ns();
	EXECUTE statement;
	RETURN pg_temp.cpu_ns() - start;
END
$$;

/*
 * Runs both cases once uncounted, then in `pairs` pairs, whose order turns
 * from one to the next; a commit after each case. `before` puts the tables
 * back, uncounted. `n` is the rows of one case, `line` the figure to print.
 */
CREATE PROCEDURE pg_temp.compare(figure text, peer text, n bigint, ours text, theirs text,
	before text, pairs int, OUT line text)
LANGUAGE plpgsql AS $$
DECLARE
	a float8;
	b float8;
	ratios float8[];
	costs float8[];
	peers float8[];
BEGIN
	FOR pair IN 0 .. pairs LOOP
		IF pair % 2 = 0 THEN
			a := pg_temp.cost(ours, before);
			COMMIT;
		END IF;
		b := pg_temp.cost(theirs, before);
		COMMIT;
		IF pair % 2 = 1 THEN
			a := pg_temp.cost(ours, before);
			COMMIT;
		END IF;
		IF pair > 0 THEN
			ratios := ratios || a / b;
			costs := costs || a / n;
			peers := peers || b / n;
		END IF;
	END LOOP;
	SELECT format('%-42s %s times %s (%s .. %s); %s against %s ns a row', figure,
			round(percentile_cont(0.5) WITHIN GROUP (ORDER BY r)::numeric, 2), peer,
			round(min(r)::numeric, 2), round(max(r)::numeric, 2),
			round(percentile_cont(0.5) WITHIN GROUP (ORDER BY o)),
			round(percentile_cont(0.5) WITHIN GROUP (ORDER BY p)))
	INTO line
	FROM unnest(ratios, costs, peers) AS u (r, o, p);
END
$$;
