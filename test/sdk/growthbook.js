// What GrowthBook's SDK shows, asked as a web page asks it. In: a line of JSON
// {payload, users: [attributes]}. Out: for each user and feature a line of
// user, feature and variation, the last empty where the user is in no test.
const { GrowthBook } = require('@growthbook/growthbook');
const { payload, users } = JSON.parse(require('fs').readFileSync(0, 'utf8'));

for (const attributes of users) {
	const page = new GrowthBook({ attributes });
	page.initSync({ payload });
	for (const feature of Object.keys(payload.features)) {
		const { value, experimentResult } = page.evalFeature(feature);
		console.log([attributes.id, feature, experimentResult?.inExperiment ? value : ''].join('\t'));
	}
	page.destroy();
}
