// Calls npm's akismet-api as told. Host and protocol are options; all calls but verifyKey go to KEY.host.
"use strict";
const { AkismetClient } = require("akismet-api");
const { asked, tell } = require("./told.js");

const client = new AkismetClient({
  key: asked.key,
  blog: "https://journal.example/",
  host: `localhost:${new URL(asked.base).port}`,
  protocol: "http",
});

/** Gives of an answer what can be printed: the submits resolve to the whole one. */
const plain = (value) => (value && value.text !== undefined ? value.text : value);

tell(async (name, given) => plain(await client[name](...given)));
