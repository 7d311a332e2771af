// The practical floor: sends the requests that it is given, signed by hand, and does nothing else.
// Steps are sent one after the other, the requests of a step at once. AWS IAM User Guide, "Create a signed AWS API request".

import { createHash, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL } = process.env;
const endpoint = new URL(AWS_ENDPOINT_URL);
const steps = JSON.parse(readFileSync(new URL('steps.json', import.meta.url), 'utf8'));
/** One for each service: each has an endpoint of its own on AWS. */
const agents = new Map();

export async function handler(event) {
  for (const { body } of event.Records) JSON.parse(body);
  for (const step of steps) await Promise.all(step.map(send));
}

function send({ service, headers, body }) {
  let agent = agents.get(service);
  if (!agent) agents.set(service, (agent = new Agent({ keepAlive: true })));
  const signed = sign(service, { ...headers, host: endpoint.host }, body);
  return new Promise((resolve, reject) => {
    const sent = request(endpoint, { method: 'POST', agent, headers: signed }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const answer = Buffer.concat(chunks).toString();
        // That there is no such parameter is an answer too: copy-image asks whether the image was taken away.
        if (response.statusCode === 200 || answer.includes('ParameterNotFound')) resolve(answer);
        else reject(new Error(`${response.statusCode} ${answer}`));
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function sign(service, headers, body) {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const date = time.slice(0, 8);
  const all = { ...headers, 'x-amz-date': time, 'x-amz-security-token': AWS_SESSION_TOKEN };
  const names = Object.keys(all).sort();
  const list = names.join(';');
  const canonical = ['POST', '/', '', ...names.map((name) => `${name}:${all[name]}`), '', list, hash(body)].join('\n');
  const scope = `${date}/${AWS_REGION}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', time, scope, hash(canonical)].join('\n');
  const key = [date, AWS_REGION, service, 'aws4_request'].reduce(hmac, `AWS4${AWS_SECRET_ACCESS_KEY}`);
  const signature = createHmac('sha256', key).update(text).digest('hex');
  const credential = `Credential=${AWS_ACCESS_KEY_ID}/${scope}`;
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${list}, Signature=${signature}`;
  return { ...all, authorization, 'content-length': Buffer.byteLength(body) };
}

function hash(text) {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key, text) {
  return createHmac('sha256', key).update(text).digest();
}
