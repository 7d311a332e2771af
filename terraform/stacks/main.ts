import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { accountsJsonSchema, AccountsFileError, parseAccountsFile } from './accounts-file.ts';
import { planStacks } from './stacks.ts';
import { synthesizeStacks } from './synth.ts';

const MODULES = join(import.meta.dirname, '..', 'modules');

const USAGE = `Usage: tsx terraform/stacks/main.ts --accounts FILE --out DIR [--function-zip FILE]
       tsx terraform/stacks/main.ts --schema
Writes a Terraform configuration for each account of the accounts file, or the JSON Schema of that file.`;

try {
  run();
} catch (error) {
  const isUsage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  if (!isUsage && !(error instanceof AccountsFileError)) throw error;
  console.error(isUsage ? `${error.message}\n${USAGE}` : error.message);
  process.exitCode = isUsage ? 2 : 1;
}

function run(): void {
  const { values } = parseArgs({
    options: {
      accounts: { type: 'string' },
      out: { type: 'string' },
      'function-zip': { type: 'string' },
      schema: { type: 'boolean' },
    },
  });
  const { accounts, out, 'function-zip': functionZip, schema } = values;
  if (schema) {
    console.log(JSON.stringify(accountsJsonSchema(), null, 2));
    return;
  }
  const missing = [accounts, functionZip].find((file) => file !== undefined && !existsSync(file));
  if (accounts === undefined || out === undefined || missing !== undefined) {
    console.error(missing === undefined ? USAGE : `There is no file ${missing}.`);
    process.exitCode = 2;
    return;
  }
  const stacks = planStacks(parseAccountsFile(readFileSync(accounts, 'utf8'), accounts));
  synthesizeStacks(stacks, {
    modules: MODULES,
    out,
    accountsFile: accounts,
    ...(functionZip !== undefined && { functionZip }),
  });
  console.log(`${stacks.length} stacks are in ${out}.`);
}
