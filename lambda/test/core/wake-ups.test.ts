import { describe, expect, it } from '@jest/globals';
import { readWakeUp } from '../../src/core/wake-ups.ts';
import { COPY } from '../factories.ts';

const stateChange = {
  version: '0',
  id: 'event-1',
  source: 'aws.ec2',
  'detail-type': 'EC2 AMI State Change',
  resources: [`arn:aws:ec2:eu-west-1::image/${COPY}`],
  detail: { RequestId: 'r', ImageId: COPY, State: 'failed', ErrorMessage: 'key' },
};

describe('readWakeUp', () => {
  it('reads the state of an image', () => {
    expect(readWakeUp(JSON.stringify(stateChange))).toEqual({ kind: 'image', imageId: COPY, state: 'failed' });
  });

  it('reads the schedule as a sweep', () => {
    const scheduled = { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} };

    expect(readWakeUp(JSON.stringify(scheduled))).toEqual({ kind: 'sweep' });
  });

  it.each([
    ['no JSON', 'hello'],
    ['no event', '[]'],
    ['an event of another source', JSON.stringify({ ...stateChange, source: 'image-copier' })],
    [
      'another event of EC2',
      JSON.stringify({ ...stateChange, 'detail-type': 'EC2 Instance State-change Notification' }),
    ],
    ['an event without an image', JSON.stringify({ ...stateChange, detail: { State: 'failed' } })],
  ])('does not know %s', (_what, body) => {
    expect(readWakeUp(body)).toEqual({ kind: 'unknown', text: body.slice(0, 200) });
  });

  it('keeps no more of it than a log needs', () => {
    expect(readWakeUp('x'.repeat(256 * 1024))).toEqual({ kind: 'unknown', text: 'x'.repeat(200) });
  });
});
