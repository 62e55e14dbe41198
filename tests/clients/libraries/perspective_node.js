// Calls npm's perspective-api-client as told. Its address is a constant: an interceptor of axios leads to Vigie instead.
"use strict";
const axios = require("axios");
const Perspective = require("perspective-api-client");
const { asked, tell } = require("./told.js");

axios.interceptors.request.use((config) => ({
  ...config,
  url: config.url.replace("https://commentanalyzer.googleapis.com", asked.base),
}));
const client = new Perspective({ apiKey: asked.key });

tell((name, given) => client[name](...given));
