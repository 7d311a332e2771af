/** A component of a bill of materials in the form of CycloneDX, specification 1.5 (cyclonedx.org). */
interface Component {
  readonly 'bom-ref': string;
  readonly type: 'library';
  readonly name: string;
  readonly version: string;
  readonly scope: 'excluded';
  readonly purl: string;
}

/** What npm writes, so far as it is changed here. */
interface NpmBom {
  readonly components: readonly {
    readonly 'bom-ref': string;
    readonly properties: readonly { readonly name: string; readonly value: string }[];
  }[];
}

/** npm's property of a package that only `devDependencies` ask for. */
const DEVELOPMENT = 'cdx:npm:package:development';

/** What is new each time that npm writes a bill of materials, or tells of the machine only. CycloneDX requires none of these. */
const NOT_OF_THE_COMMIT = ['serialNumber', 'timestamp', 'tools'];

/**
 * npm's bill of materials (CycloneDX, as JSON) without what another run would write differently. To npm everything that is not asked for
 * by `dependencies` is for development; here the scope of a component says whether its code is in what people install.
 * @param bundled what is, as npm refers to it: name@version
 * @throws {Error} if npm does not know one of these
 */
export function reproducibleBom(json: string, bundled: readonly string[]): string {
  const bom = JSON.parse(json, (key, value: unknown) =>
    NOT_OF_THE_COMMIT.includes(key) ? undefined : value,
  ) as NpmBom;
  const components = bom.components.map(({ properties, ...component }) => ({
    ...component,
    // CycloneDX: excluded is what is used for tests, builds and the like.
    scope: bundled.includes(component['bom-ref']) ? 'required' : 'excluded',
    properties: properties.filter(({ name }) => name !== DEVELOPMENT),
  }));
  const missing = bundled.filter((each) => !components.some((component) => component['bom-ref'] === each));
  if (missing.length > 0) throw new Error(`package-lock.json has no ${missing.join(', ')}`);
  return format({ ...bom, components });
}

/** The Python packages that check and test this repository, with their versions. */
export const PYTHON_LOCKS = [
  'integration/localstack/requirements.txt',
  'integration/localstack/uv.txt',
  'scripts/dev/lint/build-requirements.txt',
  'scripts/dev/lint/requirements.txt',
];

/** The Go modules that do. */
export const GO_LOCKS = ['scripts/dev/lint/go.mod', 'scripts/dev/opentofu/go.mod'];

/** The locks of what this repository is checked with: none of it is in what people install. */
export interface ToolLocks {
  /** The contents of files of pip's form, in which each package has one version. */
  readonly requirements: readonly string[];
  /** The contents of files go.mod, in which each module has one version. */
  readonly goMods: readonly string[];
}

/** A bill of materials of Python packages and Go modules. */
export function toolsBom(
  { requirements, goMods }: ToolLocks,
  component: { readonly name: string; readonly version: string },
): string {
  const components = new Map(
    [...requirements.flatMap(pythonPackages), ...goMods.flatMap(goModules)].map((each) => [each['bom-ref'], each]),
  );
  const { name, version } = component;
  return format({
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { component: { 'bom-ref': `${name}@${version}`, type: 'application', name, version } },
    components: Array.from(components.values()).sort((one, other) => (one['bom-ref'] < other['bom-ref'] ? -1 : 1)),
  });
}

function pythonPackages(requirements: string): Component[] {
  return Array.from(
    requirements.matchAll(/^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)/gm),
    ([, name = '', version = '']) =>
      // Package names in it are in lower case, with hyphens (purl specification, type pypi).
      library(name, version, `pkg:pypi/${name.toLowerCase().replaceAll('_', '-')}`),
  );
}

function goModules(goMod: string): Component[] {
  return Array.from(goMod.matchAll(/^(?:require)?\s+(\S+) (v\S+)/gm), ([, name = '', version = '']) =>
    // Namespace and name are in lower case (purl specification, type golang).
    library(name, version, `pkg:golang/${name.toLowerCase()}`),
  );
}

function library(name: string, version: string, purl: string): Component {
  const reference = `${purl}@${encodeURIComponent(version)}`;
  return { 'bom-ref': reference, type: 'library', name, version, scope: 'excluded', purl: reference };
}

function format(bom: object): string {
  return `${JSON.stringify(bom, undefined, 2)}\n`;
}
