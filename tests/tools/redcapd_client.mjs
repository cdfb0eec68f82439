// SPDX-License-Identifier: MIT
// redcapd_client.mjs URL FILE: talk to a REDCap with JavaScript's fetch; the token of a project with the
// schema dtp is in FILE. Exits 1 with a trace for the first answer that is not as it must be.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

const [url, file] = process.argv.slice(2);
const token = readFileSync(file, "ascii").trim();

async function call(status, body) {
  body.append("token", token);
  const answer = await fetch(url, { method: "POST", body });
  assert.equal(answer.status, status, await answer.clone().text());
  return answer;
}

const form = (pairs) => new URLSearchParams(pairs);
const parts = (pairs) => pairs.reduce((all, [name, value, ...more]) =>
  (all.append(name, value, ...more), all), new FormData());

// the same call as a form and as multipart, arrays spelled with empty brackets
const rows = JSON.stringify([{ record_id: "P", project_name: "P & \"Q\" æ\n2" }, { record_id: "Q" }]);
const imports = [["content", "record"], ["format", "json"], ["data", rows]];
for (const body of [form(imports), parts(imports)]) {
  assert.deepEqual(await (await call(200, body)).json(), { count: 2 });
}
const exports = [["content", "record"], ["format", "json"], ["fields[]", "record_id"],
  ["fields[]", "project_name"], ["records[]", "P"]];
for (const body of [form(exports), parts(exports)]) {
  const back = await (await call(200, body)).json();
  assert.equal(back[0].project_name, "P & \"Q\" æ\n2");
  assert.equal(back.length, 1);
}

// a file up and down, its name in another script
const bytes = Uint8Array.from({ length: 70000 }, (_, i) => i * 31);
const place = [["content", "file"], ["record", "P"], ["field", "project_end_data"],
  ["returnFormat", "json"]];
const upload = parts([...place, ["action", "import"]]);
upload.append("file", new Blob([bytes]), "prøve 1.bin");
assert.equal(await (await call(200, upload)).text(), "");
const download = await call(200, form([...place, ["action", "export"]]));
assert.deepEqual(new Uint8Array(await download.arrayBuffer()), bytes);
assert.match(download.headers.get("content-type"), /name="pr[^"]+1\.bin"/);
await call(200, form([...place, ["action", "delete"]]));
assert.match((await (await call(400, form([...place, ["action", "export"]]))).json()).error, /no file/);

// many at once, on connections that fetch keeps
const versions = await Promise.all(Array.from({ length: 40 }, async () =>
  (await call(200, form([["content", "version"]]))).text()));
assert.deepEqual(new Set(versions), new Set(["14.0.0"]));
console.log("all answers are good");
