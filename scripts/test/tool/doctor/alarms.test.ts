import { DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from '@jest/globals';
import { ALARMS, checkAlarms, readAlarms, type AlarmFacts } from '../../../tool/doctor/alarms.ts';
import { ACCOUNT, codes, COPIER } from './facts.ts';
import { awsWithCopier } from './healthy-copier.ts';

const NOW_MS = Date.parse('2026-11-26T03:00:00Z');

function alarms(changes: Readonly<Record<string, Partial<AlarmFacts>>> = {}): AlarmFacts[] {
  return ALARMS.map((suffix) => ({
    name: `image-copier-${suffix}`,
    state: 'OK',
    description: `About ${suffix}.`,
    isEnabled: true,
    actions: ['arn:aws:sns:eu-west-1:222222222222:on-call'],
    configuredAtMs: 0,
    ...changes[suffix],
  }));
}

describe('checkAlarms', () => {
  it('finds nothing in alarms as the module makes them', () => {
    expect(checkAlarms(alarms(), [], NOW_MS, COPIER)).toEqual([]);
    expect(checkAlarms(alarms({ 'no-sweep': { state: 'INSUFFICIENT_DATA' } }), [], NOW_MS, COPIER)).toEqual([]);
  });

  it('finds alarms that are gone, all in one', () => {
    const left = alarms().filter(({ name }) => !/settling|no-sweep/.test(name));

    expect(checkAlarms(left, [], NOW_MS, COPIER)).toMatchObject([
      { code: 'AlarmMissing', severity: 'warning', subject: 'image-copier-no-sweep, image-copier-settling' },
    ]);
  });

  it('finds alarms that tell nobody', () => {
    const silent = alarms({ settling: { isEnabled: false } });
    const lonely = alarms().map((alarm) => ({ ...alarm, actions: [] }));

    expect(codes(checkAlarms(silent, [], NOW_MS, COPIER))).toEqual(['AlarmActionsDisabled']);
    expect(codes(checkAlarms(lonely, [], NOW_MS, COPIER))).toEqual(['AlarmsTellNobody']);
    expect(codes(checkAlarms([], [], NOW_MS, COPIER))).toEqual(['AlarmMissing']);
  });

  it('finds alarms that are on, but not those whose cause is told already', () => {
    const on = alarms({ 'dead-letters': { state: 'ALARM' }, settling: { state: 'ALARM' } });

    expect(checkAlarms(on, [], NOW_MS, COPIER).map(({ code, subject }) => [code, subject])).toEqual([
      ['AlarmOn', 'image-copier-dead-letters'],
      ['AlarmOn', 'image-copier-settling'],
    ]);
    expect(checkAlarms(on, ['dead-letters'], NOW_MS, COPIER)).toMatchObject([
      { code: 'AlarmOn', severity: 'problem', subject: 'image-copier-settling', why: 'About settling.' },
    ]);
  });

  it('only notes that a new copier has not swept', () => {
    const on = (sinceMs: number) => alarms({ 'no-sweep': { state: 'ALARM', configuredAtMs: NOW_MS - sinceMs } });

    expect(checkAlarms(on(59 * 60_000), [], NOW_MS, COPIER)).toMatchObject([{ code: 'NoSweepYet', severity: 'note' }]);
    expect(codes(checkAlarms(on(60 * 60_000), [], NOW_MS, COPIER))).toEqual(['AlarmOn']);
  });

  it('leaves alone what another copier or somebody else made', () => {
    const other = { ...alarms()[0], name: 'image-copier-2-dead-letters', state: 'ALARM' } as AlarmFacts;
    expect(checkAlarms([...alarms(), other], [], NOW_MS, COPIER)).toEqual([]);
  });
});

describe('readAlarms', () => {
  it('reads the alarms of a copier', async () => {
    const configuredAtMs = Date.parse('2026-01-01T00:00:00Z');
    const read = await readAlarms(awsWithCopier().connect({}).cloudwatch, 'image-copier');

    expect(read).toEqual(
      alarms().map((alarm) => ({
        ...alarm,
        actions: ['arn:aws:sns:eu-west-1:222222222222:on-call'],
        configuredAtMs,
      })),
    );
  });

  it('reads further pages, and alarms of which CloudWatch says little', async () => {
    const aws = awsWithCopier();
    aws
      .in(ACCOUNT)
      .cloudwatch.on(DescribeAlarmsCommand)
      .resolves({ MetricAlarms: [{ AlarmName: 'one' }], NextToken: 'more' })
      .on(DescribeAlarmsCommand, { NextToken: 'more' })
      .resolves({ MetricAlarms: [{ AlarmName: 'two', StateValue: 'ALARM', ActionsEnabled: false }] });

    const unsaid = { description: '', actions: [], configuredAtMs: 0 };
    expect(await readAlarms(aws.connect({}).cloudwatch, 'image-copier')).toEqual([
      { name: 'one', state: '', isEnabled: true, ...unsaid },
      { name: 'two', state: 'ALARM', isEnabled: false, ...unsaid },
    ]);
  });
});
