import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { alarmResources } from './alarms.ts';
import { dashboardResources } from './dashboard.ts';
import { functionResources } from './function.ts';
import { HOURS_TABLE, type HoursRow } from './hours.ts';
import { KEY_ARN, keyResources } from './key.ts';
import { attribute, join as joinTexts, ref, type Resources, type Value } from './intrinsics.ts';
import { parametersOf, type Parameter } from './parameters.ts';
import { lostZerosConditions, queueResources } from './queue.ts';
import { retireResources } from './retire.ts';
import { settleResources } from './settle.ts';
import { readVariables } from './variables.ts';

const VARIABLES = join(import.meta.dirname, '..', 'modules', 'image-copier', 'variables.tf');

export interface Template {
  readonly AWSTemplateFormatVersion: string;
  readonly Description: string;
  readonly Parameters: Readonly<Record<string, Parameter>>;
  readonly Mappings: Readonly<Record<string, Readonly<Record<string, HoursRow>>>>;
  readonly Conditions: Readonly<Record<string, Value>>;
  readonly Resources: Resources;
  readonly Outputs: Readonly<Record<string, { Description: string; Value: Value }>>;
}

/** The CloudFormation template of all that the HCL module image-copier makes in one account and Region. */
export function imageCopierTemplate(): Template {
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'Image Copier: encrypted copies of shared EC2 machine images in this account and Region',
    Parameters: parametersOf(readVariables(readFileSync(VARIABLES, 'utf8'))),
    Mappings: { Hours: HOURS_TABLE },
    Conditions: {
      HasAlarmTopic: isGiven('AlarmTopicName'),
      CopiesDeprecation: { 'Fn::Equals': [ref('CopyDeprecation'), 'true'] },
      HasAlarmTopicAccount: isGiven('AlarmTopicAccountId'),
      HasApproval: isGiven('Approval'),
      HasCodeSigning: isGiven('CodeSigningConfigArn'),
      HasDashboard: { 'Fn::Equals': [ref('WithDashboard'), 'true'] },
      HasHousekeepingTopic: isGiven('HousekeepingTopicArn'),
      HasLogKey: isGiven('LogKmsKeyArn'),
      HasPermissionsBoundary: isGiven('PermissionsBoundaryName'),
      HasReconcileRegions: isGiven('ReconcileRegions'),
      HasResultsTopic: isGiven('ResultsTopicArn'),
      HasRetention: isGiven('Retention'),
      HasSourceKeys: isGiven('SourceKeyArns'),
      HasTrustedOwners: isGiven('TrustedOwnerIds'),
      HasVpc: { 'Fn::Not': [{ 'Fn::Equals': [joinTexts('', ref('SubnetIds')), ''] }] },
      MakesKey: { 'Fn::Equals': [ref('KmsKeyArn'), ''] },
      IsDeletionProtected: { 'Fn::Equals': [ref('DeletionProtection'), 'true'] },
      IsFips: { 'Fn::Equals': [ref('UseFipsEndpoints'), 'true'] },
      IsFilterEnabled: { 'Fn::Equals': [ref('FilterEnabled'), 'true'] },
      ...lostZerosConditions,
    },
    Resources: {
      ...keyResources,
      ...queueResources,
      ...functionResources,
      ...settleResources,
      ...retireResources,
      ...alarmResources,
      ...dashboardResources,
    },
    Outputs: {
      DeadLetterQueueUrl: {
        Description: 'URL of the queue for requests that were rejected or given up.',
        Value: ref('DeadLetters'),
      },
      KeyArn: { Description: 'ARN of the key that copies are encrypted with.', Value: KEY_ARN },
      RoleArn: {
        Description:
          'ARN of the role of the function that copies. Allow it in the key policies of encrypted source snapshots.',
        Value: attribute('CopyImageRole', 'Arn'),
      },
    },
  };
}

function isGiven(parameter: string): Value {
  return { 'Fn::Not': [{ 'Fn::Equals': [ref(parameter), ''] }] };
}
