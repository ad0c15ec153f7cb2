// Prints, as JSON, what the Khronos validator says of each glTF named: {file: [message, …]}.
const fs = require("fs");
const path = require("path");
const validator = require("gltf-validator");

async function validate(file) {
  const sibling = (uri) => path.join(path.dirname(file), decodeURIComponent(uri));
  const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)), {
    uri: path.basename(file),
    maxIssues: 0,
    externalResourceFunction: async (uri) => new Uint8Array(fs.readFileSync(sibling(uri))),
  });
  return report.issues.messages;
}

(async () => {
  const found = {};
  for (const file of process.argv.slice(2)) found[file] = await validate(file);
  process.stdout.write(JSON.stringify(found));
})();
