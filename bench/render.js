/*
 * The e-mails of render.sql by two engines of the npm registry: LiquidJS, which
 * reads the same template, and Handlebars, which compiles its own to code.
 * node render.js FOLDER ENGINE prints the CPU time of one message in
 * nanoseconds; the engines are installed in FOLDER, which has the data and what
 * persona made of it, one message a line.
 */
const fs = require('fs');
const path = require('path');
const [folder, name] = process.argv.slice(2);
const load = module => require(path.join(folder, 'node_modules', module));
// psql, too, reads a file without the end of its last line.
const template = file => fs.readFileSync(path.join(__dirname, file), 'utf8').replace(/\n$/, '');
const lines = file => fs.readFileSync(path.join(folder, file), 'utf8').trim().split('\n').map(JSON.parse);

const engines = {
	liquidjs() {
		const { Liquid } = load('liquidjs');
		const engine = new Liquid();
		const parsed = engine.parse(template('render.liquid'));
		return data => engine.renderSync(parsed, data);
	},
	handlebars() {
		const handlebars = load('handlebars');
		handlebars.registerHelper('fallback', (value, otherwise) => value || otherwise);
		const code = handlebars.precompile(template('render.hbs'), { noEscape: true });
		const compiled = handlebars.template(eval('(' + code + ')'));
		return data => compiled(data);
	}
};

const render = engines[name]();
const data = lines('data');
const wanted = lines('messages');
data.forEach((one, i) => {
	if (render(one) !== wanted[i]) {
		console.error(`${name} writes something else for message ${i + 1}`);
		process.exit(1);
	}
});
for (let i = 0; i < 5; i++) data.forEach(render);
const start = process.cpuUsage();
for (let i = 0; i < 20; i++) data.forEach(render);
const { user, system } = process.cpuUsage(start);
console.log(Math.round((user + system) * 1000 / (20 * data.length)));
