// Lets every name under `localhost` lead to this machine, as a DNS entry for *.vigie.example does: not every resolver
// knows those names. To be loaded before a client that puts the key in front of the host's name.
"use strict";
const dns = require("dns");

const { lookup } = dns;
dns.lookup = (name, ...more) => lookup(/(^|\.)localhost$/.test(name) ? "127.0.0.1" : name, ...more);
