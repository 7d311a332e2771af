import { describe, expect, it } from '@jest/globals';
import { startedAs, type Start } from '../../../tool/common/started-as.ts';

const CHECKOUT = '/home/ann/image-copier';
const LAUNCHER = `${CHECKOUT}/scripts/tool/image-copier.mjs`;
const LINK = '/usr/local/bin/image-copier';

/** From the checkout, by the launcher's path, with nothing on PATH. */
function start(given: Partial<Start> & { readonly executables?: readonly string[] }): Start {
  const { executables = [LAUNCHER, LINK], ...others } = given;
  return {
    script: LAUNCHER,
    file: LAUNCHER,
    folder: CHECKOUT,
    path: '/usr/local/bin:/usr/bin',
    isExecutable: (path) => executables.includes(path),
    ...others,
  };
}

describe('startedAs', () => {
  it('gives the name alone of what PATH leads to', () => {
    expect(startedAs(start({ script: LINK }))).toBe('image-copier');
  });

  it.each(['/opt/bin:/usr/local/bin', 'bin:/usr/local/bin', ':/usr/local/bin'])(
    'gives the path if %s leads to another of that name',
    (path) => {
      const others = ['/opt/bin/image-copier', `${CHECKOUT}/bin/image-copier`, `${CHECKOUT}/image-copier`];

      expect(startedAs(start({ script: LINK, path, executables: [LINK, ...others] }))).toBe(LINK);
    },
  );

  it('gives the path from the current folder of what is below it', () => {
    expect(startedAs(start({}))).toBe('./scripts/tool/image-copier.mjs');
    expect(startedAs(start({ folder: `${CHECKOUT}/scripts/tool` }))).toBe('./image-copier.mjs');
  });

  it('gives the whole path of what is elsewhere', () => {
    expect(startedAs(start({ folder: '/home/ann' }))).toBe('./image-copier/scripts/tool/image-copier.mjs');
    expect(startedAs(start({ folder: '/home/ben' }))).toBe(LAUNCHER);
  });

  it('names node for what no shell can run by itself', () => {
    const script = `${CHECKOUT}/scripts/dist/image-copier.mjs`;

    expect(startedAs(start({ script, file: script }))).toBe('node scripts/dist/image-copier.mjs');
    expect(startedAs(start({ script, file: script, folder: '/' }))).toBe(
      'node home/ann/image-copier/scripts/dist/image-copier.mjs',
    );
  });

  it('quotes a path with blanks', () => {
    const script = "/home/ann/Ann's tools/image-copier.mjs";

    expect(startedAs(start({ script, folder: '/', executables: [script] }))).toBe(
      String.raw`'./home/ann/Ann'\''s tools/image-copier.mjs'`,
    );
    expect(startedAs(start({ script, folder: '/tmp' }))).toBe(
      String.raw`node '/home/ann/Ann'\''s tools/image-copier.mjs'`,
    );
  });

  it.each([
    `${CHECKOUT}/node_modules/.bin/image-copier`,
    '/home/ann/.npm/_npx/0a1b2c3d/node_modules/.bin/image-copier',
    String.raw`C:\Users\ann\npm-cache\_npx\0a1b2c3d\image-copier`,
  ])('never gives npx, nor what npx put on PATH: %s', (script) => {
    const path = `${script.replace(/[\\/]image-copier$/, '')}:/usr/bin`;

    expect(startedAs(start({ script, path, executables: [script, LAUNCHER] }))).toBe('./scripts/tool/image-copier.mjs');
  });
});
