// [{"name": ..., "definition": ...}] on stdin; the same on stdout with `errors`, a list of lines, instead.
const validate = require("asl-validator");

const machines = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = machines.map(({ name, definition }) => ({
  name,
  errors: validate(definition).errors.map((error) => error.Message),
}));
process.stdout.write(JSON.stringify(answers));
