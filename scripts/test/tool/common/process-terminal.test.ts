import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { processTerminal } from '../../../tool/common/process-terminal.ts';

const TTY = { isTTY: true, columns: 80, rows: 24 };

/** The streams of a process, which are pipes, or one terminal. */
function streams({ isTTY }: { readonly isTTY: boolean }) {
  const open = () => Object.assign(new PassThrough(), isTTY && TTY);
  return { stdin: open(), stdout: open(), stderr: open() };
}

const read = (stream: PassThrough) => String(stream.read() ?? '');
const { signal } = new AbortController();

describe('the outputs of a process', () => {
  it('go to their own streams', () => {
    const { stdin, stdout, stderr } = streams({ isTTY: false });
    const { out, err } = processTerminal({ stdin, stdout, stderr });

    out.write('asked for');
    err.write('went wrong');

    expect([read(stdout), read(stderr)]).toEqual(['asked for', 'went wrong']);
  });

  it('have the size of the terminal, also after it has changed', () => {
    const { stdin, stdout, stderr } = streams({ isTTY: true });
    const { out, err } = processTerminal({ stdin, stdout, stderr });
    Object.assign(stdout, { columns: 120 });

    expect(out.size).toEqual({ columns: 120, rows: 24 });
    expect(err.size).toEqual({ columns: 80, rows: 24 });
  });

  it('have no size if the terminal does not know its own', () => {
    const { stdin, stdout, stderr } = streams({ isTTY: true });
    Object.assign(stdout, { columns: 0, rows: 0 });
    const { out } = processTerminal({ stdin, stdout, stderr });

    expect(out.size).toBeUndefined();
  });

  it('have no size if they go elsewhere', () => {
    const { out, err } = processTerminal(streams({ isTTY: false }));

    expect([out.size, err.size]).toEqual([undefined, undefined]);
  });
});

describe('a question', () => {
  it.each([
    ['there is somebody', { stdin: TTY, stderr: TTY }, true],
    ['nobody reads it', { stdin: TTY, stderr: {} }, false],
    ['nobody answers', { stdin: {}, stderr: TTY }, false],
  ])('can be asked only if there is somebody: %s', (_, { stdin, stderr }, canAsk) => {
    const pipes = streams({ isTTY: false });
    Object.assign(pipes.stdin, stdin);
    Object.assign(pipes.stderr, stderr);

    expect(processTerminal(pipes).canAsk).toBe(canAsk);
  });

  it.each([
    ['yes\n', true],
    [' yes \r\n', true],
    ['y\n', false],
    ['Yes\n', false],
    ['\n', false],
    ['no\nyes\n', false],
  ])('is answered by %j', async (typed, agreed) => {
    const terminal = streams({ isTTY: true });
    const answer = processTerminal(terminal).confirm('Remove it?', signal);
    terminal.stdin.write(typed);

    expect(await answer).toBe(agreed);
    expect([read(terminal.stdout), read(terminal.stderr)]).toEqual(['', 'Remove it? ']);
  });

  it('is not agreed to by the end of the input', async () => {
    const terminal = streams({ isTTY: true });
    const answer = processTerminal(terminal).confirm('Remove it?', signal);
    terminal.stdin.end();

    expect(await answer).toBe(false);
  });

  it('ends with the reason of the one who stops it', async () => {
    const stop = new AbortController();
    const reason = new Error('Stopped.');
    const rejected = expect(processTerminal(streams({ isTTY: true })).confirm('Remove it?', stop.signal)).rejects.toBe(
      reason,
    );
    stop.abort(reason);

    await rejected;
  });
});
