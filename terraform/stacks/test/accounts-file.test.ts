import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  accountsJsonSchema,
  AccountsFileError,
  COPIER_INPUTS,
  parseAccountsFile,
  SET_INPUTS,
  SOURCE_INPUTS,
} from '../accounts-file.ts';

const HEAD = `source:
  id: "111111111111"
  roleName: deployer
topic: amigo-PROD-notify
`;
const ACCOUNTS = `accounts:
  - id: "222222222222"
    name: payments
    roleName: deployer
    regions: [eu-west-1]
`;

describe('parseAccountsFile', () => {
  it('reads every field', () => {
    const file = {
      $schema: './terraform/stacks/accounts.schema.json',
      source: {
        id: '011111111111',
        name: 'bakery',
        roleArn: 'arn:aws:iam::011111111111:role/ci/deployer',
        inputs: {
          alarm_actions: ['arn:aws:sns:{region}:{account}:on-call'],
          housekeeping_topic_name: 'amigo-PROD-housekeeping-notify',
        },
        existingTopics: ['eu-west-1'],
        retiredRegions: ['us-east-1'],
      },
      topic: 'amigo-PROD-notify',
      organizationId: 'o-a1b2c3d4e5',
      backend: { type: 's3', bucket: 'states', region: 'eu-west-1', keyPrefix: 'copier/' },
      defaults: {
        regions: ['eu-west-1'],
        roleName: 'deployer',
        labels: { wave: 'main' },
        inputs: { retry_hours: 12, filter_enabled: false, recipe_tag: 'Recipe', trusted_owner_ids: null },
      },
      accounts: [
        {
          id: '222222222222',
          name: 'payments',
          regions: ['eu-west-1', 'eu-central-1'],
          labels: { wave: 'canary' },
          profile: 'payments',
          inputs: { source_key_arns: [] },
          retiredRegions: ['eu-north-1'],
        },
        { id: '033333333333', name: 'web' },
      ],
    };

    expect(parseAccountsFile(JSON.stringify(file), 'accounts.json')).toEqual(file);
  });

  it('reads YAML with anchors and merged maps', () => {
    const { accounts } = parseAccountsFile(
      `${HEAD}accounts:
  - &first
    id: "022222222222"
    name: payments
    roleName: deployer
    regions: &regions [eu-west-1]
  - <<: *first
    id: "333333333333"
    name: web
    regions: *regions
`,
      'accounts.yaml',
    );

    expect(accounts).toEqual([
      { id: '022222222222', name: 'payments', roleName: 'deployer', regions: ['eu-west-1'] },
      { id: '333333333333', name: 'web', roleName: 'deployer', regions: ['eu-west-1'] },
    ]);
  });

  it.each<[what: string, text: string, ...messages: string[]]>([
    ['an empty file', '', '1:1: must be a map of keys and values, not empty.'],
    ['a list as a whole', '- id: "222222222222"\n', '1:1: must be a map of keys and values, not a list.'],
    [
      'wrong YAML',
      `${HEAD}accounts: [\n`,
      '6:1: Flow sequence in block collection must be sufficiently indented and end with a ].',
    ],
    [
      'an alias without its anchor',
      `${HEAD}accounts: *none\n`,
      '1:1: Unresolved alias (the anchor must be set before the alias): none.',
    ],
    ['a key twice', `${HEAD}topic: other\n${ACCOUNTS}`, '5:1: key topic is there twice. Remove one.'],
    ['a key twice in JSON', '{ "topic": "a",\n  "topic": "b" }', '2:3: key "topic" is there twice. Remove one.'],
    ['a missing field', `topic: t\n${ACCOUNTS}`, '1:1: source: is missing. Add it.'],
    [
      'a missing id',
      `${HEAD}accounts:\n  - name: web\n    profile: web\n    regions: [eu-west-1]\n`,
      '6:5: accounts[0].id: is missing. Add it.',
    ],
    ['no accounts', `${HEAD}accounts: []\n`, '5:11: accounts: must list at least one account.'],
    [
      'an id without quotes',
      HEAD.replace('"111111111111"', '011111111111') + ACCOUNTS,
      '2:7: source.id: is a number, which loses leading zeros. Quote it: "011111111111".',
    ],
    [
      'an id as a number in JSON',
      `{"source": {"id": 111111111111, "profile": "p"}, "topic": "t",
  "accounts": [{"id": "222222222222", "name": "web", "profile": "p", "regions": ["eu-west-1"]}]}`,
      '1:19: source.id: is a number, which loses leading zeros. Quote it: "111111111111".',
    ],
    [
      'an id that is too short',
      HEAD + ACCOUNTS.replace('"222222222222"', '"22222222222"'),
      '6:9: accounts[0].id: must be 12 digits, in quotes.',
    ],
    [
      'an id twice',
      `${HEAD}${ACCOUNTS}  - id: "222222222222"\n    name: web\n    profile: web\n    regions: [eu-west-1]\n`,
      '10:9: accounts[1].id: account 222222222222 is listed already, on line 6. Remove one; an account has one entry for all its Regions.',
    ],
    [
      'a name twice',
      `${HEAD}${ACCOUNTS}  - id: "333333333333"\n    name: payments\n    profile: web\n    regions: [eu-west-1]\n`,
      '11:11: accounts[1].name: payments is the name of another account, on line 7. Choose another.',
    ],
    [
      'the name of the source account',
      HEAD + ACCOUNTS.replace('payments', 'source'),
      '7:11: accounts[0].name: source is the name of the source account. Choose another.',
    ],
    [
      'a name with other characters',
      HEAD + ACCOUNTS.replace('payments', '../x'),
      '7:11: accounts[0].name: must be 1 to 40 lower-case letters, digits and hyphens, the first no hyphen.',
    ],
    [
      'a misspelled Region',
      HEAD + ACCOUNTS.replace('eu-west-1', 'eu-wset-1'),
      '9:15: accounts[0].regions[0]: there is no Region eu-wset-1. Did you mean eu-west-1?',
    ],
    [
      'a Region that nobody knows',
      HEAD + ACCOUNTS.replace('eu-west-1', 'mars-north-1'),
      '9:15: accounts[0].regions[0]: there is no Region mars-north-1 that Image Copier knows (terraform/stacks/regions.ts).',
    ],
    [
      'an availability zone',
      HEAD + ACCOUNTS.replace('eu-west-1', 'eu-west-1a'),
      '9:15: accounts[0].regions[0]: must be a Region such as eu-west-1, not "eu-west-1a".',
    ],
    [
      'a Region twice',
      HEAD + ACCOUNTS.replace('eu-west-1', 'eu-west-1, eu-west-1'),
      '9:26: accounts[0].regions[1]: eu-west-1 is listed already. Remove one.',
    ],
    [
      'Regions of two partitions',
      HEAD + ACCOUNTS.replace('eu-west-1', 'eu-west-1, cn-north-1'),
      '9:26: accounts[0].regions[1]: cn-north-1 is in another partition (aws-cn) than eu-west-1. Give it an accounts file of its own.',
    ],
    [
      'an empty list of Regions',
      HEAD + ACCOUNTS.replace('[eu-west-1]', '[]'),
      '9:14: accounts[0].regions: must name at least one Region.',
    ],
    [
      'a key without a value',
      HEAD + ACCOUNTS.replace('[eu-west-1]', ''),
      '9:5: accounts[0].regions: must be a list, not empty.',
    ],
    [
      'no Region at all',
      HEAD + ACCOUNTS.replace('    regions: [eu-west-1]\n', ''),
      '6:5: accounts[0]: no Region. Give regions, here or in defaults.',
    ],
    [
      'a retired Region that is in use',
      `${HEAD}${ACCOUNTS}    retiredRegions: [eu-west-1]\n`,
      '10:22: accounts[0].retiredRegions[0]: eu-west-1 is still in use. Take it out of regions first.',
    ],
    [
      'a retired Region of the source account that a target uses',
      `${HEAD.replace('topic', '  retiredRegions: [eu-west-1]\ntopic')}${ACCOUNTS}`,
      '4:20: source.retiredRegions[0]: eu-west-1 is still in use. Take it out of regions first.',
    ],
    [
      'existing topics in a Region that no account is in',
      `${HEAD.replace('topic', '  existingTopics: [eu-west-1, eu-west-2]\ntopic')}${ACCOUNTS}`,
      '4:31: source.existingTopics[1]: eu-west-2 is the Region of no account. Remove it, or correct it.',
    ],
    [
      'an unknown key',
      `${HEAD}${ACCOUNTS}    region: eu-west-1\n`,
      '10:5: accounts[0].region: there is no such key. Did you mean regions?',
    ],
    [
      'unknown keys, one far from any other, one near a key that then is not missing',
      `acounts: []\ncolour: red\n${HEAD}`,
      '1:1: acounts: there is no such key. Did you mean accounts?',
      '2:1: colour: there is no such key. Keys here: $schema, source, topic, organizationId, backend, defaults, accounts.',
    ],
    [
      'no way into an account',
      HEAD + ACCOUNTS.replace('    roleName: deployer\n', ''),
      '6:5: accounts[0]: nothing says how to reach the account. Give roleName, roleArn or profile, here or in defaults.',
    ],
    [
      'a misspelled way into an account, once',
      HEAD + ACCOUNTS.replace('roleName', 'role_name'),
      '8:5: accounts[0].role_name: there is no such key. Did you mean roleName?',
    ],
    [
      'two ways into an account',
      `${HEAD}${ACCOUNTS}    profile: payments\n`,
      '10:14: accounts[0].profile: roleName and profile: give only one.',
    ],
    [
      'two default ways',
      `${HEAD}defaults:\n  profile: all\n  roleName: deployer\n${ACCOUNTS}`,
      '6:12: defaults.profile: roleName and profile: give only one.',
    ],
    [
      'a role of another account',
      HEAD + ACCOUNTS.replace('roleName: deployer', 'roleArn: arn:aws:iam::333333333333:role/deployer'),
      '8:14: accounts[0].roleArn: is a role of another account than 222222222222.',
    ],
    [
      'an ARN as role name',
      HEAD + ACCOUNTS.replace('deployer', 'arn:aws:iam::222222222222:role/x'),
      '8:15: accounts[0].roleName: must be the name of a role (with its path, if it has one), not an ARN.',
    ],
    [
      'labels that are no strings',
      `${HEAD}${ACCOUNTS}    labels: { wave: 1, canary: yes, main: true, "a b": x }\n`,
      '10:21: accounts[0].labels.wave: is a number, which loses leading zeros. Quote it: "1".',
      '10:43: accounts[0].labels.main: is true or false. Quote it: "true".',
      '10:49: accounts[0].labels.a b: the key must be up to 63 letters, digits, dots, hyphens and underscores.',
    ],
    [
      'inputs of wrong types',
      `${HEAD}${ACCOUNTS}    inputs: { retry_hours: "12", alarm_actions: x, filter_enabled: "no", name: [a], tags: [b], vpc: { subnets: [c] } }\n`,
      '10:28: accounts[0].inputs.retry_hours: must be a number, not "12".',
      '10:49: accounts[0].inputs.alarm_actions: must be a list, not "x".',
      '10:68: accounts[0].inputs.filter_enabled: must be true or false, not "no".',
      '10:80: accounts[0].inputs.name: must be a string, not a list.',
      '10:91: accounts[0].inputs.tags: must be a map of keys and values, not a list.',
      '10:101: accounts[0].inputs.vpc.security_group_ids: is missing. Add it.',
      '10:103: accounts[0].inputs.vpc.subnets: there is no such key. Did you mean subnet_ids?',
    ],
    [
      'an id without quotes in an input',
      `${HEAD}${ACCOUNTS}    inputs: { trusted_owner_ids: [012345678901] }\n`,
      '10:35: accounts[0].inputs.trusted_owner_ids[0]: is a number, which loses leading zeros. Quote it: "012345678901".',
    ],
    [
      'an input that the module lacks, and one that is set',
      `${HEAD}${ACCOUNTS}    inputs:\n      retry_hour: 12\n      request_topic_arn: x\n`,
      '11:7: accounts[0].inputs.retry_hour: there is no such key. Did you mean retry_hours?',
      '12:7: accounts[0].inputs.request_topic_arn: is set for you, from topic and source.id. Remove it.',
    ],
    [
      'a backend of another kind',
      `${HEAD}backend: { type: gcs }\n${ACCOUNTS}`,
      '5:18: backend.type: must be s3 or local.',
    ],
    [
      'a backend without its bucket',
      `${HEAD}backend:\n  type: s3\n  region: eu-west-1\n${ACCOUNTS}`,
      '6:3: backend.bucket: is missing. Add it.',
    ],
  ])('says where %s is', (_, text, ...messages) => {
    expect(problemsOf(text)).toEqual(messages.map((message) => `accounts.yaml:${message}`));
  });

  it('says all problems at once, in the order of the file', () => {
    const text = `${HEAD.replace('amigo-PROD-notify', 'a b')}${ACCOUNTS.replace('eu-west-1', 'eu-west-9').replace('payments', 'source')}`;

    expect(problemsOf(text)).toEqual([
      'accounts.yaml:4:8: topic: must be 1 to 200 letters, digits, hyphens and underscores.',
      'accounts.yaml:7:11: accounts[0].name: source is the name of the source account. Choose another.',
      'accounts.yaml:9:15: accounts[0].regions[0]: there is no Region eu-west-9. Did you mean eu-west-1?',
    ]);
  });
});

describe('accounts.schema.json', () => {
  it('is current', () => {
    const published: unknown = JSON.parse(
      readFileSync(join(import.meta.dirname, '..', 'accounts.schema.json'), 'utf8'),
    );

    expect(published).toEqual(accountsJsonSchema());
  });
});

describe('the inputs of the modules', () => {
  it('are those of image-copier, with their types', () => {
    expect({
      ...COPIER_INPUTS,
      housekeeping_topic_arn: 'string',
      request_topic_arn: 'string',
      results_topic_arn: 'string',
    }).toEqual(variablesOf('image-copier'));
  });

  it('are those of source-account, with their types', () => {
    expect({
      ...SOURCE_INPUTS,
      existing_topics: 'bool',
      name: 'string',
      organization_id: 'string',
      publisher_targets: 'list(object({ id = string, labels = optional(map(string), {}), regions = list(string) }))',
      target_account_ids: 'set(string)',
    }).toEqual(variablesOf('source-account'));
  });

  it('are either set by the stacks or open to the accounts', () => {
    expect(
      Object.keys(variablesOf('image-copier')).filter((name) => !(name in COPIER_INPUTS) && !(name in SET_INPUTS)),
    ).toEqual([]);
    expect(
      Object.keys(variablesOf('source-account')).filter((name) => !(name in SOURCE_INPUTS) && !(name in SET_INPUTS)),
    ).toEqual([]);
  });
});

function problemsOf(text: string): string[] {
  try {
    parseAccountsFile(text, 'accounts.yaml');
  } catch (error) {
    if (error instanceof AccountsFileError) return error.message.split('\n');
    throw error;
  }
  return [];
}

/** Names and types in a module's variables.tf. */
function variablesOf(module: string): Record<string, string> {
  const hcl = readFileSync(join(import.meta.dirname, '..', '..', 'modules', module, 'variables.tf'), 'utf8');
  return Object.fromEntries(
    Array.from(
      hcl.matchAll(/^variable "(\w+)" \{\n(?: {2}.*\n|\n)*? {2}type += (.+)$/gm),
      ([, name = '', type = '']) => [name, type],
    ),
  );
}
