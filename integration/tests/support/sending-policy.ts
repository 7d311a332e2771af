/** A queue's policy that lets a service send to it on behalf of one topic or rule: without it nothing is delivered. */
export function sendingPolicy(service: 'events' | 'sns', queueArn: string, sourceArn: string): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: `${service}.amazonaws.com` },
        Action: 'sqs:SendMessage',
        Resource: queueArn,
        Condition: { ArnEquals: { 'aws:SourceArn': sourceArn } },
      },
    ],
  });
}
