// What the scripts have in common: calls to make come on the standard input, what came of each goes to the output.
"use strict";
const fs = require("fs");

const asked = JSON.parse(fs.readFileSync(0, "utf8"));

/** Makes one call after the other, and prints what it gave or how it failed. */
async function tell(call) {
  const said = [];
  for (const [name, ...given] of asked.calls) {
    const start = process.hrtime.bigint();
    const told = await call(name, given).then(
      (value) => ({ value: value === undefined ? null : value }),
      (error) => ({ error: error.name, message: error.message, more: error.response ? error.response.data : null })
    );
    said.push({ ...told, seconds: Number(process.hrtime.bigint() - start) / 1e9 });
  }
  process.stdout.write(JSON.stringify(said));
}

module.exports = { asked, tell };
