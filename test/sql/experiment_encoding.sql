-- a bucket is the same in a database of another encoding
\set here :DBNAME
CREATE DATABASE persona_latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
\c persona_latin1
CREATE EXTENSION persona;
SELECT persona.murmur3(U&'Zo\00EB', 0) = persona.murmur3('\x5a6fc3ab'::bytea, 0) AS murmur3,
	persona.bucket(U&'Zo\00EB', U&'gr\00F6\00DFe'::text) = persona.murmur3('\x6772c3b6c39f652e5a6fc3ab'::bytea, 0) / 4294967296.0 AS bucket,
	persona.choose(U&'Zo\00EB', 'x', '{0.5,0.5}') = 1 + floor(persona.murmur3('\x782e5a6fc3ab'::bytea, 0) * 2 / 4294967296.0) AS choose,
	persona.bucket(U&'Zo\00EB', U&'gr\00F6\00DFe'::text, 'growthbook1') = 0.328 AS growthbook,
	round(persona.bucket(U&'Zo\00EB', U&'gr\00F6\00DFe'::text, 'statsig') * 10000) = 5702 AS statsig;
\c :here
DROP DATABASE persona_latin1;
