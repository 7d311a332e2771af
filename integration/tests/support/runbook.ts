import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../../scripts/tool/common/paths.ts';
import { Shell } from './shell.ts';

const BLOCK = /```console\n\$ ((?:image-copier|aws) [^\n]+)\n([^`]*)```/g;

/** A command of the runbook, and what the runbook says that it prints. */
export interface Step {
  readonly command: string;
  readonly shown: string;
}

export interface Printed {
  readonly code: number | null;
  /** Both outputs, in their order. */
  readonly output: string;
}

/** A document of commands in sections, which can be run, compared, and written anew with what they printed. */
export class Runbook {
  readonly #file: string;
  readonly #shell: Shell;
  #text: string;

  /**
   * @param file of the document
   * @param folder to run the commands in
   * @param environment of the commands
   */
  constructor(file: string, folder: string, environment: NodeJS.ProcessEnv) {
    this.#file = join(ROOT, file);
    this.#shell = new Shell(folder, environment);
    this.#text = readFileSync(this.#file, 'utf8');
  }

  /** The titles of the sections that have steps. */
  get sections(): string[] {
    const titles = Array.from(this.#text.matchAll(/^## (.+)$/gm), ([, title = '']) => title);
    return titles.filter((title) => this.stepsOf(title).length > 0);
  }

  stepsOf(section: string): Step[] {
    return Array.from(this.textOf(section).matchAll(BLOCK), ([, command = '', shown = '']) => ({ command, shown }));
  }

  /** All that a section says. */
  textOf(section: string): string {
    const [, text = ''] = this.#text.split(`\n## ${section}\n`);
    return text.split('\n## ')[0] ?? '';
  }

  /**
   * Runs a step.
   * @param names what the runbook's names stand for here: account ids, image ids
   */
  async run({ command }: Step, names: Readonly<Record<string, string>>): Promise<Printed> {
    const program = command.replace(/\S+/g, (word) => replaced(word, names));
    const { code, stdout: output } = await this.#shell.paste('sh', `${program} 2>&1`);
    const reverse = Object.fromEntries(Object.entries(names).map(([shown, real]) => [real, shown]));
    return { code, output: replaced(output, reverse) };
  }

  /** Writes what a step printed into the document, in place of what stood there. */
  write({ command, shown }: Step, output: string): void {
    const block = (text: string) => `\`\`\`console\n$ ${command}\n${text}\`\`\``;
    this.#text = this.#text.replace(block(shown), () => block(output));
    writeFileSync(this.#file, this.#text);
  }
}

function replaced(text: string, names: Readonly<Record<string, string>>): string {
  return Object.entries(names).reduce((result, [from, to]) => result.replaceAll(from, to), text);
}

/** What stays the same from run to run: ids, times and counts of seconds are not, and widths of columns follow them. */
export function inOneForm(output: string): string {
  return output
    .replace(/\b(ami|i|snap)-[0-9a-f]{17}\b/g, '$1-x')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'uuid')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'time')
    .replace(/^[0-9a-f]{8} /gm, 'id ')
    .replace(/\b\d+(\.\d+)? (s|min|h)\b/g, 'n s')
    .replace(/\b\d+(\.\d+)? (MiB|accounts a minute)\b/g, 'n $2')
    .replace(/\d+( +\.image-copier\/logs)/g, 'n$1')
    .replace(/[ \t]+/g, ' ')
    .replace(/-{2,}/g, '--');
}

/** Whether a command printed what the runbook shows; a line `…` stands for any lines. */
export function isAsShown(output: string, shown: string): boolean {
  const parts = inOneForm(shown)
    .split(/^…\n/m)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('(?:.*\\n)*?')}$`).test(inOneForm(output));
}
