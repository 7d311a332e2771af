import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * What a real Terraform would print and write of it, as far as the tool reads it. In files beside it tests say for a command in
 * a stack that it fails, that it waits, and what it puts out.
 */
const PROGRAM = `#!/bin/sh
world=\${0%/bin/*}
program=\${0##*/}
command=$1
stack=\${PWD##*/}
if [ "$command" = version ]; then cat "$world/$program version"; exit; fi
echo "$command $stack" >> "$world/calls"
shift
echo "$*" >> "$world/args"
state=../../states/$stack.tfstate
if [ -e "$world/$command $stack waits" ]; then
  trap 'echo "Interrupt received."; exit 1' INT
  read -r _ < "$world/$command $stack waits"
fi
if [ -e "$world/$command $stack fails" ]; then cat "$world/$command $stack fails" >&2; exit 1; fi
case $command in
  init)
    if [ -e .terraform.lock.hcl ]; then echo "$stack" >> "$world/locked"; fi
    if [ "$program" = tofu ]; then registry=registry.opentofu.org; else registry=registry.terraform.io; fi
    mkdir -p "$TF_DATA_DIR/providers/$registry/hashicorp/aws/5.100.0/linux_amd64"
    printf 'provider "%s/hashicorp/aws" {\\n  version = "5.100.0"\\n}\\n' "$registry" > .terraform.lock.hcl
    ;;
  plan)
    echo '  # module.image-copier-eu-west-1.aws_sqs_queue.requests will be created'
    echo '  # module.image-copier-eu-west-1.aws_kms_key.copies[0] must be replaced'
    echo 'Plan: 2 to add, 1 to change, 0 to destroy.'
    ;;
  apply)
    echo 'Plan: 2 to add, 1 to change, 0 to destroy.'
    echo 'aws_kms_key.copies: Creation complete after 1s [id=1]'
    echo 'aws_sqs_queue.requests: Creation complete after 1s [id=2]'
    echo 'aws_sns_topic.results: Modifications complete after 1s [id=3]'
    echo
    echo 'Apply complete! Resources: 2 added, 1 changed, 0 destroyed.'
    echo '{"resources":[{}]}' > "$state"
    ;;
  destroy)
    echo 'Plan: 0 to add, 0 to change, 2 to destroy.'
    echo
    echo 'Destroy complete! Resources: 2 destroyed.'
    echo '{"resources":[]}' > "$state"
    ;;
  output)
    if [ -e "$world/$stack outputs" ]; then cat "$world/$stack outputs"; else echo '{}'; fi
    ;;
esac
`;

/** A folder with a program, `terraform` or `tofu`, that does nothing but keep what it was called for. */
export class FakeTerraform {
  readonly folder = mkdtempSync(join(tmpdir(), 'fake-terraform-'));
  readonly out = join(this.folder, 'out');
  /** With what the program is found, and with settings of its own, so that nobody looks for a mirror. */
  readonly env = {
    PATH: `${join(this.folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    TF_CLI_CONFIG_FILE: join(this.folder, 'cli.tfrc'),
  };

  constructor({ name = 'Terraform', version = '1.11.4', platform = 'linux_amd64' } = {}) {
    mkdirSync(join(this.folder, 'bin'));
    writeFileSync(this.env.TF_CLI_CONFIG_FILE, '');
    this.install(name === 'OpenTofu' ? 'tofu' : 'terraform', name, version, platform);
  }

  /** Puts a program on PATH. */
  install(command: string, name: string, version: string, platform = 'linux_amd64'): void {
    writeFileSync(join(this.folder, 'bin', command), PROGRAM, { mode: 0o755 });
    this.write(`${command} version`, `${name} v${version}\non ${platform}\n`);
  }

  /** Each call but for the version, as `apply payments`, in the order of their beginnings. */
  get calls(): string[] {
    return this.#lines('calls');
  }

  /** Of each call the further arguments. */
  get args(): string[] {
    return this.#lines('args');
  }

  /** The stacks whose init was told by a lock file which provider to take. */
  get locked(): string[] {
    return this.#lines('locked');
  }

  /** The calls since the last time. */
  takeCalls(): string[] {
    const { calls } = this;
    rmSync(join(this.folder, 'calls'), { force: true });
    return calls;
  }

  /** Lets a call fail with some words, until {@link heal}. */
  fail(call: string, words: string): void {
    this.write(`${call} fails`, `${words}\n`);
  }

  heal(call: string): void {
    rmSync(join(this.folder, `${call} fails`));
  }

  /** What `terraform output` gives of a stack. */
  putOut(stack: string, outputs: Readonly<Record<string, unknown>>): void {
    const named = Object.entries(outputs).map(([name, value]) => [name, { value }]);
    this.write(`${stack} outputs`, JSON.stringify(Object.fromEntries(named)));
  }

  /**
   * Lets a call wait.
   * @returns what is done once it waits: it goes on when that is
   */
  hold(call: string): (meanwhile: () => unknown) => Promise<void> {
    const pipe = join(this.folder, `${call} waits`);
    execFileSync('mkfifo', [pipe]);
    return async (meanwhile) => {
      // It opens when the other end does.
      const handle: FileHandle = await open(pipe, 'w');
      try {
        await meanwhile();
      } finally {
        rmSync(pipe);
        await handle.close();
      }
    };
  }

  /** What a stack's `cdk.tf.json` says. */
  configurationOf(stack: string): unknown {
    return JSON.parse(readFileSync(join(this.out, 'stacks', stack, 'cdk.tf.json'), 'utf8'));
  }

  write(file: string, text: string): string {
    const path = join(this.folder, file);
    writeFileSync(path, text);
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  #lines(name: string): string[] {
    const file = join(this.folder, name);
    return existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  }
}
