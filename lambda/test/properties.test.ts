// One file for all of them: to load fast-check takes longer than most of these tests.
import './properties/client-token.tests.ts';
import './properties/copy-marker.tests.ts';
import './properties/copy-request.tests.ts';
import './properties/copy-tags.tests.ts';
import './properties/dead-letter.tests.ts';
import './properties/ec2-errors.tests.ts';
import './properties/gate.tests.ts';
import './properties/reconcile.tests.ts';
import './properties/retry-delay.tests.ts';
import './properties/settle-copy.tests.ts';
