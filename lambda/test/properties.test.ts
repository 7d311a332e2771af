// One file for all of them: to load fast-check takes longer than most of these tests.
import './properties/client-token.ts';
import './properties/copy-marker.ts';
import './properties/copy-request.ts';
import './properties/copy-tags.ts';
import './properties/dead-letter.ts';
import './properties/ec2-errors.ts';
import './properties/retry-delay.ts';
import './properties/settle-copy.ts';
